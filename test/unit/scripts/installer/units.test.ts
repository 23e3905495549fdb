import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { sourceFile } from "#scripts/installer/paths.js";
import { runAny } from "#scripts/run.js";

const UNITS = ["berth-server.service", "berth-agent.service"];

const skip = existsSync("/usr/bin/systemd-analyze") ? false : "no systemd-analyze on this host";

t.test("systemd understands every line of the units", { skip }, async (t) => {
  const folder = t.testdir();
  const files = UNITS.map((unit) => join(folder, unit));
  // It insists on a program that is there.
  for (const [i, unit] of UNITS.entries())
    writeFileSync(files[i]!, readFileSync(sourceFile(unit), "utf8").replace("/usr/local/bin/berth", "/bin/true"));
  const { code, stderr } = await runAny("systemd-analyze", ["verify", "--man=no", ...files]);
  t.equal(code, 0, stderr);
  t.equal(
    stderr
      .split("\n")
      .filter((line) => line.includes("berth"))
      .join("\n"),
    "",
  );
});

t.test("what ends is started again, and nothing but the service's own processes ends with it", async (t) => {
  for (const unit of UNITS) {
    const text = readFileSync(sourceFile(unit), "utf8");
    for (const line of ["Restart=always", "KillMode=mixed", "StartLimitIntervalSec=0", "WantedBy=multi-user.target"])
      t.ok(text.split("\n").includes(line), `${unit}: ${line}`);
    t.notMatch(text, /^Requires=/m, "an engine that is restarted takes nobody with it");
  }
});

t.test("the scripts are what their shells understand", async (t) => {
  for (const [shell, name] of [
    ["bash", "berth.init"],
    ["sh", "keep-running"],
  ] as const) {
    const { code, stderr } = await runAny(shell, ["-n", sourceFile(name)]);
    t.equal(code, 0, `${name}: ${stderr}`);
  }
});
