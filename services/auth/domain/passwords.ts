const lengthMin = 10;
const lengthMax = 256;

/** Returns what is wrong with a password, or undefined. */
export function passwordIssue(password: string): string | undefined {
  const length = [...password].length;
  if (length < lengthMin || length > lengthMax) return `must have ${lengthMin} to ${lengthMax} characters`;
  return undefined;
}
