import { describe, expect, it } from "vitest";
import { defaultSignUp } from "./sign-up.ts";

describe("sign-up, where nobody has set SIGN_UP", () => {
  it.each([
    [["http://localhost:8080", "http://localhost:8080"], "open"],
    [["http://127.0.0.1:8080", "http://[::1]:8080"], "open"],
    [["http://192.168.1.20:8080", "http://192.168.1.20:8080"], "invited"],
    [["http://192.168.1.20:8080", "http://localhost:8080"], "invited"],
    [["http://localhost:8080", "https://qr.example.com"], "invited"],
    [["http://localhost:8080", "no URL"], "invited"],
  ])("at %j is %s", (urls, signUp) => {
    expect(defaultSignUp(urls)).toBe(signUp);
  });
});
