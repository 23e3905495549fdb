import type { KeyToPath } from "#api/generated/types.js";
import { VolumeError } from "../plugin.js";
import type { VolumeFile } from "./content.js";

export interface Selection {
  /** Absent: every key becomes a file of that name. */
  items?: readonly KeyToPath[];
  /** Keys that are not there are left out instead of refused. */
  optional: boolean;
  defaultMode: number;
  /** The error for a key that is not there. */
  missing(key: string): string;
}

/** Which keys become which files. @throws VolumeError for a missing key */
export function selectFiles(content: ReadonlyMap<string, Buffer>, selection: Selection): Map<string, VolumeFile> {
  const files = new Map<string, VolumeFile>();
  const { items, optional, defaultMode, missing } = selection;
  if (!items || items.length === 0) {
    for (const [key, data] of content) files.set(key, { data, mode: defaultMode });
    return files;
  }
  for (const { key, path, mode = defaultMode } of items) {
    const data = content.get(key);
    if (data) files.set(path, { data, mode });
    else if (!optional) throw new VolumeError(missing(key));
  }
  return files;
}
