import type { ContainerImage } from "#api/generated/types.js";
import type { ImageInfo } from "../runtime/runtime.js";

const MAX_IMAGES = 50;
const MAX_NAMES = 5;

/** The node's largest images that have a name, digests first, as the scheduler wants to know them. */
export function nodeImages(images: readonly ImageInfo[]): ContainerImage[] {
  return images
    .map(({ digests, tags, size }) => ({ names: [...digests, ...tags].slice(0, MAX_NAMES), sizeBytes: size }))
    .filter(({ names }) => names.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes || a.names[0]!.localeCompare(b.names[0]!))
    .slice(0, MAX_IMAGES);
}
