/** Two connections become one. */
import type { Duplex } from "node:stream";

const LINGER_MS = 10_000;

/** Each side's bytes and end go to the other at the pace of the slower; when one breaks, so does the other. */
export function joinStreams(left: Duplex, right: Duplex): void {
  left.pipe(right);
  right.pipe(left);
  follow(left, right);
  follow(right, left);
}

function follow(one: Duplex, other: Duplex): void {
  one.on("error", () => other.destroy());
  one.on("close", () => {
    if (other.destroyed) return;
    if (!one.readableEnded) return void other.destroy();
    // It has been told the end; one that does not answer it is not kept for ever.
    const timer = setTimeout(() => other.destroy(), LINGER_MS).unref();
    other.once("close", () => clearTimeout(timer));
  });
}
