/** What test files said, read from their TAP: counted, and every failure, skip and proof kept with its file. */
import { Parser } from "tap-parser";

export const totals = { passed: 0, failed: 0, skipped: 0 };
/** {path: string[], diag: object | string}[], the path from the file's name to the assertion. */
export const failures = [];
export const skips = [];
/** See updateLedger. */
export const proofs = [];
/** Their sources' names. */
export const filesRun = new Set();

const source = (file) => file.replace(/^dist\/(.*)\.js$/, "$1.ts");

/** Of one test file: its counts, whether all went well, and how to say so. */
class FileResult {
  passed = 0;
  failed = 0;
  skipped = 0;
  #began = performance.now();

  constructor(file) {
    this.file = file;
  }

  /** A file that says nothing has tested nothing. */
  get isFine() {
    return this.failed === 0 && this.passed + this.skipped > 0;
  }

  fail(diag) {
    this.failed++;
    failures.push({ path: [this.file], diag });
  }

  /** Adds it to the totals and prints its line. */
  end() {
    const { file, passed, failed, skipped } = this;
    filesRun.add(source(file));
    for (const key of Object.keys(totals)) totals[key] += this[key];
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    const more = skipped ? `, ${skipped} skipped` : "";
    console.log(`${this.isFine ? "✔" : "✘"} ${file}: ${passed} passed, ${failed} failed${more} (${seconds} s)`);
  }
}

/**
 * Reads what one process says, which runs one file, or several one after the other. Those it tells apart by the comments of
 * scripts/tests-together.mjs.
 */
export class TestReader {
  #parser = new Parser();
  #complete = new Promise((done) => this.#parser.on("complete", done));
  #waiting;
  #now;
  #fine = true;
  #root;

  constructor(files, stdout) {
    this.#waiting = new Set(files);
    if (files.length === 1) this.#turnTo(files[0]);
    this.#parser.on("comment", (text) => {
      const next = text.match(/^# file: (.*)\n?$/)?.[1];
      if (next) this.#turnTo(next);
    });
    this.#root = this.#read(this.#parser, []);
    stdout.pipe(this.#parser);
  }

  /** When the process has ended. Resolves with whether all went well. */
  async end(code, signal) {
    const result = await this.#complete;
    const endedWell = result.ok && code === 0 && result.count > 0;
    if (!this.#now) this.#turnTo([...this.#waiting][0]);
    const { file, failed, skipped } = this.#now;
    if (endedWell && !this.#root.hasTests() && skipped === 0) this.#now.passed++;
    // Its tests passed, and then, or before any of them, it ended badly.
    if (!endedWell && this.#fine && failed === 0) {
      if (failures.some(({ path }) => path[0] === file)) this.#now.failed++;
      else this.#now.fail(`ended badly: ${signal ?? `exit code ${code}, ${result.count} tests`}`);
    }
    this.#turnTo();
    for (const never of [...this.#waiting]) this.#turnTo(never);
    this.#turnTo();
    return this.#fine && endedWell;
  }

  /** Ends the file it was at. */
  #turnTo(file) {
    if (this.#now && !this.#now.isFine && this.#now.failed === 0) this.#now.fail("no test in it was run");
    this.#now?.end();
    this.#fine &&= this.#now?.isFine ?? true;
    this.#waiting.delete(file);
    this.#now = file && new FileResult(file);
  }

  /** Counts the innermost named tests; assertions outside any test count as one test, the file itself. */
  #read(parser, names) {
    let child;
    let hasTests = false;
    const proven = [];
    const path = (...more) => [this.#now?.file ?? "", ...names, ...more];
    parser.on("comment", (text) => {
      const name = text.match(/^# proves: (.*)\n?$/)?.[1];
      if (name) proven.push(name);
    });
    parser.on("child", (next) => {
      hasTests = true;
      child = this.#read(next, [...names, next.name]);
    });
    parser.on("assert", (result) => {
      const leaf = child ? !child.hasTests() : result.skip;
      const state = result.skip ? "skipped" : result.ok || result.todo ? "passed" : "failed";
      if (child) this.#keepProofs(child.proven, path(result.name), result);
      else if (state === "failed") failures.push({ path: path(result.name), diag: result.diag });
      child = undefined;
      if (!leaf || !this.#now) return;
      const reason = result.skip === true ? "" : `: ${result.skip}`;
      if (result.skip) skips.push(path(result.name).join(" › ") + reason);
      this.#now[state]++;
    });
    parser.on("bailout", (reason) => failures.push({ path: path("bail out"), diag: reason }));
    return { hasTests: () => hasTests, proven };
  }

  #keepProofs(proven, [file, ...names], result) {
    const state = result.skip ? "skipped" : result.ok ? "passed" : "failed";
    for (const name of proven) proofs.push({ name, file: source(file), test: names.join(" › "), result: state });
  }
}
