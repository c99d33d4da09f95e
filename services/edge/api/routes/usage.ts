import { noBody, noParams, noQuery } from "../requests.ts";
import { toUsageResponse, usageResponse } from "../responses/usage.ts";
import { type Route, route } from "../route.ts";

export const usageRoutes: Route[] = [
  route({
    method: "GET",
    path: "/v1/usage",
    operation: "getUsage",
    summary: "Read both windows of the caller's account",
    reference: {
      description: "As this very request left them.",
      data: usageResponse,
      status: 200,
      failures: [],
      example: {},
    },
    params: noParams,
    query: noQuery,
    body: noBody,
    // The decision about this request contains both windows, so that quota need not be called again.
    handle: async ({ decision }) => ({ data: toUsageResponse(decision) }),
  }),
];
