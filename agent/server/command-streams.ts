import type { Readable, Writable } from "node:stream";
import type { Status } from "#api/generated/types.js";

export interface TerminalSize {
  width: number;
  height: number;
}

/** One connection as the streams of a command, whatever protocol it speaks. Binary-safe; each direction waits for the slower side. */
export interface CommandStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The size known so far, if any, is reported at once: it often arrives before the command runs. */
  onResize(handler: (size: TerminalSize) => void): void;
  /** Called when the client is gone, at once when it is already. */
  whenClosed(handler: () => void): void;
  /** Sends, in this order: all of the output, how the command ended, the end of the session. */
  finish(status: Status): Promise<void>;
}

/** `{"Width": columns, "Height": rows}`, the keys in any case; undefined for anything else: the size stays what it is. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const fields = Object.entries(JSON.parse(text) as Record<string, unknown>);
    const field = (name: string) => Number(fields.find(([key]) => key.toLowerCase() === name)?.[1]);
    const [width, height] = [field("width"), field("height")];
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    // A client that sends nonsense keeps the size it has.
    return undefined;
  }
}
