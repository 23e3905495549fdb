/**
 * Frames of the `channel.k8s.io` WebSocket subprotocols: the first byte (or, in the base64 variants, the first digit) names
 * the channel. Version 4 reports the end as a `Status` on the error channel; version 5 lets the client close a stream.
 * https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/ (TranslateStreamCloseWebsocketRequests)
 */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Of streams for ports, in SPDY. */
export const PORT_FORWARD_PROTOCOL = "portforward.k8s.io";

export interface ChannelProtocol {
  readonly name: string;
  /** Text frames that carry base64. */
  readonly base64: boolean;
  /** The client may close standard input with a frame on channel 255. */
  readonly canClose: boolean;
}

/** Best first. */
const protocols: readonly ChannelProtocol[] = [
  { name: "v5.channel.k8s.io", base64: false, canClose: true },
  { name: "v4.channel.k8s.io", base64: false, canClose: false },
  { name: "v4.base64.channel.k8s.io", base64: true, canClose: false },
  // The first version, of older client libraries: it reports the end in the same words.
  { name: "channel.k8s.io", base64: false, canClose: false },
  { name: "base64.channel.k8s.io", base64: true, canClose: false },
];

export function chooseProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  return protocols.find(({ name }) => offered.includes(name));
}

/** For port-forward, which has version 4 only; a client that names none means its binary form. */
export function choosePortForwardProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  const version4 = protocols.filter(({ name }) => name.startsWith("v4."));
  return offered.length === 0 ? version4[0] : version4.find(({ name }) => offered.includes(name));
}

export function encodeFrame(protocol: ChannelProtocol, id: number, data: Buffer): Buffer | string {
  if (protocol.base64) return `${id}${data.toString("base64")}`;
  const frame = Buffer.allocUnsafe(data.length + 1);
  frame[0] = id;
  data.copy(frame, 1);
  return frame;
}

/** @returns undefined for a frame without a channel */
export function decodeFrame(protocol: ChannelProtocol, frame: Buffer): { id: number; data: Buffer } | undefined {
  const id = frame[0];
  if (id === undefined) return undefined;
  if (!protocol.base64) return { id, data: frame.subarray(1) };
  return { id: id - 0x30, data: Buffer.from(frame.toString("latin1", 1), "base64") };
}
