/** Reads the Kubernetes API models that @kubernetes/client-node ships: fields, types, formats, required flags, descriptions. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ownModels } from "./own-models.mjs";

const require = createRequire(import.meta.url);
const modelsDir = join(dirname(require.resolve("@kubernetes/client-node")), "gen/models");

const unescapeDoc = (text) => text.replace(/\\(["'])/g, "$1").trim();

function readDoc(block) {
  return unescapeDoc(
    block
      .split("\n")
      .map((line) => line.replace(/^\s*\* ?/, ""))
      .join("\n"),
  );
}

/**
 * @returns {{name: string, description: string, fields: {name: string, type: string, format: string, required: boolean, description: string}[]}}
 */
export function readModel(name) {
  const own = ownModels.find((model) => model.name === name);
  if (own) return own;
  const js = readFileSync(join(modelsDir, `${name}.js`), "utf8");
  const dts = readFileSync(join(modelsDir, `${name}.d.ts`), "utf8");
  const map = js.match(/attributeTypeMap = (\[[\s\S]*?\n\]);/);
  const attributes = map ? JSON.parse(map[1]) : [];
  const optional = new Map();
  const docs = new Map();
  for (const [, doc, prop, mark] of dts.matchAll(/(?:\/\*\*\n((?:(?!\*\/)[\s\S])*?)\*\/\n\s+)?'([^']+)'(\??):/g)) {
    optional.set(prop, mark === "?");
    docs.set(prop, doc ? readDoc(doc) : "");
  }
  const description = dts.match(/\/\*\*\n((?:(?!\*\/)[\s\S])*?)\*\/\nexport declare class/)?.[1] ?? "";
  return {
    name,
    description: readDoc(description),
    fields: attributes.map((a) => ({
      name: a.baseName,
      type: a.type,
      format: a.format,
      required: optional.get(a.name) === false,
      description: docs.get(a.name) ?? "",
    })),
  };
}

/** The model a type expression refers to, or undefined for scalars: "Array<V1Container>" → "V1Container". */
export function referencedModel(type) {
  const match = type.match(/\b((?:[A-Z][a-z]+)*V\d+(?:(?:alpha|beta)\d+)?[A-Z]\w*)\b/);
  return match && match[1] !== "V1MicroTime" ? match[1] : undefined;
}

/** Every model reachable from the given roots, by name. */
export function readReachable(rootNames) {
  const models = new Map();
  const pending = [...rootNames];
  while (pending.length > 0) {
    const name = pending.pop();
    if (models.has(name)) continue;
    const model = readModel(name);
    models.set(name, model);
    for (const field of model.fields) {
      const ref = referencedModel(field.type);
      if (ref) pending.push(ref);
    }
  }
  return models;
}

/** Every model there is, whether we serve it or not, and our own. */
export function existingModels() {
  const names = readdirSync(modelsDir).filter((file) => /^(?:[A-Z][a-z]+)*V\d+[A-Z]\w*\.js$/.test(file));
  return [...names.map((file) => readModel(file.slice(0, -3))), ...ownModels];
}
