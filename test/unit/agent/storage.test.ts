/** The end of volumes on this node's disk: their data goes first, and nothing else with it. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import t from "tap";
import { LocalVolumes } from "#agent/storage/local-volumes.js";
import type { KubeObject } from "#api/object.js";
import { persistentVolumes } from "#api/refs.js";
import { conflict, notFoundError } from "#api/status-error.js";
import { LOCAL_DATA } from "#api/storage.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";
import { temporaryDirectory } from "#test/temporary-directory.js";

const deletionTimestamp = "2026-01-01T00:00:00Z";
const volume = (name: string, path: string, metadata: object = { deletionTimestamp }) => ({
  metadata: {
    name,
    uid: name,
    resourceVersion: "7",
    finalizers: ["kubernetes.io/pv-protection", LOCAL_DATA],
    ...metadata,
  },
  spec: { local: { path } },
});

/** Real files are removed beside a clock that stands still. */
async function until(check: () => boolean): Promise<void> {
  for (let waits = 0; waits < 200 && !check(); waits++) await new Promise((resolve) => setTimeout(resolve, 10));
}

t.test("what was stored goes before the volume", async (t) => {
  const root = temporaryDirectory("berth-storage-");
  const directory = join(root, "storage");
  const paths = ["going", "staying"].map((name) => join(directory, name));
  const outside = join(root, "outside");
  for (const path of [...paths, outside]) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "data"), "1");
  }
  const client = new ScriptedClient();
  const items = [
    volume("going", paths[0]!),
    volume("staying", paths[1]!, {}),
    volume("outside", outside),
    volume("escape", join(directory, "../outside")),
    volume("itself", directory),
  ] as unknown as KubeObject[];
  client.lists = [{ metadata: { resourceVersion: "1" }, items }] as typeof client.lists;
  const clock = new FakeClock();
  const failures = [conflict(persistentVolumes, "going", "changed"), undefined];
  const told: string[] = [];
  client.onWrite = ({ name = "", body }) => {
    if (name === "going") {
      const failure = failures.shift();
      if (failure) throw failure;
    }
    if (name === "escape") throw notFoundError(persistentVolumes, name);
    told.push(name);
    t.same(body, { metadata: { uid: name, resourceVersion: "7", finalizers: ["kubernetes.io/pv-protection"] } });
  };
  const logger = pino({ level: "silent" });
  const local = new LocalVolumes({ client, nodeName: "n1", directory, clock, logger });
  t.teardown(() => local.stop());
  await until(() => told.length === 2 && failures.length === 1 && clock.pending().includes(100));
  t.notOk(existsSync(paths[0]!));
  t.same(told.sort(), ["itself", "outside"], "the API lets them go, the node keeps what is not its own");
  await clock.advance(100);
  await until(() => told.length === 3);
  t.equal(told[2], "going", "told again after a conflict");
  for (const path of [paths[1]!, outside]) t.ok(existsSync(join(path, "data")), path);
});
