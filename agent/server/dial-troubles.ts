/** As Go's dialer words them, since that is what Kubernetes' users look for. */
const TROUBLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  EADDRNOTAVAIL: "connect: cannot assign requested address",
  EAFNOSUPPORT: "socket: address family not supported by protocol",
  ECONNRESET: "connect: connection reset by peer",
  ETIMEDOUT: "i/o timeout",
};

export const dialTrouble = (error: NodeJS.ErrnoException): string => TROUBLES[error.code ?? ""] ?? error.message;
