import { hash } from "node:crypto";
import Bowser from "bowser";
import { isbot } from "isbot";
import { LRUCache } from "lru-cache";
import { Device } from "../../../gen/qrforge/qr/v1/scan_pb.ts";

/** What a scan's request tells about it; kept in memory until the scan is handed in, and never stored. */
export interface Scanner {
  /** The client's address. */
  address: string;
  userAgent: string;
  /** The Referer header. */
  referer: string;
  /** ISO 3166-1 alpha-2 in capitals; empty if not known. */
  country: string;
}

const userAgentLengthMax = 512;
const agentsMax = 1_000;
const referrerLengthMax = 100;
const visitorBytes = 8;

/** Clients that a person runs, or builds in where a person scans; isbot's list has them as well. */
const toolPattern =
  /^(?:node|undici|axios|node-fetch|curl|wget|httpie|postmanruntime|insomnia|python-requests|python-httpx|aiohttp|go-http-client|okhttp|dart|java|ruby)\b/i;

/** What a browser's or program's name for itself tells. */
export interface Agent {
  /** Whether it is a crawler, a link preview or a monitor, by its own word. */
  isRobot: boolean;
  device: Device;
}

/** Agents by what they call themselves; the same few are met over and over. */
export function createAgentLookup(): (userAgent: string) => Agent {
  const known = new LRUCache<string, Agent>({ max: agentsMax });
  return (userAgent) => {
    const text = userAgent.slice(0, userAgentLengthMax);
    let agent = known.get(text);
    if (agent === undefined) {
      agent = { isRobot: isbot(text) && !toolPattern.test(text), device: deviceOf(text) };
      known.set(text, agent);
    }
    return agent;
  };
}

function deviceOf(userAgent: string): Device {
  if (userAgent === "") return Device.UNSPECIFIED;
  switch (Bowser.getParser(userAgent).getPlatformType(true)) {
    case "mobile":
      return Device.MOBILE;
    case "tablet":
      return Device.TABLET;
    case "desktop":
      return Device.DESKTOP;
    case undefined:
    case "":
      return Device.UNSPECIFIED;
    default:
      return Device.OTHER;
  }
}

/** The host of the page that led to a scan; empty if none did, or it cannot be told. */
export function referrerOf(referer: string): string {
  if (!URL.canParse(referer)) return "";
  const { hostname } = new URL(referer);
  return hostname.length <= referrerLengthMax && /^[\x21-\x7e]+$/.test(hostname) ? hostname : "";
}

/**
 * A visitor's name for one day: without the day's salt nobody can tell whose it is, or find them on another day. Salts are all
 * of one length and most of the hash is cut off, so it needs no HMAC, which costs twice as much.
 */
export function visitorOf({ address, userAgent }: Scanner, salt: Uint8Array): Uint8Array {
  const salted = Buffer.concat([salt, Buffer.from(`${address}\n${userAgent}`)]);
  return hash("sha256", salted, "buffer").subarray(0, visitorBytes);
}
