import type { DescMessage } from "@bufbuild/protobuf";

/** A durable work queue: a JetStream stream with one subject, which keeps messages on disk until a consumer handled them. */
export interface Queue {
  stream: string;
  subject: string;
}

/** Returns the queue of a message type. */
export function queueOf({ typeName }: DescMessage): Queue {
  return { stream: typeName.replaceAll(".", "_"), subject: typeName };
}
