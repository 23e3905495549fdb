/** Generates what is generated, then compiles everything into dist/. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

run(process.execPath, ["scripts/generate/schema.mjs"]);
run(process.execPath, ["scripts/generate/wire-types.mjs"]);
run(process.execPath, ["node_modules/typescript/bin/tsc"]);
run(process.execPath, ["scripts/generate/openapi.mjs"]);
if (existsSync("dist/berth.js")) chmodSync("dist/berth.js", 0o755);
// What is older than this has been built.
writeFileSync("dist/.built", "");
