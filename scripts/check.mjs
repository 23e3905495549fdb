/**
 * npm run check: format, lint, types, layering, sizes, unit tests. Runs everything and reports every failure.
 * `--static` leaves the tests out. The exit code is the number of steps that failed.
 */
import { spawnSync } from "node:child_process";

const steps = [
  ["format and lint", ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]],
  ["types", ["scripts/build.mjs"]],
  ["layering", ["scripts/check-layering.mjs"]],
  ["sizes", ["scripts/check-sizes.mjs"]],
  ...(process.argv.includes("--static") ? [] : [["unit tests", ["scripts/run-tests.mjs", "unit"]]]),
];

const failed = [];
for (const [name, args] of steps) {
  const began = Date.now();
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? "✔" : "✘"} ${name} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
process.exit(failed.length);
