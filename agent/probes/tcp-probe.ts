import { connect } from "node:net";
import { failure, type ProbeResult, success } from "./probe-result.js";
import { socketErrorText } from "./socket-error.js";

/** Success when the port accepts a connection. */
export function tcpProbe(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (result: ProbeResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => settle(failure(`dial tcp ${address}: i/o timeout`)), timeoutMs);
    socket.once("connect", () => settle(success));
    socket.once("error", (error) => settle(failure(socketErrorText(error, address))));
  });
}
