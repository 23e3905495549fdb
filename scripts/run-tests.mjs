/**
 * Runs compiled tests: `node scripts/run-tests.mjs unit contract`, or single files
 * (`test/e2e/pods.test.ts`). Suites run side by side in `lanes`. Files of unit are shared out
 * to two processes, those of e2e run two at a time, all others one by one: those of e2e/alone kill nodes' programs, count what is
 * left on a node, or measure; those of e2e/faults, e2e/machines and e2e/survival bring machines and labs of their own, and come
 * last (`WHOLE_RUN`). e2e and e2e/alone have a lab of two nodes each, made before and removed after them (BERTH_TEST_LAB,
 * BERTH_TEST_DOCKER); BERTH_TEST_LAB_NAME names it, "e2e" if absent.
 * A whole run (or `--ledger`) rewrites test/conformance-ledger.md from what the tests say they prove.
 * Prints a line a file, every failure in full, and last `N passed, N failed, N skipped`. Exits 0 when nothing failed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import { unknownNames, updateLedger } from "./ledger.mjs";
import { failures, filesRun, proofs, skips, TestReader, totals } from "./test-results.mjs";

const suites = {
  unit: { jobs: 2, timeoutSeconds: 180, together: true },
  contract: { jobs: 1, timeoutSeconds: 400 },
  api: { jobs: 1, timeoutSeconds: 400 },
  "e2e/alone": { jobs: 1, timeoutSeconds: 600, lab: true },
  e2e: { jobs: 2, timeoutSeconds: 600, lab: true },
  "e2e/faults": { timeoutSeconds: 600, last: true },
  "e2e/machines": { timeoutSeconds: 600, last: true },
  "e2e/survival": { timeoutSeconds: 600, last: true },
};
/** Lanes side by side, and in a lane its suites in order. */
const lanes = [["e2e/alone", "e2e"], ["contract"], ["unit", "api"]];
/** So many files of the suites that come last run at a time, the longest first. */
const LAST_JOBS = 3;
/**
 * A whole run has a quarter of an hour. What comes last is begun only if it will be over by then: by the seconds a file takes here, on
 * a machine that needs WHOLE_RUN.before for all that comes earlier (since scripts/test began), and longer where that took longer. Else
 * it is skipped, and said to be; so is, on a machine that is slower still, any other file not begun by WHOLE_RUN.latest. Who asks
 * for it by name gets it.
 */
const WHOLE_RUN = {
  before: 600,
  latest: 790,
  end: 840,
  seconds: { install: 165, segments: 60, faults: 135, "engine-faults": 75, "random-kills": 55 },
};
const usualSeconds = (file) => WHOLE_RUN.seconds[basename(file, ".test.js")] ?? 120;
const began = Number(process.env.BERTH_TEST_BEGAN ?? Date.now() / 1000);
const elapsed = () => Date.now() / 1000 - began;
let lastBegan;
function isTooLate(file) {
  lastBegan ??= elapsed();
  return elapsed() + usualSeconds(file) * Math.max(1, lastBegan / WHOLE_RUN.before) > WHOLE_RUN.end;
}
const nested = (suite) => Object.keys(suites).some((other) => other.startsWith(`${suite}/`));

function testFiles(suite) {
  const directory = join("dist/test", suite);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: !nested(suite) })
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => join(directory, name))
    .sort();
}

/** The files of each suite. */
function plan(args) {
  const runs = new Map();
  const add = (suite, files) => runs.set(suite, [...(runs.get(suite) ?? []), ...files]);
  for (const arg of args.length > 0 ? args : Object.keys(suites)) {
    if (suites[arg]) add(arg, testFiles(arg));
    else
      add(arg.match(/test\/(e2e\/(?:alone|faults|machines|survival)|\w+)\//)?.[1] ?? "e2e", [
        arg.replace(/^(?!dist\/)/, "dist/").replace(/\.ts$/, ".js"),
      ]);
  }
  return runs;
}

/** Longer than a test's own time-out: for a file that cannot end by itself. */
const LAST_PATIENCE_MS = 15_000;

/**
 * A test file is a program that prints TAP. It is started as such: tap's own runner loads a TypeScript compiler into each, which
 * for two hundred files of compiled tests takes longer than most of the tests.
 * @param files one, or those that run together
 * @returns whether all went well
 */
function runFiles(files, timeoutSeconds) {
  return new Promise((resolve) => {
    const [program] = files.length > 1 ? ["scripts/tests-together.mjs"] : files;
    const env = { ...process.env, TAP: "1", TAP_TIMEOUT: String(timeoutSeconds), BERTH_TEST_FILES: files.join("\n") };
    const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutSeconds * 1000 + LAST_PATIENCE_MS);
    const reader = new TestReader(files, child.stdout);
    child.on("close", async (code, signal) => {
      clearTimeout(timer);
      resolve(await reader.end(code, signal));
    });
  });
}

/** @returns whether all went well */
async function atOnce(jobs, items, run) {
  const waiting = [...items];
  let fine = true;
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) fine = (await run(next)) && fine;
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return fine;
}

function runSuite(suite, files) {
  const { jobs, timeoutSeconds, together } = suites[suite];
  const processes = together ? shares(files, jobs) : files.map((file) => [file]);
  return atOnce(jobs, processes, (files) =>
    isWholeRun && elapsed() > WHOLE_RUN.latest ? skipLate(suite, files[0]) : runFiles(files, timeoutSeconds),
  );
}

function skipLate(suite, file) {
  totals.skipped++;
  skips.push(`${file}: no time left in a whole run on this machine; run ./scripts/test ${suite}`);
  return true;
}

function runLast() {
  const files = [...planned].flatMap(([suite, files]) =>
    suites[suite].last ? files.map((file) => ({ suite, file })) : [],
  );
  files.sort((a, b) => usualSeconds(b.file) - usualSeconds(a.file));
  return atOnce(LAST_JOBS, files, ({ suite, file }) => {
    if (isWholeRun && isTooLate(file)) return skipLate(suite, file);
    return runFiles([file], suites[suite].timeoutSeconds);
  });
}

/** Dealt out in turn to so many processes. */
const shares = (files, count) =>
  Array.from({ length: count }, (_, n) => files.filter((_, i) => i % count === n)).filter(({ length }) => length > 0);

// Two checkouts on one machine need two labs.
const LAB = process.env.BERTH_TEST_LAB_NAME ?? "e2e";

const LABS = process.env.BERTH_LAB_DIR ?? "/var/lib/berth/lab";

async function lab(name, ...args) {
  const child = spawn(process.execPath, ["dist/berth.js", "lab", "--name", name, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (status !== 0) throw new Error(`berth lab ${args.join(" ")} failed`);
  return stdout;
}

/** Brings the lab up, lets the suite run, and takes it down again, whatever happens. */
async function onLab(run) {
  try {
    // Patient timers: on a busy machine a node may be late without being dead. Faults have a lab of their own.
    await lab(LAB, "up", "--nodes", "2", "--timers", "kubernetes");
    const nodes = JSON.parse(await lab(LAB, "status", "--json")).nodes;
    process.env.BERTH_TEST_DOCKER = nodes.find((n) => n.role === "node").dockerSocket;
    return await run();
  } finally {
    await lab(LAB, "down");
  }
}

/** A test that died before its first assertion has left its own lab: see ownLabName in test/e2e/lab-session.ts. */
async function removeOwnLabs() {
  const own = new RegExp(`^${LAB.slice(0, 9)}(seg|flt|vm|rnd|eng)$`);
  const labs = existsSync(LABS) ? readdirSync(LABS) : [];
  for (const name of labs.filter((name) => own.test(name))) await lab(name, "down");
}

const options = process.argv.slice(2).filter((arg) => arg.startsWith("--"));
const names = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const isWholeRun = names.length === 0;
// Static checks that failed before the tests count as failures of the whole.
const failedChecks = Number(options.find((o) => o.startsWith("--failed-checks="))?.split("=")[1] ?? 0);
totals.failed += failedChecks;
let ok = failedChecks === 0;
process.env.BERTH_TEST_LAB = LAB;
const planned = plan(names);
for (const suite of planned.keys())
  if (!suites[suite]) throw new Error(`no suite ${suite}: ${Object.keys(suites).join(", ")}`);
async function runPlanned(suite) {
  const files = planned.get(suite) ?? [];
  if (files.length === 0) return true;
  try {
    const run = () => runSuite(suite, files);
    return await (suites[suite]?.lab ? onLab(run) : run());
  } catch (error) {
    failures.push({ path: [suite], diag: error.message });
    totals.failed++;
    return false;
  }
}
async function runLane(lane) {
  let fine = true;
  for (const suite of lane) fine = (await runPlanned(suite)) && fine;
  return fine;
}
try {
  const results = await Promise.all(lanes.map(runLane));
  ok = results.every(Boolean) && ok;
  ok = (await runLast()) && ok;
} finally {
  if ([...planned.keys()].some((suite) => suite.startsWith("e2e"))) await removeOwnLabs().catch(notRemoved);
}
// Only a whole run, or --ledger, writes the ledger; a wrong name fails any run.
const writesLedger = isWholeRun || options.includes("--ledger");
for (const name of writesLedger ? updateLedger(proofs, filesRun) : unknownNames(proofs)) {
  failures.push({ path: ["ledger"], diag: `no upstream conformance test is called ${JSON.stringify(name)}` });
  totals.failed++;
  ok = false;
}
/** What a failed test says of itself; errors of libraries may go in circles. */
function words(diag) {
  try {
    return JSON.stringify(diag, null, 2);
  } catch {
    return inspect(diag, { depth: 4 });
  }
}
function notRemoved({ message }) {
  failures.push({ path: ["labs"], diag: message });
  totals.failed++;
  ok = false;
}
for (const { path, diag } of failures) {
  console.error(`\n✘ ${path.join(" › ")}`);
  console.error(typeof diag === "string" ? diag : words(diag));
}
for (const skip of skips) console.log(`skipped: ${skip}`);
if (!ok && totals.failed === 0) totals.failed = 1;
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(ok ? 0 : 1);
