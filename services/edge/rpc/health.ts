import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type MethodImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus } from "../../../gen/grpc/health/v1/health_pb.ts";
import { isUnavailable } from "../../../platform/errors.ts";

const readyTimeoutMs = 1_000;

/**
 * Returns the implementation of grpc.health.v1.Health/Check of a server with these services, all of which serve while `ready`
 * resolves. Watch is not served: by the protocol, its clients are then told that it is unimplemented, and ask no more.
 */
export function healthOf(
  services: readonly DescService[],
  ready: (options: { timeoutMs: number }) => Promise<unknown>,
): MethodImpl<typeof Health.method.check> {
  const names = new Set(["", ...services.map(({ typeName }) => typeName)]);
  return async ({ service }) => {
    if (!names.has(service)) throw new ConnectError(`There is no service ${service} here.`, Code.NotFound);
    try {
      await ready({ timeoutMs: readyTimeoutMs });
      return { status: HealthCheckResponse_ServingStatus.SERVING };
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      return { status: HealthCheckResponse_ServingStatus.NOT_SERVING };
    }
  };
}
