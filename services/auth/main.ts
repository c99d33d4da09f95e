import { run } from "../../platform/process/lifecycle.ts";
import { settings } from "./config.ts";
import { start } from "./start.ts";

await run({ name: "auth", settings, start });
