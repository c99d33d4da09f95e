import type { FastifyInstance } from "fastify";
import type { RequestSlots } from "../pipeline/load-shedding.ts";

/** Limits how many pages and files are prepared at the same time. */
export function boundPages(scope: FastifyInstance, slots: RequestSlots): void {
  const taken = new WeakMap<object, Disposable>();
  scope.addHook("onRequest", async (request) => void taken.set(request, slots.acquire()));
  const free = (request: object) => taken.get(request)?.[Symbol.dispose]();
  // The response is complete here; a client that reads it slowly holds no slot.
  scope.addHook("onSend", async (request) => free(request));
  scope.addHook("onRequestAbort", async (request) => free(request));
}
