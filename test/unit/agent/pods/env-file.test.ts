import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseEnvFile, readEnvFile } from "#agent/pods/env-file.js";

/** What a shell that reads such a file has in a variable. */
const inShell = (path: string, name: string) => {
  const script = `set -a; . "$1"; eval "printf %s \\"\\$$2\\""`;
  return execFileSync("sh", ["-c", script, "sh", path, name], { encoding: "utf8", env: {} });
};

t.test("a shell reads the same", async (t) => {
  const text = [
    "# settings",
    "",
    "   \t",
    "PLAIN='value'",
    "  INDENTED='a b'   # and a remark",
    "LITERAL='$HOME \\n \"x\" # no remark = yes'",
    "LINES='one",
    "",
    "# three'",
    "NOTHING=''",
    "EMPTY=",
    "AGAIN='1'",
    "AGAIN='2'",
  ].join("\n");
  const path = join(t.testdir({ "a.env": text }), "a.env");
  const found = parseEnvFile(text);
  t.same(Object.fromEntries(found), {
    PLAIN: "value",
    INDENTED: "a b",
    LITERAL: '$HOME \\n "x" # no remark = yes',
    LINES: "one\n\n# three",
    NOTHING: "",
    EMPTY: "",
    AGAIN: "2",
  });
  for (const [name, value] of found) t.equal(inShell(path, name), value, name);
  t.same(Object.fromEntries(parseEnvFile("A= 'x'\nB='y'")), { A: "", B: "y" }, "a space ends the value");
});

t.test("what is not of the form is an error that tells the line and no value", async (t) => {
  for (const bad of [
    "SECRET=value",
    'SECRET="value"',
    "SECRET = 'value'",
    "SECRET='value",
    "SECRET='value'more",
    "SECRET='value' more",
    "SECRET='value'#",
    "export SECRET='value'",
    "SECRET",
    "='value'",
  ])
    t.throws(() => parseEnvFile(`A='1'\n\n${bad}\n`), { message: "line 3 is not of the form NAME='value'" }, bad);
});

t.test("files are read inside the volume only", async (t) => {
  const folder = t.testdir({ outside: "A='1'", volume: { "a.env": "A='2'", sub: {} } });
  const volume = join(folder, "volume");
  symlinkSync("../a.env", join(volume, "sub/link.env"));
  symlinkSync("../outside", join(volume, "out.env"));
  execFileSync("mkfifo", [join(volume, "fifo.env")]);
  writeFileSync(join(volume, "large.env"), Buffer.alloc(1024 * 1024 + 1));
  mkdirSync(join(volume, "folder.env"));
  t.same(await readEnvFile(volume, "a.env"), new Map([["A", "2"]]));
  t.same(await readEnvFile(volume, "sub/link.env"), new Map([["A", "2"]]));
  t.equal(await readEnvFile(volume, "none/of.env"), undefined);
  await t.rejects(readEnvFile(volume, "out.env"), { message: /leads out of the volume/ });
  await t.rejects(readEnvFile(volume, "fifo.env"), { message: "is no file" });
  await t.rejects(readEnvFile(volume, "folder.env"), { message: "is no file" });
  await t.rejects(readEnvFile(volume, "large.env"), { message: "is larger than 1048576 bytes" });
});
