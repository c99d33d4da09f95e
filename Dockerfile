# One image for the four services; the command says which one runs.
FROM node:26-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without the embedded Postgres and Node of the development install, and without development tools.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26-bookworm-slim AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
# With optional packages: the bundler's binary for this machine is one.
RUN npm ci --ignore-scripts
COPY platform platform
COPY cli cli
COPY dashboard dashboard
RUN node cli/dashboard.ts

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY gen gen
COPY platform platform
COPY services services
COPY --from=dashboard /app/dashboard/dist dashboard/dist
USER node
ENTRYPOINT ["node"]
CMD ["services/edge/main.ts"]
