/**
 * Writes dist/generated/openapi/: one OpenAPI v3 document per group version, from the models, our tables and the kinds
 * themselves, and one v2 document of it all in two forms, compressed: it is large, rarely asked for, and then streamed.
 * Runs after the compiler, since the kinds are compiled code.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { reviewResources } from "../../dist/controlplane/apiserver/reviews/reviews.js";
import { kinds } from "../../dist/controlplane/resources/index.js";
import { describe } from "./describe.mjs";
import { readReachable } from "./models.mjs";
import { PathWriter } from "./openapi-paths.mjs";
import { SchemaWriter } from "./openapi-schemas.mjs";
import { swaggerOf } from "./openapi-v2.mjs";
import { binaryOf } from "./openapi-v2-binary.mjs";
import { roots } from "./roots.mjs";

const out = new URL("../../dist/generated/openapi/", import.meta.url);
const types = describe(readReachable(Object.keys(roots)), roots);
const virtuals = reviewResources({});
const nameOf = ({ group, version }) => (group ? `${group}/${version}` : version);
const groupVersions = [...new Set([...kinds, ...virtuals].map(nameOf))];

/** The type of a kind that names only its group, version and kind. */
function typeOf({ kind, ...of }) {
  for (const [name, type] of types) {
    if (type.isKind && type.goName === kind && roots[type.model] === nameOf(of)) return name;
  }
  throw new Error(`OpenAPI: no type for ${kind} of ${nameOf(of)}`);
}

function documentOf(groupVersion) {
  const [version, group = ""] = groupVersion.split("/").reverse();
  const writer = new SchemaWriter(types, roots, groupVersions);
  const paths = new PathWriter(writer, group, version);
  for (const kind of kinds) if (nameOf(kind) === groupVersion) paths.kind(kind);
  for (const virtual of virtuals) if (nameOf(virtual) === groupVersion) paths.virtual(virtual, typeOf(virtual));
  const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.35.0" },
    paths: sorted(paths.paths),
    components: {
      schemas: sorted(writer.schemas),
      securitySchemes: {
        BearerToken: {
          type: "apiKey",
          description: "Bearer Token authentication",
          name: "authorization",
          in: "header",
        },
      },
    },
  };
}

const fileName = (groupVersion) =>
  groupVersion.includes("/") ? `apis__${groupVersion.replace("/", "__")}.json` : `api__${groupVersion}.json`;

const documents = new Map(groupVersions.map((groupVersion) => [fileName(groupVersion), documentOf(groupVersion)]));
const swagger = swaggerOf([...documents.values()]);
const files = new Map([...documents].map(([name, document]) => [name, JSON.stringify(document)]));
files.set("v2.json.gz", gzipSync(JSON.stringify(swagger)));
files.set("v2.pb.gz", gzipSync(binaryOf(swagger)));

mkdirSync(out, { recursive: true });
for (const file of readdirSync(out)) if (!files.has(file)) rmSync(new URL(file, out));
for (const [name, content] of files) writeFileSync(new URL(name, out), content);
