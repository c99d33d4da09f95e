import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { LeaseAppliedSchema, LeaseBroadcastSchema, LeaseService } from "../../gen/qrforge/common/v1/lease_pb.ts";
import { ServiceError } from "../errors.ts";
import type { Bus } from "../messaging/bus.ts";
import { leaseSubjects } from "../messaging/users.ts";
import type { Sql } from "../postgres/pool.ts";
import { systemClock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import { createRpcClient } from "../rpc/client.ts";
import { type Implementation, implement } from "../rpc/server.ts";
import type { TlsFiles } from "../rpc/tls.ts";
import type { Logger } from "../telemetry/log.ts";
import { createLeaseGranter, type LeaseGranter } from "./granter.ts";
import { createLeaseHolder, type LeaseHolder } from "./holder.ts";
import { createSqlLeaseStore } from "./log-store.ts";
import type { Broadcast, LeaseTimes, Propagation } from "./protocol.ts";

/** Opens the granting side of a service: LeaseService over gRPC, its log in Postgres, broadcasts on NATS. */
export function openGranter(options: {
  schema: string;
  sql: Sql;
  bus: Bus;
  times: Pick<LeaseTimes, "leaseMs" | "marginMs" | "pollMs">;
  closer: Closer;
  log: Logger;
}): { granter: LeaseGranter; implementation: Implementation; hint(key: string): void } {
  const { schema, bus } = options;
  const subject = leaseSubjects(schema);
  const send = (broadcast: Broadcast) => bus.publish(subject.log, encodeBroadcast(broadcast));
  const granter = createLeaseGranter({
    ...options,
    store: createSqlLeaseStore(options.sql, schema),
    clock: systemClock,
    broadcast: send,
  });
  bus.subscribe(subject.applied, (data) => {
    const { holder, position, logId, changeId } = fromBinary(LeaseAppliedSchema, data);
    granter.acknowledged(holder, { position: Number(position), logId, changeId });
  });
  const running = granter.run();
  options.closer.defer("lease granter", () => {
    granter.close();
    return running;
  });
  const implementation = implement(LeaseService, {
    async renew({ holder, renewal, applied, logId, changeId }) {
      if (!/^[0-9a-z-]{1,64}$/.test(holder))
        throw new ServiceError("INVALID_REQUEST", "holder must be 1 to 64 of [0-9a-z-]");
      const grant = await granter.renew({
        holder,
        renewal: Number(renewal),
        applied: applied === undefined ? undefined : Number(applied),
        logId,
        changeId,
      });
      const { position, keys, ...rest } = grant;
      return { ...rest, position: BigInt(position), keys: keys ?? [], reset: keys === undefined };
    },
    async release({ holder }) {
      await granter.release(holder);
      return {};
    },
  });
  // A hint has no position in the log and nothing waits for it. Position 0 is never new to a holder.
  const hint = (key: string) =>
    send({ from: 0, position: 0, keys: [key], logId: "", changeId: "", previousChangeId: "" });
  return { granter, implementation, hint };
}

/** Opens the holding side: a lease on the answers of the service at `address`, which guards `cache`. */
export function openHolder(options: {
  schema: string;
  address: string;
  tls: TlsFiles;
  holder: string;
  bus: Bus;
  renewMs: number;
  cache: { forget(keys: string[]): void; reset(): void };
  closer: Closer;
  log: Logger;
}): LeaseHolder {
  const { schema, bus, closer, holder } = options;
  const subject = leaseSubjects(schema);
  const { client, close } = createRpcClient(LeaseService, options);
  closer.defer("lease client", close);
  const lease = createLeaseHolder({
    holder,
    times: options,
    clock: systemClock,
    async renew({ renewal, applied, ...rest }, wait) {
      const request = {
        ...rest,
        renewal: BigInt(renewal),
        applied: applied === undefined ? undefined : BigInt(applied),
      };
      const { position, keys, reset, leaseMs, logId, changeId } = await client.renew(request, wait);
      return { position: Number(position), keys: reset ? undefined : keys, leaseMs, logId, changeId };
    },
    acknowledge({ position, logId, changeId }) {
      const message = create(LeaseAppliedSchema, { holder, position: BigInt(position), logId, changeId });
      bus.publish(subject.applied, toBinary(LeaseAppliedSchema, message));
    },
    forget: (keys) => options.cache.forget(keys),
    reset: () => options.cache.reset(),
    log: options.log.child({ lease: schema }),
  });
  bus.subscribe(subject.log, (data) => lease.receive(decodeBroadcast(data)));
  const running = lease.run();
  closer.defer("lease", async () => {
    lease.close();
    await running;
    await client.release({ holder }, { timeoutMs: 1_000 }).catch((error) => {
      options.log.warn({ error }, "lease could not be released; changes wait until it expires");
    });
  });
  return lease;
}

/** Returns how a change reached the holders, as a message. */
export function toPropagation({ acknowledged, waitedOut, elapsedMs }: Propagation) {
  return { acknowledgedCount: acknowledged, waitedOutCount: waitedOut, elapsedMs };
}

function encodeBroadcast({ from, position, keys, ...ids }: Broadcast): Uint8Array {
  const message = create(LeaseBroadcastSchema, {
    ...ids,
    from: BigInt(from),
    position: BigInt(position),
    keys: keys ?? [],
  });
  return toBinary(LeaseBroadcastSchema, message);
}

function decodeBroadcast(data: Uint8Array): Broadcast {
  const message = fromBinary(LeaseBroadcastSchema, data);
  const from = Number(message.from);
  const position = Number(message.position);
  const whole = message.keys.length === position - from + 1;
  const { logId, changeId, previousChangeId } = message;
  return { from, position, keys: whole ? message.keys : undefined, logId, changeId, previousChangeId };
}
