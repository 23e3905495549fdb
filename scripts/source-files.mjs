/** The TypeScript sources of the project, as git knows them (untracked, not ignored files included). */
import { execFileSync } from "node:child_process";

export function sourceFiles() {
  const list = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--deduplicate", "*.ts"], {
    encoding: "utf8",
  });
  const deleted = new Set(execFileSync("git", ["ls-files", "-d", "*.ts"], { encoding: "utf8" }).split("\n"));
  return list.split("\n").filter((file) => file && !deleted.has(file));
}
