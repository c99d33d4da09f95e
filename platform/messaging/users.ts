/**
 * The subjects on NATS, and the users who may publish and receive on them. What a server has to be told of them is
 * `natsAuthorization`; nats.conf and the chart's example are held against it by a test. quota does not use NATS.
 */
import { BatchRecordScansRequestSchema } from "../../gen/qrforge/qr/v1/scan_pb.ts";
import { queueOf } from "./queue.ts";

/** Returns the two subjects of a service's leases: its broadcasts, and the acknowledgements of holders. */
export const leaseSubjects = (schema: string) => ({
  log: `qrforge.${schema}.log`,
  applied: `qrforge.${schema}.applied`,
});

/** The queue of scans from edges to qr, and the name of its consumer. */
export const scanQueue = queueOf(BatchRecordScansRequestSchema);
export const scanConsumer = "qr";

/** Processes that use NATS: three services, and the operator's tools. */
export const natsClients = ["auth", "qr", "edge", "operator"] as const;
export type NatsClient = (typeof natsClients)[number];

/** Returns the name of a client's user. */
export const natsUserOf = (client: NatsClient) => `qrforge_${client}`;

/** Returns the prefix of a client's reply subjects, which no other client may receive. */
export const inboxOf = (client: NatsClient) => `_INBOX.${natsUserOf(client)}`;

const { stream, subject } = scanQueue;
const [auth, qr] = [leaseSubjects("auth"), leaseSubjects("qr")];

/** What each client publishes, requests to JetStream included: https://docs.nats.io/reference/reference-protocols/nats_api_reference */
const published: Record<NatsClient, string[]> = {
  auth: [auth.log],
  qr: [
    qr.log,
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.${scanConsumer}`,
    // Of servers before 2.9.
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${scanConsumer}`,
    `$JS.API.CONSUMER.INFO.${stream}.${scanConsumer}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${scanConsumer}`,
    `$JS.ACK.${stream}.${scanConsumer}.>`,
  ],
  edge: [auth.applied, qr.applied, subject],
  operator: [`$JS.API.STREAM.INFO.${stream}`],
};

/** What each client receives besides replies. */
const received: Record<NatsClient, string[]> = {
  auth: [auth.applied],
  qr: [qr.applied],
  edge: [auth.log, qr.log],
  operator: [],
};

/** A user in the configuration of nats-server. */
export interface NatsUser {
  user: string;
  password: string;
  permissions: { publish: string[]; subscribe: string[] };
}

/** Returns the value of `authorization` in the configuration of nats-server, with the password of each client. */
export function natsAuthorization(passwordOf: (client: NatsClient) => string): { users: NatsUser[] } {
  return {
    users: natsClients.map((client) => ({
      user: natsUserOf(client),
      password: passwordOf(client),
      permissions: { publish: published[client], subscribe: [...received[client], `${inboxOf(client)}.>`] },
    })),
  };
}
