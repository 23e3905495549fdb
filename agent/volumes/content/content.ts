import { writeAtomically } from "../atomic-writer.js";
import type { PreparedVolume, VolumeContext } from "../plugin.js";
import { mountTmpfs } from "../tmpfs.js";

/** 0644: the mode of files when the Pod says none. */
export const FILE_MODE = 0o644;

export interface VolumeFile {
  data: Buffer;
  /** Permission bits. */
  mode: number;
  /** User id; absent: root. */
  owner?: number;
}

/** What a volume made of API objects shows. */
export interface Content {
  /** Path inside the volume → file. */
  files: Map<string, VolumeFile>;
  /** It cannot change any more: its object is immutable. */
  settled: boolean;
}

/** Writes what is to be seen, all at once. @param inMemory it must not reach the node's disk */
export async function showContent(
  { files, settled }: Content,
  context: VolumeContext,
  inMemory: boolean,
): Promise<PreparedVolume> {
  const { directory, pod } = context;
  if (inMemory) await mountTmpfs(context, ["mode=0755"]);
  await writeAtomically(directory, files, pod.spec.securityContext?.fsGroup);
  return { path: directory, readOnly: true, follows: !settled };
}
