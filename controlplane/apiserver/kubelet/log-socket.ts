/** GET pods/log over a WebSocket: each piece of the log is a message; the end of the log closes the socket. */
import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";
import { StatusError } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { KubeletConnections } from "./kubelet-connection.js";
import { openPodLog } from "./pod-log.js";
import type { StreamRoute } from "./pod-stream.js";

/** The two forms Kubernetes has for a plain stream: messages of bytes, or of text that is base64. */
const BINARY = "binary.k8s.io";
const BASE64 = "base64.binary.k8s.io";

/** @throws StatusError (through the promise) as long as the protocol has not changed */
export function podLogSocket(reader: ClusterReader, kubelets: KubeletConnections): StreamRoute {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => [BINARY, BASE64].find((name) => offered.has(name)) ?? false,
  });
  return async ({ request, socket, head, info, resource }) => {
    const log = await openPodLog(reader, kubelets, info, resource);
    if (log && log.statusCode !== 200) {
      log.resume();
      throw new StatusError(log.statusCode ?? 502, "", "the kubelet refused the log");
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.once("close", () => log?.destroy());
      if (!log) return webSocket.close(1000);
      send(webSocket, log, webSocket.protocol === BASE64).catch(() => webSocket.terminate());
    });
  };
}

async function send(webSocket: WebSocket, log: AsyncIterable<Buffer>, base64: boolean): Promise<void> {
  for await (const piece of log) {
    webSocket.send(base64 ? piece.toString("base64") : piece);
    // The kubelet is read no faster than the client takes it.
    while (webSocket.readyState === WebSocket.OPEN && webSocket.bufferedAmount > MAX_UNSENT)
      await Promise.race([once(webSocket, "close"), new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  webSocket.close(1000);
}

const MAX_UNSENT = 1 << 20;
