import { expect, it } from "vitest";
import { routes } from "../api/routes/index.ts";
import { costOverDashboard } from "./cost.ts";

const costsOf = (query: unknown, body: unknown) =>
  Object.fromEntries(routes.map((route) => [route.operation, costOverDashboard(route, { value: body }, query)]));

it("over the dashboard, what writes or draws a file costs what it costs over the API, and reads are free", () => {
  const costs = costsOf({ format: "png" }, { qr_codes: Array.from({ length: 100 }, () => ({})) });
  expect(costs).toEqual({
    ...{ listQrCodes: 0, getQrCode: 0, countScans: 0, listProjects: 0, getProject: 0, listLogos: 0, getUsage: 0 },
    ...{
      createQrCode: 1,
      batchCreateQrCodes: 100,
      updateQrCode: 1,
      createProject: 1,
      updateProject: 1,
      createLogo: 1,
      getQrCodeImage: 1,
    },
  });
});

it("over the dashboard, the SVG that pages show is a read", () => {
  expect(costsOf({ format: "svg", size: "64" }, {}).getQrCodeImage).toBe(0);
  expect(costsOf({ format: ["svg"] }, {}).getQrCodeImage).toBe(1);
  expect(costsOf({}, {}).getQrCodeImage).toBe(1);
});
