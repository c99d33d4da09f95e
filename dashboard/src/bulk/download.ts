/** Time that a browser has to begin reading what it saves, in ms. */
const revokeAfterMs = 60_000;

/** Has the browser save a file. */
export function download(content: Blob, fileName: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), revokeAfterMs);
}
