const WORDS: Record<string, string> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

/** A failed connection in the words of Kubernetes' probes. @param address "10.244.0.5:80" */
export function socketErrorText(error: NodeJS.ErrnoException, address: string): string {
  if (error.code === "ECONNRESET") return "EOF";
  const words = error.code && WORDS[error.code];
  return words ? `dial tcp ${address}: ${words}` : error.message;
}
