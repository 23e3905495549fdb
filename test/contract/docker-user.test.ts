/** Beside a real Docker engine at its defaults whose FORWARD policy drops: pods get through, Docker's containers keep what they have. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { acceptPodTraffic, withdrawPodTraffic } from "#agent/network/docker-user.js";
import { tryCommand } from "#cni/lib/command.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { enterOwnNetns, eventually, holdNetns, setSysctl } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

const engine = (await tryCommand("sh", ["-c", "command -v dockerd"])).stdout.trim();
const root = mkdtempSync(join(tmpdir(), "bt-docker-"));
const socket = join(root, "docker.sock");
const PODS = ["10.244.0.0/16"];

async function startEngine(): Promise<() => Promise<void>> {
  const args = ["--data-root", join(root, "data"), "--exec-root", join(root, "exec"), "--host", `unix://${socket}`];
  const child = spawn(engine, [...args, "--pidfile", join(root, "pid"), "--log-level", "error"], { stdio: "ignore" });
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  t.teardown(stop);
  await eventually(async () => (await tryCommand("docker", ["-H", `unix://${socket}`, "version"])).code === 0, 90);
  return stop;
}

const listing = async () => (await tryCommand("iptables", ["-S"])).stdout;

t.test("accepts in DOCKER-USER, before and after the engine, across its restarts", { skip: !engine }, async (t) => {
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const [left, right] = [await holdNetns(), await holdNetns()];
  t.teardown(() => Promise.all([left.end(), right.end()]));
  for (const [i, ns] of [left, right].entries()) {
    await ipBatch([
      `link add v${i} type veth peer name eth0 netns ${ns.path}`,
      `addr add 10.244.${i}.1/24 dev v${i}`,
      `link set v${i} up`,
    ]);
    await ipBatch(
      [`addr add 10.244.${i}.2/24 dev eth0`, "link set eth0 up", `route add default via 10.244.${i}.1`],
      ns.path,
    );
  }
  setSysctl("net/ipv4/ip_forward", "1");
  right.spawn("busybox", ["nc", "-ll", "-p", "80", "-e", "echo", "right"]);
  const reaches = async (seconds = 10) =>
    (await left.run("busybox", ["nc", "-w", String(seconds), "10.244.1.2", "80"])).stdout.trim() === "right";
  await eventually(() => reaches());

  t.equal(await acceptPodTraffic(PODS), 3, "before the engine: the chain and two rules");
  t.equal(await acceptPodTraffic(PODS), 0);
  let stop = await startEngine();
  // The engine drops only when it has switched forwarding on itself, as on a stock host.
  await tryCommand("iptables", ["-P", "FORWARD", "DROP"]);
  t.ok((await listing()).includes("-A FORWARD -j DOCKER-USER"), "the engine has linked the chain in");
  t.equal(await acceptPodTraffic(PODS), 0, "and kept our rules");
  t.ok(await reaches());
  await withdrawPodTraffic();
  t.notOk(await reaches(1), "without them Docker's policy drops pods");
  t.match(await listing(), /-N DOCKER-USER/, "the chain is Docker's");
  t.equal(await acceptPodTraffic(PODS), 2);
  t.ok(await reaches());

  await stop();
  await tryCommand("iptables", ["-F", "FORWARD"]);
  await tryCommand("iptables", ["-F", "DOCKER-USER"]);
  t.equal(await acceptPodTraffic(PODS), 3, "somebody flushed: rules and link come back");
  t.ok(await reaches());
  stop = await startEngine();
  t.equal(await acceptPodTraffic(PODS), 0, "nothing is lost by a restart");
  t.ok(await reaches());
  t.match(await listing(), /-A FORWARD -o docker0 /, "Docker's own rules are there");
  await stop();
  await withdrawPodTraffic();
  t.notMatch(await listing(), /berth/);
});
