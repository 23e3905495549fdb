/** A join that cannot succeed by trying again. The message says what is wrong and what to do next. */
export class JoinError extends Error {
  override name = "JoinError";
}

/** Worth trying again: the server is away, busy or broken. */
export class ServerUnavailable extends Error {
  override name = "ServerUnavailable";
}

const wrongAuthority = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
]);

/** A failed connection, sorted into the two kinds. */
export function connectionError(server: string, error: Error & { code?: string }): JoinError | ServerUnavailable {
  const { code = "", message } = error;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new JoinError(
      `the certificate of ${server} was not made for that name (${message}): use one of its names with --server, or ` +
        "start the server with --tls-san and this one",
    );
  }
  if (wrongAuthority.has(code)) return wrongServer(server);
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return new JoinError(
      `the certificate of ${server} is not valid now (${message}): check the clocks of both machines, then restart the server`,
    );
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO") {
    return new JoinError(
      `${server} does not speak TLS as an API server does (${message}): check host and port of --server`,
    );
  }
  return new ServerUnavailable(message || code);
}

export function wrongServer(server: string): JoinError {
  return new JoinError(
    `${server} is not the API server this token or node belongs to: its certificate was signed by another authority. ` +
      "Check --server, or make a new token there with `berth token create`; a node that joined another cluster before " +
      "needs `berth reset` first",
  );
}

/** A refusal by the server itself. */
export function refusal(code: number, message: string): JoinError | ServerUnavailable {
  if (code === 429 || code >= 500) return new ServerUnavailable(`the server answers ${code}: ${message}`);
  if (code === 401) {
    return new JoinError(
      "the server does not accept the token: it is unknown or has expired. Make a new one on the server with `berth token create`",
    );
  }
  return new JoinError(`the server refuses to let this node join: ${message}`);
}
