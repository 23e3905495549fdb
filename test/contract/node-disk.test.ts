/**
 * What fills a node's disk is bounded: images, dead containers and sandboxes, logs. On a real engine whose images and
 * containers lie on a small file system of their own.
 */
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { ImageGarbageCollector, type ImageGcPolicy } from "#agent/images/image-gc.js";
import { ImageRecords } from "#agent/images/image-records.js";
import { fileSystemUsage } from "#agent/stats/disk-usage.js";
import type { Pod } from "#api/generated/types.js";
import { systemClock } from "#client/clock.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { imageFile } from "#scripts/lab/images.js";
import { runAny } from "#scripts/run.js";
import { isReady, NodeFixture, sh } from "#test/fixtures/node-pods.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { OwnEngine, skipWithoutPrograms, startRegistry } from "./own-engine.js";
import { enterOwnNetns, eventually } from "./own-netns.js";

// While there is a way out: a fresh machine makes it from Debian's packages.
await imageFile("busybox");
await enterOwnNetns(import.meta.url, { mounts: true });
await ipBatch(["link set lo up"]);

const REGISTRY = "127.0.0.1:5000";
const MIB = 1024 * 1024;
const logger = pino({ level: "silent" });
const LOGS = { maxSize: 32 * 1024, maxFiles: 3 };

t.test("a node's disk", { skip: skipWithoutPrograms, timeout: 300_000 }, async (t) => {
  const engine = await OwnEngine.start(t, 64 * MIB);
  await startRegistry(t, { address: REGISTRY, storage: temporaryDirectory("bt-registry-") });
  const logDir = temporaryDirectory("bt-log-");
  const records = new ImageRecords(join(engine.folder, "images.json"), logger);
  const options = { imageRecords: records, logDir, restartBackoff: { initial: 100, max: 200, resetAfter: 60_000 } };
  const node = await NodeFixture.open(t, options, { socketPath: engine.socketPath, containerLogs: LOGS });
  const end = async (name: string, grace?: number) => {
    await node.delete(name, grace);
    await node.gone(name);
  };
  const containersOf = async ({ metadata }: Pod, type: string) => {
    const filters = [`label=io.kubernetes.pod.uid=${metadata.uid}`, `label=io.kubernetes.docker.type=${type}`];
    return (await engine.cli("ps", "-aq", ...filters.flatMap((filter) => ["--filter", filter])))
      .split("\n")
      .filter(Boolean);
  };

  await t.test(
    "images: only what this agent pulled goes, the longest unused first, down to the low threshold",
    async (t) => {
      const name = (letter: string) => `${REGISTRY}/${letter}:1`;
      const [a, b, c, d] = [name("a"), name("b"), name("c"), name("d")];
      for (const image of [a, b, c, d]) {
        await engine.build(image, 4 * MIB);
        await engine.cli("push", "--quiet", image);
        await engine.cli("rmi", image);
      }
      // What people of this machine have for themselves.
      await engine.build("mine:1", MIB);
      await engine.cli("pull", "--quiet", d);
      await node.create("user-d", { image: d, imagePullPolicy: "Always" });
      await node.until("user-d", "ready", isReady);
      await end("user-d");
      for (const [i, image] of [a, b, c].entries()) {
        await node.create(`user-${i}`, { image });
        await node.until(`user-${i}`, "ready", isReady);
        if (image !== b) await end(`user-${i}`);
      }
      const said: string[] = [];
      const disk = () => fileSystemUsage(engine.root);
      const usage = async () => {
        const { capacity, available } = await disk();
        return 100 - Math.floor((available * 100) / capacity);
      };
      const collect = (policy: Partial<ImageGcPolicy>) =>
        new ImageGarbageCollector({
          runtime: node.runtime,
          // As an agent that has started again knows it.
          records: new ImageRecords(join(engine.folder, "images.json"), logger),
          policy: { highThreshold: 85, lowThreshold: 80, minimumAge: 0, ...policy },
          disk,
          wanted: () => node.pods.wantedImages(),
          say: (_type, reason, message) => void said.push(`${reason}: ${message}`),
          clock: systemClock,
          logger,
        }).collect();
      const all = [a, b, c, d, "berth/pause:1", "busybox:latest", "mine:1"].sort();
      const full = await usage();
      await collect({ highThreshold: full + 1, lowThreshold: 1 });
      t.same(await engine.images(), all, "not full");
      await t.rejects(
        collect({ highThreshold: full, lowThreshold: full - 5, minimumAge: 3_600_000 }),
        /0 bytes eligible/,
      );
      t.same(await engine.images(), all, "too young");
      await collect({ highThreshold: full, lowThreshold: full - 5 });
      const without = (...gone: string[]) => all.filter((name) => !gone.includes(name));
      t.same(await engine.images(), without(a), "one is enough");
      await t.rejects(
        collect({ highThreshold: 1, lowThreshold: 0 }),
        /Attempted to free \d+ bytes, but only found \d+ bytes/,
      );
      t.same(await engine.images(), without(a, c), "one that is used stays, and all that others brought");
      t.match(said.at(-1), /^FreeDiskSpaceFailed: Failed to garbage collect required amount of images\. /);
      await node.create("again", { image: a });
      await node.until("again", "ready", isReady);
      await end("again");
      await end("user-1");
    },
  );

  await t.test("containers: the current attempt and one before it, with their last words and links", async (t) => {
    await node.create("crashing", { command: sh("echo attempt; echo bye > /dev/termination-log; exit 1") });
    const restarts = ({ status }: Pod) => status?.containerStatuses?.[0]?.restartCount ?? 0;
    const pod = await node.until("crashing", "four restarts", (p) => restarts(p) >= 4);
    // While the next attempts come and go.
    await eventually(async () => (await node.log("crashing", "main", true).catch(String)).startsWith("attempt"));
    await eventually(async () => (await containersOf(pod, "container")).length <= 2);
    const { uid } = pod.metadata;
    const words = join(node.dataDir, "pods", uid, "containers/main");
    const links = join(logDir, `pods/default_crashing_${uid}/main`);
    await eventually(() => readdirSync(words).length <= 2 && readdirSync(links).length <= 2);
    t.equal(readdirSync(join(logDir, "containers")).filter((name) => name.startsWith("crashing_")).length <= 3, true);
    await end("crashing");
    await eventually(() => !existsSync(dirname(links)) && !existsSync(dirname(dirname(words))));
    t.same(readdirSync(join(logDir, "containers")), []);
  });

  await t.test("sandboxes: dead ones go", async () => {
    await node.create("boxed", {});
    const pod = await node.until("boxed", "ready", isReady);
    for (let round = 1; round <= 2; round++) {
      const [sandbox = ""] = await containersOf(pod, "podsandbox");
      await engine.cli("kill", sandbox);
      await node.untilEvent("boxed", /^SandboxChanged: /);
      await node.until("boxed", "again", (p) => isReady(p) && p.status?.containerStatuses?.[0]?.restartCount === round);
      await eventually(async () => {
        const left = await containersOf(pod, "podsandbox");
        return left.length === 1 && left[0] !== sandbox;
      });
    }
    await eventually(async () => (await containersOf(pod, "container")).length === 2);
    await end("boxed");
  });

  await t.test(
    "no room at all: what runs goes on, what is new says why it waits, and starts when there is room",
    async (t) => {
      await node.create("before", {});
      const before = await node.until("before", "ready", isReady);
      const filler = join(engine.root, "filler");
      t.match(await runAny("dd", ["if=/dev/zero", `of=${filler}`, "bs=64K"]), { code: 1, stderr: /No space left/ });
      await node.create("after", {});
      await node.untilEvent("after", /^Failed\w*: .*no space left on device/);
      const [running] = await containersOf(before, "container");
      t.equal(await engine.cli("exec", String(running), "echo", "here"), "here\n");
      t.ok(isReady(await node.until("before", "as before", () => true)));
      rmSync(filler);
      await node.until("after", "ready", isReady);
      t.equal((await node.until("before", "as before", isReady)).status?.containerStatuses?.[0]?.restartCount, 0);
      await end("before");
      await end("after");
    },
  );

  await t.test("logs: rotated within their bound, read whole across rotations, wherever links were put", async (t) => {
    const LINES = 1500;
    const line = (n: number) => `line ${n} ${"x".repeat(40)}`;
    const script = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i ${"x".repeat(40)}"; [ $((i%50)) = 0 ] && sleep 0.1; done; sleep 1000`;
    await node.create("chatty", { command: sh(script) });
    const pod = await node.until("chatty", "ready", isReady);
    const id = String(node.pods.containerId("default", "chatty", "main"));
    const followed = await node.runtime.logs(id, { follow: true });
    let text = "";
    followed.output.on("data", (chunk) => {
      text += chunk;
    });
    await eventually(() => text.includes(`line ${LINES} `));
    followed.close();
    const plain = (log: string) => log.replace(/^\S+ /gm, "").trimEnd().split("\n");
    t.same(
      plain(text),
      Array.from({ length: LINES }, (_, i) => line(i + 1)),
      "nothing is lost or told twice",
    );

    const state = await node.runtime.inspectContainer(id);
    const folder = dirname(String(state?.logPath));
    const files = readdirSync(folder).filter((name) => name.includes("-json.log"));
    t.equal(files.length, LOGS.maxFiles);
    for (const file of files) t.ok(statSync(join(folder, file)).size <= LOGS.maxSize + 1024, file);

    const read = async (more: { tail?: number; since?: number } = {}) => {
      let all = "";
      for await (const chunk of (await node.runtime.logs(id, { follow: false, ...more })).output) all += chunk;
      return all;
    };
    const kept = plain(await read());
    t.ok(kept.length > LOGS.maxSize / 150 && kept.length < LINES, `${kept.length} lines are left`);
    t.same(
      kept,
      Array.from({ length: kept.length }, (_, i) => line(LINES - kept.length + i + 1)),
    );
    // More than one file holds.
    const many = Math.floor(kept.length * 0.7);
    t.same(plain(await read({ tail: many })), kept.slice(-many));
    const stamped = (await read()).trimEnd().split("\n");
    const from = Math.floor(kept.length / 3);
    const since = Date.parse(String(stamped[from]?.split(" ")[0])) / 1000;
    const recent = plain(await read({ since }));
    t.same(recent, kept.slice(-recent.length));
    t.ok(recent.length >= kept.length - from && recent.length < kept.length, `${recent.length} of them since then`);

    const { uid } = pod.metadata;
    const podLink = join(logDir, `pods/default_chatty_${uid}/main/0.log`);
    const containerLink = join(logDir, `containers/chatty_default_main-${id}.log`);
    t.equal(readlinkSync(containerLink), podLink);
    t.match(readFileSync(containerLink, "utf8"), new RegExp(`line ${LINES} `), "the links are good after rotations");
    const secret = join(engine.folder, "secret");
    writeFileSync(secret, "not for the Pod");
    rmSync(podLink);
    symlinkSync(secret, podLink);
    t.same((await node.log("chatty")).trimEnd().split("\n"), kept, "a link of the Pod's leads no reader anywhere");
    await end("chatty", 0);
    t.equal(readFileSync(secret, "utf8"), "not for the Pod");
    await eventually(() => !existsSync(dirname(dirname(podLink))));
  });
});
