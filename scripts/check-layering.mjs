/** Fails when a file imports from a room it must not know. See ARCHITECTURE.md, "Layers". */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sourceFiles } from "./source-files.mjs";

const aliases = [
  [/^#api\//, "controlplane/api/"],
  [/^#client\//, "controlplane/client/"],
  [/^#storage\//, "controlplane/storage/"],
  [/^#apiserver\//, "controlplane/apiserver/"],
  [/^#resources\//, "controlplane/resources/"],
  [/^#(controlplane|agent|cni|scripts|test)\//, "$1/"],
];

/** Which path prefixes a file below the first prefix may import from, besides packages. */
const rules = [
  ["controlplane/api/", ["controlplane/api/"]],
  ["controlplane/client/", ["controlplane/client/", "controlplane/api/"]],
  ["controlplane/storage/", ["controlplane/storage/", "controlplane/api/"]],
  ["controlplane/resources/", ["controlplane/resources/", "controlplane/api/"]],
  ["controlplane/controllers/", ["controlplane/controllers/", "controlplane/api/", "controlplane/client/"]],
  ["controlplane/scheduler/", ["controlplane/scheduler/", "controlplane/api/", "controlplane/client/"]],
  [
    "controlplane/apiserver/",
    [
      "controlplane/apiserver/",
      "controlplane/api/",
      "controlplane/client/",
      "controlplane/resources/",
      "controlplane/storage/",
    ],
  ],
  ["agent/", ["agent/", "cni/", "controlplane/api/", "controlplane/client/"]],
  ["cni/", ["cni/"]],
];

/** Packages that only one room may import. */
const packageOwners = [
  ["dockerode", ["agent/runtime/docker/", "test/", "scripts/"]],
  ["lmdb", ["controlplane/storage/", "test/", "scripts/"]],
];

function resolveImport(file, specifier) {
  for (const [pattern, replacement] of aliases) {
    if (pattern.test(specifier)) return specifier.replace(pattern, replacement);
  }
  return specifier.startsWith(".") ? join(dirname(file), specifier) : undefined;
}

const problems = [];
for (const file of sourceFiles()) {
  const text = readFileSync(file, "utf8");
  const rule = rules.find(([prefix]) => file.startsWith(prefix));
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    const target = resolveImport(file, specifier);
    if (target === undefined) {
      const owner = packageOwners.find(([name]) => specifier === name || specifier.startsWith(`${name}/`));
      if (owner && !owner[1].some((prefix) => file.startsWith(prefix)))
        problems.push(`${file}: only ${owner[1][0]} imports ${owner[0]}`);
    } else if (rule && !rule[1].some((prefix) => target.startsWith(prefix))) {
      problems.push(`${file}: ${rule[0]} must not import ${target}`);
    }
    if (/^(\.\.\/){3}/.test(specifier)) problems.push(`${file}: use an alias instead of ${specifier}`);
  }
}
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
