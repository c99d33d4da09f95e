import { limits } from "../../../../contracts/limits.ts";
import { ServiceError } from "../../../../platform/errors.ts";
import { omitUndefined } from "../../../../platform/omit-undefined.ts";
import { replayHeaders } from "../idempotency.ts";
import { bodyOf, listQuery, newLogo, noBody, noParams, noQuery, queryOf } from "../requests.ts";
import { required } from "../responses/fields.ts";
import { logoResponse, toLogoResponse } from "../responses/logo.ts";
import { type Route, route } from "../route.ts";

const exampleSvg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle cx="4" cy="4" r="4"/></svg>';
const exampleLogo = `data:image/svg+xml;base64,${Buffer.from(exampleSvg).toString("base64")}`;

export const logoRoutes: Route[] = [
  route({
    method: "GET",
    path: "/v1/logos",
    operation: "listLogos",
    summary: "List logos, newest first",
    reference: {
      description: "The account's logos, also those that came with a style.",
      data: logoResponse,
      isList: true,
      status: 200,
      failures: [],
      example: { query: "page_size=20" },
    },
    params: noParams,
    query: queryOf(listQuery),
    body: noBody,
    async handle({ accountId, query, upstreams, timeoutMs }) {
      const page = await upstreams.symbols.listLogos(
        omitUndefined({ accountId, pageSize: query.page_size, pageToken: query.next_page_token }),
        { timeoutMs },
      );
      return { items: page.logos.map(toLogoResponse), nextPageToken: page.nextPageToken };
    },
  }),
  route({
    method: "POST",
    path: "/v1/logos",
    operation: "createLogo",
    summary: "Upload a logo",
    reference: {
      description:
        "The bytes of a PNG, JPEG or SVG as the body, or its data URL in JSON; at most 1 MiB. Styles take its `id`. The same picture has the same id. A logo that no code has is deleted after a day.",
      data: logoResponse,
      status: 201,
      failures: ["INVALID_PAYLOAD"],
      example: { body: { logo: exampleLogo } },
    },
    params: noParams,
    query: noQuery,
    body: bodyOf({ logo: newLogo }).meta({ id: "NewLogo", description: "A logo to upload" }),
    takesPicture: true,
    async handle({ accountId, body, idempotency, upstreams, timeoutMs }) {
      if (body.logo.length > limits.logoBytesMax) {
        throw new ServiceError("PAYLOAD_TOO_LARGE", `The logo is over ${limits.logoBytesMax / 1024} KiB.`);
      }
      const request = omitUndefined({ accountId, content: body.logo, idempotency });
      const { logo, replayed } = await upstreams.symbols.createLogo(request, { timeoutMs });
      return { data: toLogoResponse(required(logo, "a logo")), status: 201, headers: replayHeaders(replayed) };
    },
  }),
];
