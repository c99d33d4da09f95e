import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import Bowser from "bowser";
import { isbot } from "isbot";
import { LRUCache } from "lru-cache";
import { Device } from "../../../gen/qrforge/qr/v1/scan_pb.ts";

/** Data of a scan's request; held in memory until the scan is sent, and never stored. */
export interface Scanner {
  /** The client's address. */
  address: string;
  userAgent: string;
  /** The Referer header. */
  referer: string;
  /** Country code, ISO 3166-1 alpha-2 in capitals; empty if unknown. */
  country: string;
}

const userAgentLengthMax = 512;
const agentsMax = 1_000;
const referrerLengthMax = 100;
const visitorBytes = 8;

/** Clients that are used by people although isbot's list contains them. */
const toolPattern =
  /^(?:node|undici|axios|node-fetch|curl|wget|httpie|postmanruntime|insomnia|python-requests|python-httpx|aiohttp|go-http-client|okhttp|dart|java|ruby)\b/i;

const phonePattern = /^Mozilla\/5\.0 \((?:Linux;|Android|iPhone|iPad|iPod)|\bCFNetwork\//;
/** The first comment of a browser's User-Agent, which names the model; models may have parentheses of their own. */
const platformPattern = /\((?:[^()]|\([^()]*\))*\)/;
/** What robots write into that comment and no model is called. */
const robotMarkPattern = /\bcompatible\b|https?:|@|bot\/|spider\//i;

/**
 * Returns whether a client identifies itself as a robot. A phone is none whatever its model is called, such as "M bot 60",
 * nor is an app that scans.
 */
function isRobot(userAgent: string): boolean {
  if (toolPattern.test(userAgent)) return false;
  if (!phonePattern.test(userAgent)) return isbot(userAgent);
  const withoutModel = userAgent.replace(platformPattern, (platform) =>
    robotMarkPattern.test(platform) ? platform : "(Linux; Android 10; K)",
  );
  return isbot(withoutModel.replace(/\b\w*scan(?:ner)?\b/gi, ""));
}

/** Properties derived from a User-Agent header. */
export interface Agent {
  /** Whether the client identifies itself as a crawler, link preview or monitor. */
  isRobot: boolean;
  device: Device;
}

/** Cache of agents by User-Agent header; the same few values occur most of the time. */
export function createAgentLookup(): (userAgent: string) => Agent {
  const known = new LRUCache<string, Agent>({ max: agentsMax });
  return (userAgent) => {
    const text = userAgent.slice(0, userAgentLengthMax);
    let agent = known.get(text);
    if (agent === undefined) {
      agent = { isRobot: isRobot(text), device: deviceOf(text) };
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

/** Returns the host of the page that led to a scan; empty if there was none or the header is malformed. */
export function referrerOf(referer: string): string {
  if (!URL.canParse(referer)) return "";
  const { hostname } = new URL(referer);
  return hostname.length <= referrerLengthMax && /^[\x21-\x7e]+$/.test(hostname) ? hostname : "";
}

/**
 * Returns the id of a visitor for one day. Without the day's salt it identifies nobody and links no two days. Salts are all
 * of one length and the hash is truncated, so that no HMAC is needed, which costs twice as much.
 */
export function visitorOf({ address, userAgent }: Scanner, salt: Uint8Array): Uint8Array {
  const salted = Buffer.concat([salt, Buffer.from(`${address}\n${userAgent}`)]);
  return hash("sha256", salted, "buffer").subarray(0, visitorBytes);
}

/** Headers by which browsers and apps say that nobody sees the answer, or not yet. */
const aheadHeaders = ["sec-purpose", "purpose", "x-purpose", "x-moz"] as const;

/** Returns whether a request was made ahead of a person's wish: a prefetch, a prerender or a preview. */
export function isMadeAhead(headers: IncomingHttpHeaders): boolean {
  return aheadHeaders.some((name) => /\b(?:prefetch|prerender|preview)\b/i.test(String(headers[name] ?? "")));
}
