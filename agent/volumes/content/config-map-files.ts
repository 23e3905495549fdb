import type { ConfigMapProjection } from "#api/generated/types.js";
import { type VolumeContext, VolumeError } from "../plugin.js";
import type { Content } from "./content.js";
import { selectFiles } from "./selected-files.js";

/** The keys of a ConfigMap as files. @throws VolumeError when it or a key is not there and not optional */
export async function configMapFiles(
  { name = "", items, optional = false }: ConfigMapProjection,
  defaultMode: number,
  context: VolumeContext,
): Promise<Content> {
  const found = await context.configMap(name);
  if (!found && !optional) throw new VolumeError(`configmap "${name}" not found`);
  const content = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(found?.binaryData ?? {})) content.set(key, Buffer.from(base64, "base64"));
  const missing = (key: string) => `configmap references non-existent config key: ${key}`;
  return {
    files: selectFiles(content, { items, optional, defaultMode, missing }),
    settled: found?.immutable === true,
  };
}
