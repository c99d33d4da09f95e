import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";

/** A file of a server's contract, and its serialized descriptor. */
export interface DescribedFile {
  file: DescFile;
  bytes: Buffer;
}

/**
 * Returns the files of a server with these services, dependencies first: those of the services, of its health, and of the
 * details of its errors, which clients read by reflection.
 */
export function describedFiles(services: readonly DescService[]): DescribedFile[] {
  const files = new Map<string, DescribedFile>();
  function add(file: DescFile): void {
    if (files.has(file.proto.name)) return;
    for (const dependency of file.dependencies) add(dependency);
    files.set(file.proto.name, { file, bytes: Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)) });
  }
  for (const service of services) add(service.file);
  for (const file of [Health.file, file_google_rpc_status, file_google_rpc_error_details]) add(file);
  return [...files.values()];
}
