import type { DescFile, DescService } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { grpcCode } from "../../../platform/errors.ts";
import { describedFiles } from "../../../platform/rpc/described-files.ts";

type Question =
  | { case: "listServices" | "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType"; value: string }
  | { case: "fileContainingExtension"; value: unknown }
  | { case: undefined; value?: undefined };
type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/**
 * Returns a function that answers the requests of a stream of grpc.reflection about a server with these services. The
 * messages of v1 and v1alpha have the same fields.
 */
export function createReflection(services: readonly DescService[]) {
  const bytesOf = new Map<DescFile, Uint8Array>();
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  for (const { file, bytes } of describedFiles(services)) {
    bytesOf.set(file, bytes);
    byName.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      const members = type.kind === "service" ? type.methods : type.kind === "message" ? type.fields : [];
      for (const { name } of members) bySymbol.set(`${type.typeName}.${name}`, file);
    }
  }

  /** Returns a file and all that it imports. */
  function withImports(file: DescFile, into = new Set<DescFile>()): Set<DescFile> {
    into.add(file);
    for (const imported of file.dependencies) if (!into.has(imported)) withImports(imported, into);
    return into;
  }

  function answer({ case: asked, value }: Question): Answer {
    switch (asked) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: services.map(({ typeName }) => ({ name: typeName })) },
        };
      case "fileByFilename":
      case "fileContainingSymbol": {
        const file = asked === "fileByFilename" ? byName.get(value) : bySymbol.get(value);
        if (!file) return failure(grpcCode.NOT_FOUND, `There is no ${value} here.`);
        const fileDescriptorProto = [...withImports(file)].flatMap((one) => bytesOf.get(one) ?? []);
        return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
      }
      case "fileContainingExtension":
      case "allExtensionNumbersOfType":
        return failure(grpcCode.NOT_FOUND, "There are no extensions here.");
      default:
        return failure(grpcCode.INVALID_ARGUMENT, "The request asks for nothing.");
    }
  }

  return async function* answerAll<Request extends { host: string; messageRequest: Question }>(
    requests: AsyncIterable<Request>,
  ) {
    for await (const request of requests) {
      yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
    }
  };
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
