/** npm run bench -- NAME [--json] [--count N]: measures, beside a baseline of the same run, and prints. */
import { parseArgs } from "node:util";
import { apiBenchmark } from "./api.js";
import { dnsBenchmark } from "./dns.js";
import { asJson, asText, type Benchmark } from "./figure.js";
import { kubeletBenchmark } from "./kubelet.js";
import { podsBenchmark } from "./pods.js";
import { servicesBenchmark } from "./services.js";
import { startBenchmark } from "./start.js";

const benchmarks: readonly Benchmark[] = [
  apiBenchmark,
  dnsBenchmark,
  kubeletBenchmark,
  podsBenchmark,
  servicesBenchmark,
  startBenchmark,
];

function usage(): string {
  const rows = benchmarks.map((b) => `  ${b.name.padEnd(8)} ${b.description}`);
  return `usage: npm run bench -- NAME [--json] [--count N]\n${rows.join("\n")}\nExamples:\n  npm run bench -- api\n  npm run bench -- pods --count 30 --json\n`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, count: { type: "string" }, help: { type: "boolean", short: "h" } },
});
const chosen = benchmarks.find((b) => b.name === positionals[0]);
if (!chosen || values.help) {
  process.stdout.write(usage());
  process.exit(values.help ? 0 : 2);
}
const render = values.json ? asJson : asText;
await chosen.run((figure) => process.stdout.write(`${render(figure)}\n`), {
  count: values.count ? Number(values.count) : undefined,
  progress: (text) => process.stderr.write(`  ${text} ...\n`),
});
