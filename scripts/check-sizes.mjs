/** Says which files and functions are larger than a reader's screen or two. Files over 500 lines and functions over 60 fail. */
import { readFileSync } from "node:fs";
import ts from "typescript";
import { sourceFiles } from "./source-files.mjs";

const MAX_FILE = 500;
const MAX_FUNCTION = 60;
const problems = [];
const sizes = [];

function checkFunctions(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const lineOf = (pos) => source.getLineAndCharacterOfPosition(pos).line + 1;
  const visit = (node) => {
    if ((ts.isFunctionLike(node) && node.body) || ts.isClassStaticBlockDeclaration(node)) {
      const lines = lineOf(node.end) - lineOf(node.getStart()) + 1;
      const name = node.name?.getText() ?? node.parent?.name?.getText?.() ?? "anonymous function";
      if (lines > MAX_FUNCTION)
        problems.push(`${file}:${lineOf(node.getStart())}: ${name} has ${lines} lines (at most ${MAX_FUNCTION})`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

for (const file of sourceFiles()) {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n").length - 1;
  if (!file.startsWith("test/")) sizes.push(lines);
  if (lines > MAX_FILE) problems.push(`${file}: ${lines} lines (at most ${MAX_FILE})`);
  if (!file.startsWith("test/")) checkFunctions(file, text);
}
sizes.sort((a, b) => a - b);
const at = (share) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * share))];
console.log(
  `${sizes.length} files, ${sizes.reduce((a, b) => a + b, 0)} lines, median ${at(0.5)}, p90 ${at(0.9)}, largest ${at(1)}`,
);
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
