# One image for the four services, the migrations and the operator's tools; the command says which one runs.
# Bases are pinned by the digest of their index for all platforms.
FROM node:26.10.0-bookworm-slim@sha256:662933cf47f013bc8e4beb31a6116448427a82057ba7c42c97e4c5ba766504c2 AS node

FROM node AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts scripts
COPY patches patches
# Without the embedded Postgres and Node of the development install, and without development tools; of the scripts that
# packages would run, only our own.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && node scripts/patch-packages.mjs

FROM node AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
# With optional packages: the bundler's binary for this machine is one.
RUN npm ci --ignore-scripts
COPY contracts contracts
COPY platform platform
COPY cli cli
COPY scripts scripts
COPY dashboard dashboard
RUN node scripts/build-dashboard.ts

FROM node
LABEL org.opencontainers.image.title=QRForge org.opencontainers.image.version=0.1.0 org.opencontainers.image.licenses=Apache-2.0
ENV NODE_ENV=production HEALTH_LISTEN_ADDRESS=127.0.0.1:9470
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE NOTICE ./
COPY gen gen
COPY contracts contracts
COPY platform platform
COPY cli cli
COPY services services
COPY --from=dashboard /app/dashboard/dist dashboard/dist
# The user node, by number, so that Kubernetes sees that it is not root. Nothing is written outside /tmp.
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=3s --start-period=40s --start-interval=1s CMD ["node", "cli/health.ts"]
ENTRYPOINT ["node"]
CMD ["services/edge/main.ts"]
