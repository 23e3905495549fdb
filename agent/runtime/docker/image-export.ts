import type { Readable } from "node:stream";
import { createNamed } from "./create-named.js";
import { call, callUnless, type Engine } from "./engine.js";
import * as labels from "./labels.js";

/**
 * Hands out the file system of an image as a tar stream. The engine exports containers only: one is made of the image,
 * never started, and removed when `read` is done.
 */
export async function exportImage(
  engine: Engine,
  imageId: string,
  read: (tar: Readable) => Promise<void>,
): Promise<void> {
  const name = `berth-export_${engine.nodeName}_${imageId.replace(/^sha256:/, "").slice(0, 12)}`;
  const id = await createNamed(engine, name, {
    Image: imageId,
    // An image of data only has no command, and the engine wants one.
    Cmd: ["-"],
    Labels: { [labels.NODE]: engine.nodeName, [labels.TYPE]: labels.TYPE_EXPORT },
    NetworkDisabled: true,
  });
  const container = engine.docker.getContainer(id);
  try {
    await read((await call(() => container.export())) as Readable);
  } finally {
    await callUnless([404], () => container.remove({ force: true, v: true }));
  }
}
