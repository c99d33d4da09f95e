import { createPrivateKey, type KeyObject } from "node:crypto";
import { granterSettings } from "../../platform/lease/settings.ts";
import { mailFrom, smtpUrl } from "../../platform/mail/smtp.ts";
import { baseUrl } from "../../platform/process/base-url.ts";
import {
  busSettings,
  choice,
  commonSettings,
  databaseSettings,
  integer,
  listenAddress,
  optional,
  rolePasswordSettings,
  type Setting,
  secret,
  text,
} from "../../platform/process/config.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";
import { signUpNames } from "./domain/sign-up.ts";

/** The signing key as a setting. Errors do not repeat its text. */
const signingKey: Setting<KeyObject> = {
  ...secret(
    "AUDIT_SIGNING_KEY",
    "Ed25519 private key in PEM that signs a head of the audit trail daily; unset, none is signed",
  ),
  parse(pem) {
    try {
      const key = createPrivateKey(pem);
      if (key.asymmetricKeyType === "ed25519") return key;
    } catch {}
    throw new Error("must be an Ed25519 private key in PEM: make one with npm run -s admin -- audit key KEY_FILE");
  },
};

/** Every setting of auth. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...databaseSettings,
  rolePassword: rolePasswordSettings.auth,
  ...busSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9465"),
  ...granterSettings,
  listen: listenAddress("LISTEN_ADDRESS", "address on which gRPC is served, host:port", "127.0.0.1:50051"),
  qrAddress: text(
    "QR_ADDRESS",
    "qr's replicas, as host:port,host:port for several, or dns:///name:port",
    "127.0.0.1:50053",
  ),
  sessionMs: integer("SESSION_MS", "duration of a session, in ms", 14 * 86_400_000, { min: 1_000 }),
  signUp: choice(
    "SIGN_UP",
    "who may create an account: open (everybody), invited (people whom an operator has invited), closed (operators alone)",
    signUpNames,
    "closed",
  ),
  auditSigningKey: optional(signingKey),
  auditHeadsFile: text(
    "AUDIT_HEADS_FILE",
    "file to which signed heads of the audit trail are appended; unset, they are logged at level info",
    "",
  ),
  smtpUrl,
  mailFrom,
  publicUrl: baseUrl(
    "PUBLIC_URL",
    "URL at which people reach the dashboard, for the links in mails; required with SMTP_URL",
    "",
  ),
};
