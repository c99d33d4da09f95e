import { reachOf } from "../platform/short-url-base.ts";

/**
 * Returns SIGN_UP for a cluster that serves people at these URLs, where nobody has set it: strangers who reach the dashboard
 * make no accounts unless somebody decided so.
 */
export function defaultSignUp(urls: string[]): "open" | "invited" {
  return urls.every((url) => URL.canParse(url) && reachOf(url) === "loopback") ? "open" : "invited";
}

/** Returns the meaning of a SIGN_UP value for the operator. */
export function describeSignUp(signUp: string): string {
  if (signUp === "open") return "open to everybody who reaches this address";
  if (signUp === "invited") return "by invitation: npm run -s admin -- account invite EMAIL";
  return "closed: npm run -s admin -- account create --email EMAIL --plan free";
}
