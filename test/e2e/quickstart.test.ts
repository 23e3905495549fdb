import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import t from "tap";
import { imageFile } from "#scripts/lab/images.js";
import { findKubectl } from "#scripts/lab/kubectl.js";
import { run, runAny } from "#scripts/run.js";

/**
 * ./scripts/quickstart as a user runs it, from a clone of its own, on a machine of its own: a network namespace with one
 * address and no way out, and a mount namespace with empty /run, /var/lib/docker and so on. Nothing runs there before.
 */
const PREFIX = "bt-quickstart";
const folder = mkdtempSync(join(tmpdir(), "berth-quickstart-"));
const pin = join(folder, "ns/mnt");
const enter = [`--net=/run/netns/${PREFIX}`, `--mount=${pin}`, `--wd=${folder}/clone`, "--"];
const own = [
  "/run",
  "/var/lib/docker",
  "/var/lib/berth",
  "/var/lib/berth-quickstart",
  "/var/lib/cni",
  "/var/log",
  "/etc/cni",
];

async function makeMachine(): Promise<void> {
  await run("ip", ["netns", "add", PREFIX]);
  await run("ip", ["netns", "add", `${PREFIX}-lan`]);
  await run("ip", ["-n", PREFIX, "link", "set", "lo", "up"]);
  await run("ip", [
    "-n",
    PREFIX,
    "link",
    "add",
    "eth0",
    "type",
    "veth",
    "peer",
    "name",
    "peer0",
    "netns",
    `${PREFIX}-lan`,
  ]);
  await run("ip", ["-n", `${PREFIX}-lan`, "link", "set", "peer0", "up"]);
  await run("ip", ["-n", PREFIX, "addr", "add", "10.90.0.1/24", "dev", "eth0"]);
  await run("ip", ["-n", PREFIX, "link", "set", "eth0", "up"]);
  mkdirSync(join(folder, "ns"));
  await run("mount", ["--bind", join(folder, "ns"), join(folder, "ns")]);
  await run("mount", ["--make-private", join(folder, "ns")]);
  writeFileSync(pin, "");
  await run("unshare", [`--mount=${pin}`, "--propagation", "private", "--", "true"]);
  for (const path of own) {
    mkdirSync(path, { recursive: true });
    const source = join(folder, "own", path);
    mkdirSync(source, { recursive: true });
    await run("nsenter", [`--mount=${pin}`, "--", "mount", "--bind", source, path]);
  }
}

async function removeMachine(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const pids = (await run("ip", ["netns", "pids", PREFIX])).split("\n").filter(Boolean);
    if (pids.length === 0) break;
    await runAny("kill", ["-9", ...pids]);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await runAny("umount", [pin]);
  await runAny("umount", [join(folder, "ns")]);
  await run("ip", ["netns", "del", PREFIX]);
  await run("ip", ["netns", "del", `${PREFIX}-lan`]);
  rmSync(folder, { recursive: true, force: true });
}

/**
 * A fresh clone of what is committed, with the installed packages: the machine has no way to a registry. What the compiler knows of
 * these sources comes along, so that the build, which takes place, is not the most expensive test of all.
 */
async function clone(): Promise<void> {
  const target = join(folder, "clone");
  await run("git", ["clone", "--quiet", "--no-hardlinks", process.cwd(), target]);
  const packages = [join(process.cwd(), "node_modules"), target];
  // Links, where the clone is on the same file system: nothing writes into packages.
  if ((await runAny("cp", ["-al", ...packages])).code !== 0) await run("cp", ["-a", ...packages]);
  await run("cp", ["-a", join(process.cwd(), "dist"), target]);
  rmSync(join(target, "dist/.built"), { force: true });
  await run("touch", [join(target, "node_modules/.package-lock.json")]);
}

/** Of its own too: `down` removes it. */
const cache = join(folder, "cache");
const env = { ...process.env, XDG_CACHE_HOME: cache };

const machine = (command: string[], timeoutMs = 240_000) =>
  runAny("nsenter", [...enter, ...command], { timeoutMs, env });

t.test("quickstart on a machine of its own", async (t) => {
  t.teardown(removeMachine);
  mkdirSync(join(cache, "berth"), { recursive: true });
  for (const file of [await imageFile("nginx"), await findKubectl()])
    await run("cp", ["-a", file, join(cache, "berth", basename(file))]);
  await clone();
  await makeMachine();
  const forwarding = (await machine(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout;
  const linksBefore = (await machine(["ip", "-o", "link"])).stdout.split("\n").length;

  await t.test("serves nginx through the ClusterIP and the NodePort", async (t) => {
    const { code, stdout, stderr } = await machine(["./scripts/quickstart"]);
    t.equal(code, 0, stderr);
    t.match(stderr, /✔ page through the ClusterIP, http:\/\/10\.96\.[\d.]+:80\/ "Welcome to nginx!" \([\d.]+ s\)/);
    t.match(stderr, /✔ page through the NodePort, http:\/\/10\.90\.0\.1:3\d{4}\/ "Welcome to nginx!"/);
    t.match(stdout, /web-\S+ +1\/1 +Running +0/);
    t.match(stdout, /kubeconfig +\//);
    t.match(stdout, /Try next:/);
  });

  await t.test("may be run again", async (t) => {
    const { code, stderr } = await machine(["./scripts/quickstart"]);
    t.equal(code, 0, stderr);
  });

  await t.test("down leaves nothing behind", async (t) => {
    const { code, stderr } = await machine(["./scripts/quickstart", "down"]);
    t.equal(code, 0, stderr);
    t.equal((await machine(["ip", "-o", "link"])).stdout.split("\n").length, linksBefore, "links");
    t.equal((await machine(["nft", "list", "ruleset"])).stdout.trim(), "", "nft tables");
    t.equal((await machine(["ip", "route"])).stdout.trim().split("\n").length, 1, "routes");
    // Who was told to end may still be at it.
    const pids = async () => (await run("ip", ["netns", "pids", PREFIX])).trim();
    for (let i = 0; i < 100 && (await pids()) !== ""; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    t.equal(await pids(), "", "processes");
    t.same(readdirSync(join(folder, "own/var/lib/berth")), [], "state");
    t.same(readdirSync(join(folder, "own/var/lib/cni")), [], "addresses");
    t.equal((await machine(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout, forwarding, "ip_forward");
    for (const path of ["/run/berth", "/var/log/pods", "/var/log/containers"])
      t.notOk(existsSync(join(folder, "own", path)), path);
    t.same(readdirSync(cache), [], "what was unpacked or made");
    t.equal((await machine(["docker", "version"])).code, 1, "the engine that quickstart started is stopped");
  });
});
