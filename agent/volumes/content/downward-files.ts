import type { DownwardAPIVolumeFile } from "#api/generated/types.js";
import type { VolumeContext } from "../plugin.js";
import type { Content } from "./content.js";

/** Fields of the Pod as files. Labels and annotations may change at any time. */
export function downwardFiles(
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  context: VolumeContext,
): Content {
  const files = items.map((item) => {
    const data = Buffer.from(context.downward(item));
    return [item.path, { data, mode: item.mode ?? defaultMode }] as const;
  });
  return { files: new Map(files), settled: false };
}
