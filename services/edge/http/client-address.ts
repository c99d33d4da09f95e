import type { IncomingMessage } from "node:http";
import proxyAddr from "@fastify/proxy-addr";
import ipaddr from "ipaddr.js";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { RawRequest } from "./exchange.ts";
import type { AddressList } from "./trusted-proxies.ts";

/** Origin of a request. */
export interface Origin {
  /** The client's address in canonical form: the last one on the request's way that is not a trusted proxy's. */
  address: string;
  /** Whether the connection itself comes from a trusted proxy, whose forwarding headers are used. */
  isProxied: boolean;
  /** Whether the client's own connection is TLS. */
  isSecure: boolean;
}

/**
 * Returns a function that determines the origin of a request. It reads the connection when the request arrives, since a
 * client may disconnect later; further calls for the same request return the same value.
 */
export function createOriginLookup(trustedProxies: AddressList, log: Logger): (request: RawRequest) => Origin {
  const known = new WeakMap<RawRequest, Origin>();
  let hasWarned = false;

  function find(request: RawRequest): Origin {
    const { socket, headers } = request;
    const peer = plainAddress(socket?.remoteAddress ?? "");
    const isProxied = trustedProxies(peer);
    if (!isProxied && headers["x-forwarded-for"] !== undefined && !hasWarned) {
      hasWarned = true;
      const message = "X-Forwarded-For from an address that is not in TRUSTED_PROXIES is ignored";
      log.warn({ address: peer }, message);
    }
    const isTls = "encrypted" in socket && socket.encrypted === true;
    return {
      // proxy-addr reads the headers and the socket, which both HTTP versions have; its types allow only HTTP/1.1.
      address: isProxied ? forwardedAddress(request as IncomingMessage, trustedProxies) : peer,
      isProxied,
      isSecure: isTls || (isProxied && /^https\s*(?:,|$)/i.test(String(headers["x-forwarded-proto"] ?? ""))),
    };
  }

  return (request) => {
    const found = known.get(request) ?? find(request);
    known.set(request, found);
    return found;
  };
}

function forwardedAddress(request: IncomingMessage, trustedProxies: AddressList): string {
  return plainAddress(proxyAddr(request, (address) => trustedProxies(plainAddress(address))));
}

/** Returns an address in canonical form: no port, brackets or zone, mapped IPv6 as IPv4. Returns other text unchanged. */
export function plainAddress(text: string): string {
  const trimmed = text.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  const address = bare.replace(/%.*$/, "");
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : trimmed;
}
