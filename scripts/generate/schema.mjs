/** Generates what is derived from the Kubernetes API models before compilation: TypeScript types and the runtime schema. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe } from "./describe.mjs";
import { readReachable } from "./models.mjs";
import { roots } from "./roots.mjs";
import { renderSchema } from "./schema-json.mjs";
import { renderTypes } from "./types.mjs";

/** Leaves a file that would not change alone, so that the compiler need not look at it again. */
function write(path, text) {
  const url = new URL(`../../${path}`, import.meta.url);
  mkdirSync(new URL(".", url), { recursive: true });
  try {
    if (readFileSync(url, "utf8") === text) return;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  writeFileSync(url, text);
}

const models = readReachable(Object.keys(roots));
write("controlplane/api/generated/types.ts", renderTypes(models, new Set(Object.keys(roots))));
write("dist/controlplane/api/generated/schema.json", renderSchema(describe(models, roots)));
