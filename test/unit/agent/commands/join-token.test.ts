/** A join token is no one else's to see: every user of a host may read the arguments of all programs. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { temporaryDirectory } from "#test/temporary-directory.js";

const SECRET = "0123456789abcdef";
const TOKEN = `berth.${"a".repeat(64)}.abcdef.${SECRET}`;

/** Nobody listens there, so it tries again until it is ended. */
async function startJoining(t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const folder = temporaryDirectory("bt-token-");
  const places = ["--data-dir", join(folder, "data"), "--run-dir", join(folder, "run")];
  const target = ["--server", "https://127.0.0.1:1", "--docker-socket", join(folder, "none"), "--node-name", "n"];
  const child = spawn(process.execPath, ["dist/berth.js", "agent", ...target, ...places, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  t.teardown(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
  let said = "";
  for await (const chunk of child.stderr ?? []) {
    said += chunk;
    if (said.includes("cannot reach the server yet")) return child;
  }
  throw new Error(`it ended: ${said}`);
}

const shown = ({ pid }: ChildProcess) => readFileSync(`/proc/${pid}/cmdline`, "utf8");

t.test("given as an argument it disappears from there", { skip: !existsSync("/proc/self/cmdline") }, async (t) => {
  const text = shown(await startJoining(t, ["--token", TOKEN]));
  t.notMatch(text, SECRET);
  t.match(text, /agent --server https:\/\/127\.0\.0\.1:1 .*--token …/, "the rest can still be read");
});

t.test("given in a file or in the environment it was never there", async (t) => {
  const file = join(temporaryDirectory("bt-token-"), "token");
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
  t.notMatch(shown(await startJoining(t, ["--token-file", file])), SECRET);
  t.notMatch(shown(await startJoining(t, [], { BERTH_TOKEN: TOKEN })), SECRET);
});
