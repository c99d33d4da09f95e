import type { FastifyInstance } from "fastify";
import type { RequestSlots } from "../pipeline/load-shedding.ts";

/** Bounds how many pages and files are made ready at once. */
export function boundPages(scope: FastifyInstance, slots: RequestSlots): void {
  const taken = new WeakMap<object, Disposable>();
  scope.addHook("onRequest", async (request) => void taken.set(request, slots.acquire()));
  const free = (request: object) => taken.get(request)?.[Symbol.dispose]();
  // The answer is handed over here; the client's reading of it holds nothing.
  scope.addHook("onSend", async (request) => free(request));
  scope.addHook("onRequestAbort", async (request) => free(request));
}
