import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";

/** Methods of a service by their local names. Only unary methods are supported. */
export type UnaryMethods<S extends DescService> = {
  [M in keyof S["method"]]: S["method"][M] extends DescMethodUnary<infer I, infer O> ? DescMethodUnary<I, O> : never;
};

export type RequestOf<M> = M extends DescMethodUnary<infer I> ? MessageShape<I> : never;
export type RequestInitOf<M> = M extends DescMethodUnary<infer I> ? MessageInitShape<I> : never;
export type ResponseOf<M> = M extends DescMethodUnary<DescMessage, infer O> ? MessageShape<O> : never;
export type ResponseInitOf<M> = M extends DescMethodUnary<DescMessage, infer O> ? MessageInitShape<O> : never;

/** Returns the methods of a service. Throws if one of them streams. */
export function unaryMethodsOf(service: DescService): DescMethodUnary[] {
  return service.methods.map((method) => {
    if (isUnary(method)) return method;
    throw new TypeError(`${method.toString()} streams; only unary methods are served`);
  });
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

/** Returns the HTTP/2 path of a method, `/package.Service/Method`. */
export function methodPath(service: DescService, methodName: string): string {
  return `/${service.typeName}/${methodName}`;
}

/** Returns the serializer and deserializer of a message type for grpc-js. */
export function codec<D extends DescMessage>(schema: D) {
  return {
    serialize: (message: MessageShape<D>): Buffer => {
      const bytes = toBinary(schema, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes: Buffer): MessageShape<D> => fromBinary(schema, bytes),
  };
}
