import type { SecretProjection } from "#api/generated/types.js";
import { type VolumeContext, VolumeError } from "../plugin.js";
import type { Content } from "./content.js";
import { selectFiles } from "./selected-files.js";

/** The keys of a Secret as files. @throws VolumeError when it or a key is not there and not optional */
export async function secretFiles(
  { name = "", items, optional = false }: SecretProjection,
  defaultMode: number,
  context: VolumeContext,
): Promise<Content> {
  const found = await context.secret(name);
  if (!found && !optional) throw new VolumeError(`secret "${name}" not found`);
  const content = new Map<string, Buffer>();
  for (const [key, base64] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(base64, "base64"));
  const missing = (key: string) => `references non-existent secret key: ${key}`;
  return {
    files: selectFiles(content, { items, optional, defaultMode, missing }),
    settled: found?.immutable === true,
  };
}
