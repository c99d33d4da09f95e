/** The form of an Idempotency-Key. */
export const idempotencyKeyPattern = /^[!-~]{1,255}$/;

export const idempotencyKeyIssue = "Idempotency-Key must have 1 to 255 visible ASCII characters.";
