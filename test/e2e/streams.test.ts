import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { kubectlAt, kubectlVersions, openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
const talk =
  "echo first; sleep 1; echo second >&2; sleep 1; trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.5; done";

t.test("logs and exec", async (t) => {
  const ns = await session.namespace(t, "streams");
  const crash = ["sh", "-c", "echo run; sleep 2; exit 3"];
  await ns.apply(pod("talker", { command: ["sh", "-c", talk] }), pod("crasher", { command: crash }));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/talker", "--timeout=180s"]);
  await until("a second run of crasher", async () => {
    const found = await ns.get<Pod>("pod", "crasher");
    return (found.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  });

  for (const { version, path } of await kubectlVersions()) {
    const kubectl = (args: string[], input?: string) => kubectlAt(path, lab, ["-n", "streams", ...args], { input });

    await t.test(`logs with kubectl ${version}`, async (t) => {
      const whole = async () => (await kubectl(["logs", "talker"])).stdout;
      await until("its first line of many", async () => (await whole()).includes("line 3\n"));
      t.match(await whole(), /^first\nsecond\nline 1\n/, "output and error in order");
      t.equal((await kubectl(["logs", "talker", "--tail=2"])).stdout.trim().split("\n").length, 2);
      const recent = (await kubectl(["logs", "talker", "-c", "main", "--since=2s"])).stdout;
      t.ok(recent && !recent.includes("first"), "--since leaves old lines out");
      // The run before may be removed while it is read: then another is.
      const previous = async () => (await kubectl(["logs", "crasher", "--previous"])).stdout;
      await until("the run before", async () => (await previous()) === "run\n");
      t.match((await kubectl(["logs", "talker", "-c", "nope"])).stderr, /container nope is not valid for pod talker/);
      const began = performance.now();
      const follow = ["-n", "streams", "logs", "-f", "--tail=1", "talker"];
      await kubectlAt(path, lab, follow, { timeoutMs: 2500 }).catch((error: Error) => error);
      t.ok(performance.now() - began > 2400, "-f goes on until it is stopped");
    });

    await t.test(`run -i with kubectl ${version}, for a command that may be over before one is attached`, async (t) => {
      for (let i = 0; i < 4; i++) {
        const how = ["--rm", "-i", "--restart=Never", "--image=busybox:latest", "--image-pull-policy=IfNotPresent"];
        const ran = await kubectl(["run", `quick-${i}`, ...how, "--", "echo", "hello"]);
        t.match(ran.stdout, /^hello\n/, ran.stderr);
      }
    });

    await t.test(`exec with kubectl ${version}`, async (t) => {
      t.equal((await kubectl(["exec", "talker", "--", "echo", "hello"])).stdout, "hello\n");
      const failed = await kubectl(["exec", "talker", "--", "sh", "-c", "echo oops >&2; exit 7"]);
      t.match(failed, { code: 7, stderr: /oops[\s\S]*exit code 7/ });
      const bytes = "x".repeat(300_000);
      const echoed = await kubectl(["exec", "-i", "talker", "--", "cat"], bytes);
      t.equal(echoed.stdout.length, bytes.length, "nothing lost through stdin and back");
      // The size comes in its own time.
      const sized =
        'i=0; until [ "$(stty size)" = "33 101" ] || [ $((i+=1)) = 300 ]; do sleep 0.1; done; echo "$(tty) $(stty size)"';
      const tty = `stty rows 33 cols 101; ${path} -n streams exec -it talker -- sh -c '${sized}'`;
      const seen = await kubectlAt("script", lab, ["-qec", tty, "/dev/null"]);
      t.match(seen.stdout, /\/dev\/pts\/\d+ 33 101/, "a terminal, with the size of ours");
    });
  }
});
