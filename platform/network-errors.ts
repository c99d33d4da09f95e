/** Codes of errors of sockets and of DNS that may pass by themselves: a peer, a network, a name server or a machine at its limit. */
const passingCodes = new Set([
  // The peer is away, or was.
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOTCONN", "ESHUTDOWN", "EOF", "EHOSTDOWN"],
  // The network between is.
  ...["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "ENONET"],
  // The name server does not answer, or does not know the name yet, as of a container that starts.
  ...["EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME", "ENOTFOUND", "ENODATA", "ENONAME"],
  ...["ESERVFAIL", "EREFUSED", "ETIMEOUT", "ECANCELLED", "EAI_CANCELED"],
  // This machine has no memory, descriptors or ports left for a moment.
  ...["ENOMEM", "EAI_MEMORY", "ENOBUFS", "EMFILE", "ENFILE", "EADDRNOTAVAIL", "EAGAIN", "EINTR"],
]);

/**
 * Returns whether an error of Node's sockets or DNS may pass by itself, so that the same attempt may succeed later. Others
 * (no permission, no such protocol, a certificate at fault) need somebody to change something.
 */
export function isPassingNetworkError(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  // The file of a Unix socket exists while its server runs.
  if (error.code === "ENOENT") return "syscall" in error && error.syscall === "connect";
  return passingCodes.has(String(error.code));
}
