import type { Route } from "../route.ts";
import { logoRoutes } from "./logos.ts";
import { projectRoutes } from "./projects.ts";
import { qrCodeRoutes } from "./qr-codes.ts";
import { usageRoutes } from "./usage.ts";

/** Routes of the public API: one entry for each operation, in the order of the reference. */
export const routes: Route[] = [...qrCodeRoutes, ...projectRoutes, ...logoRoutes, ...usageRoutes];
