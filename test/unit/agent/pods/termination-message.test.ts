import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import t from "tap";
import { PodDirectories } from "#agent/pods/pod-directories.js";
import { terminationMessage } from "#agent/pods/termination-message.js";
import type { Runtime } from "#agent/runtime/runtime.js";
import { containerOf, stateOf } from "#test/fixtures/pod-objects.js";

const noRuntime = {} as Runtime;

t.test("the message is the beginning of what the container wrote, however much that is", async (t) => {
  const directories = new PodDirectories(t.testdir());
  const ended = stateOf("main", { state: "exited", exitCode: 1 });
  const path = directories.terminationLog(ended.pod.uid, "main", 0);
  const message = () => terminationMessage(noRuntime, directories, containerOf("main"), ended);
  t.equal(await message(), "", "no file");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  t.equal(await message(), "", "nothing written");
  writeFileSync(path, "no disk\n");
  t.equal(await message(), "no disk\n");
  writeFileSync(path, "x".repeat(5000));
  // Larger than any buffer can be.
  truncateSync(path, 2 ** 34);
  t.equal(await message(), "x".repeat(4096));
});

t.test("the engine's own error comes first", async (t) => {
  const ended = stateOf("main", { state: "exited", exitCode: 127, error: "no such file" });
  const directories = new PodDirectories(t.testdir());
  t.equal(await terminationMessage(noRuntime, directories, containerOf("main"), ended), "no such file");
});
