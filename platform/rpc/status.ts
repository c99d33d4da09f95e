import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { type ServiceError as GrpcError, Metadata, status } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { catalogue, type FieldIssue, isReason, type Reason, ServiceError } from "../errors.ts";

/** Domain of the reasons, `google.rpc.ErrorInfo.domain`. */
const domain = "qrforge";
const detailsKey = "grpc-status-details-bin";

/** Returns an error's gRPC code and details: an ErrorInfo, a BadRequest if it has fields, a RetryInfo if it has a delay. */
export function errorDetails(failure: ServiceError) {
  const details: { desc: DescMessage; value: Record<string, unknown> }[] = [
    { desc: ErrorInfoSchema, value: { reason: failure.reason, domain } },
  ];
  if (failure.fields.length > 0) {
    const fieldViolations = failure.fields.map(({ field, issue }) => ({ field, description: issue }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (failure.retryAfterS !== undefined) {
    details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(failure.retryAfterS * 1000) } });
  }
  return { code: catalogue[failure.reason].grpc, details };
}

/** Returns an error as a status of grpc-js. */
export function errorToStatus(failure: ServiceError): { code: number; details: string; metadata: Metadata } {
  const { code, details } = errorDetails(failure);
  const packed = details.map(({ desc, value }) => anyPack(desc, create(desc, value)));
  const metadata = new Metadata();
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message: failure.message, details: packed }));
  metadata.set(detailsKey, Buffer.from(bytes));
  return { code, details: failure.message, metadata };
}

/** Returns the ServiceError of a failed call: the one that the service sent, else one for the transport's code. */
export function statusToError(error: GrpcError): ServiceError {
  const bytes = error.metadata?.get(detailsKey)[0];
  if (bytes instanceof Buffer) {
    const sent = unpack(bytes);
    if (sent) return new ServiceError(sent.reason, error.details, { ...sent.options, cause: error });
  }
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
    case status.UNAVAILABLE:
    case status.RESOURCE_EXHAUSTED:
    case status.CANCELLED:
    // A replica of an earlier version, while an upgrade runs: the next call may reach another.
    case status.UNIMPLEMENTED:
      return new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
    default:
      return new ServiceError("INTERNAL_ERROR", undefined, { cause: error });
  }
}

/** Returns whether a call failed because the replica that was asked is of an earlier version and lacks the method. */
export function lacksMethod(error: unknown): boolean {
  if (!(error instanceof ServiceError) || error.reason !== "UNAVAILABLE") return false;
  return error.cause instanceof Error && "code" in error.cause && error.cause.code === status.UNIMPLEMENTED;
}

function unpack(
  bytes: Buffer,
): { reason: Reason; options: { fields: FieldIssue[]; retryAfterS?: number } } | undefined {
  let reason: Reason | undefined;
  const options: { fields: FieldIssue[]; retryAfterS?: number } = { fields: [] };
  for (const any of fromBinary(StatusSchema, bytes).details) {
    const info = anyUnpack(any, ErrorInfoSchema);
    if (info && info.domain === domain && isReason(info.reason)) reason = info.reason;
    const badRequest = anyUnpack(any, BadRequestSchema);
    if (badRequest) {
      options.fields = badRequest.fieldViolations.map(({ field, description }) => ({ field, issue: description }));
    }
    const retry = anyUnpack(any, RetryInfoSchema);
    if (retry?.retryDelay) options.retryAfterS = Math.ceil(durationMs(retry.retryDelay) / 1000);
  }
  return reason && { reason, options };
}
