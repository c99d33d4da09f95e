/** A request that is handled once, however often it is sent. */
export interface Once {
  accountId: string;
  key: string;
  /** SHA-256 of the request. */
  requestHash: Uint8Array;
  /** Whether it was charged as a repeated one, so that it may do nothing but return the earlier answer. */
  replayOnly?: boolean;
}

/** The answer to a request, and whether it is that of an earlier one with the same key. */
export interface Answered {
  answer: Uint8Array;
  replayed: boolean;
}
