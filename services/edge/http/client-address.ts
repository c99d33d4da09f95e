import type { IncomingMessage } from "node:http";
import type { Http2Stream, ServerHttp2Session } from "node:http2";
import { isIP, type Server, type Socket } from "node:net";
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

/** What a connection says of its other end. */
interface Peer {
  address: string;
  isTls: boolean;
}

/** Peers by the socket of HTTP/1.1, or by the stream of HTTP/2. */
const peers = new WeakMap<Socket | Http2Stream, Peer>();

/** Reads the peer of each connection of a server when it is opened, since Node forgets it when the client disconnects. */
export function readPeers(server: Pick<Server, "on">): void {
  const read = (socket: Socket) => peers.set(socket, peerOf(socket));
  server.on("connection", read);
  server.on("secureConnection", read);
  server.on("session", (session: ServerHttp2Session) => {
    const peer = peerOf(session.socket);
    // Before the server's own listener, which handles the request.
    session.prependListener("stream", (stream) => peers.set(stream, peer));
  });
}

function peerOf(socket: Socket): Peer {
  return {
    address: readAddress(socket.remoteAddress ?? "") ?? "",
    isTls: "encrypted" in socket && socket.encrypted === true,
  };
}

/**
 * Returns a function that determines the origin of a request, of a server whose peers are read. Further calls for the same
 * request return the same value.
 */
export function createOriginLookup(trustedProxies: AddressList, log: Logger): (request: RawRequest) => Origin {
  const known = new WeakMap<RawRequest, Origin>();
  let hasWarned = false;

  function find(request: RawRequest): Origin {
    const { headers } = request;
    // The socket of an HTTP/2 request cannot be used once its client is gone.
    const { address: peer, isTls } = peers.get("stream" in request ? request.stream : request.socket) ?? {
      address: "",
      isTls: false,
    };
    const isProxied = trustedProxies(peer);
    if (!isProxied && headers["x-forwarded-for"] !== undefined && !hasWarned) {
      hasWarned = true;
      const message = "X-Forwarded-For from an address that is not in TRUSTED_PROXIES is ignored";
      log.warn({ address: peer }, message);
    }
    return {
      address: isProxied ? forwardedAddress(headers, peer, trustedProxies) : peer,
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

function forwardedAddress(headers: RawRequest["headers"], peer: string, trustedProxies: AddressList): string {
  // proxy-addr reads the headers and the address of the socket, and nothing else.
  const request = { headers, socket: { remoteAddress: peer } } as IncomingMessage;
  const last = proxyAddr(request, (address) => trustedProxies(readAddress(address) ?? ""));
  // A proxy that sends no address, but a name or "unknown", stands for its clients: else each text would be a client.
  return readAddress(last) ?? peer;
}

/**
 * Returns the address in a text, in canonical form: no quotation marks, port, brackets or zone, mapped IPv6 as IPv4. Undefined
 * if there is none, or one that programs read in different ways: with leading zeros, in hexadecimal, or as one number.
 */
export function readAddress(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();
  const [, bracketed] = /^\[([^\]]*)\](?::[\w.-]*)?$/.exec(bare) ?? [];
  const [, beforePort] = /^(\d+(?:\.\d+){3}):[\w.-]*$/.exec(bare) ?? [];
  const address = (bracketed ?? beforePort ?? bare).replace(/%.*$/, "");
  return isIP(address) === 0 ? undefined : ipaddr.process(address).toString();
}
