import Bowser from "bowser";

const userAgentLengthMax = 512;

/** Returns the browser and operating system of a User-Agent header, such as "Firefox on Windows"; empty if unknown. */
export function browserOf(userAgent: string): string {
  if (userAgent === "") return "";
  const parser = Bowser.getParser(userAgent.slice(0, userAgentLengthMax));
  return [parser.getBrowserName(), parser.getOSName()].filter((name) => name !== "").join(" on ");
}
