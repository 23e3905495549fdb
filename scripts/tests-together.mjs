/**
 * Runs several test files in one process, one after the other: loading tap and what they test takes most files longer than their
 * tests. Only for files that change nothing of the process. BERTH_TEST_FILES: their names, a line each (as arguments they would
 * become part of the names of fixtures). A comment says whose tests come next.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";

for (const file of process.env.BERTH_TEST_FILES.split("\n")) {
  t.comment(`file: ${file}`);
  await import(pathToFileURL(resolve(file)));
}
