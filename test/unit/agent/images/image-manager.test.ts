import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { formatDuration } from "#agent/host/duration.js";
import { ImageManager, type ImageManagerOptions, type ImageRequest } from "#agent/images/image-manager.js";
import { ImageRecords } from "#agent/images/image-records.js";
import { engineReference, parseImageReference } from "#agent/images/image-reference.js";
import { type ImageInfo, type RegistryAuth, type Runtime, RuntimeError } from "#agent/runtime/runtime.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";

const info = (digests: string[] = []): ImageInfo => ({ id: "sha256:1", tags: [], digests, size: 7, user: "" });

const DIGEST = `sha256:${"a".repeat(64)}`;

/** An engine with these images, whose pulls end as told. */
function fixture(images: Record<string, ImageInfo> = {}, options: Partial<ImageManagerOptions> = {}) {
  const pulls: { image: string; auth?: RegistryAuth; end(result: ImageInfo | Error): void }[] = [];
  const runtime: Partial<Runtime> = {
    inspectImage: async (image) => images[image],
    pullImage: (image, auth) =>
      new Promise((resolve, reject) => {
        pulls.push({ image, auth, end: (r) => (r instanceof Error ? reject(r) : resolve(r)) });
      }),
  };
  const clock = new FakeClock();
  const manager = new ImageManager({ runtime: runtime as Runtime, clock, ...options });
  const said: string[] = [];
  let woken = 0;
  const ask = (image: string, more: Partial<ImageRequest> = {}) =>
    manager.ensure({
      podUid: "p",
      startKey: "main/0",
      image,
      policy: "IfNotPresent",
      credentials: async () => [],
      wake: () => {
        woken++;
      },
      say: (_type, reason, message) => said.push(`${reason}: ${message}`),
      ...more,
    });
  return { ask, pulls, said, clock, manager, images, woken: () => woken };
}

t.test("present: used as it is, said once a start", async (t) => {
  const { ask, said, pulls } = fixture({ "nginx:latest": info([`nginx@${DIGEST}`]) });
  t.match(await ask("nginx"), { state: "ready", reference: "nginx:latest" });
  await ask("nginx");
  t.same(said, ['Pulled: Container image "nginx" already present on machine and can be accessed by the pod']);
  t.equal(pulls.length, 0);
});

t.test("Always pulls what came from a registry, not what was built here", async (t) => {
  const { ask, pulls } = fixture({
    "nginx:1": info([`nginx@${DIGEST}`]),
    "mine:latest": info([`other/name@${DIGEST}`]),
  });
  t.same(await ask("nginx:1", { policy: "Always" }), { state: "pulling" });
  await settle();
  t.equal(pulls.length, 1);
  t.match(await ask("mine", { policy: "Always" }), { state: "ready" });
});

t.test("absent: one pull for all who want it, then ready", async (t) => {
  const { ask, pulls, said, clock, woken } = fixture();
  t.same(await ask("nginx:1"), { state: "pulling" });
  t.same(await ask("nginx:1", { podUid: "other" }), { state: "pulling" });
  await settle();
  t.equal(pulls.length, 1);
  await clock.advance(1200);
  pulls[0]?.end(info());
  await settle();
  t.equal(woken(), 2);
  t.match(await ask("nginx:1"), { state: "ready" });
  t.ok(said.includes('Pulling: Pulling image "nginx:1"'));
  t.ok(
    said.includes('Pulled: Successfully pulled image "nginx:1" in 1.2s (1.2s including waiting). Image size: 7 bytes.'),
  );
});

t.test("a pull that fails: ErrImagePull, ImagePullBackOff, again, longer", async (t) => {
  const { ask, pulls, said, clock } = fixture();
  await ask("nginx:1");
  await settle();
  pulls[0]?.end(new Error("no such host"));
  await settle();
  t.match(await ask("nginx:1"), { state: "failed", reason: "ErrImagePull", message: "no such host" });
  await clock.advance(5000);
  const state = await ask("nginx:1");
  t.match(state, { reason: "ImagePullBackOff", message: /^Back-off pulling image "nginx:1": ErrImagePull: no such/ });
  t.equal(state.state === "failed" && (state.retryAt ?? 0) - clock.now(), 5000, "ten seconds in all");
  await ask("nginx:1");
  await clock.advance(5000);
  t.same(await ask("nginx:1"), { state: "pulling" });
  await settle();
  pulls[1]?.end(new Error("no such host"));
  await settle();
  await clock.advance(10_000);
  const again = await ask("nginx:1");
  t.equal(again.state === "failed" && (again.retryAt ?? 0) - clock.now(), 10_000, "twenty");
  t.same(said.slice(0, 5), [
    'Pulling: Pulling image "nginx:1"',
    'Failed: Failed to pull image "nginx:1": no such host',
    "Failed: Error: ErrImagePull",
    'BackOff: Back-off pulling image "nginx:1"',
    "Failed: Error: ImagePullBackOff",
  ]);
});

t.test("an image that comes in between ends the back-off", async (t) => {
  const { ask, pulls, images, clock } = fixture();
  await ask("nginx:1");
  await settle();
  pulls[0]?.end(new Error("x"));
  await settle();
  images["nginx:1"] = info();
  await clock.advance(6000);
  t.match(await ask("nginx:1"), { state: "ready" });
});

t.test("Never, and names that are none", async (t) => {
  const { ask } = fixture();
  t.match(await ask("nginx:1", { policy: "Never" }), {
    reason: "ErrImageNeverPull",
    message: 'Container image "nginx:1" is not present with pull policy of Never',
  });
  t.match(await ask("Nginx"), {
    reason: "InvalidImageName",
    message: /repository name \(library\/Nginx\) must be lowercase/,
  });
  t.match(await ask("a b"), { reason: "InvalidImageName", message: /invalid reference format/ });
});

t.test("references", async (t) => {
  t.same(parseImageReference("nginx"), {
    domain: "docker.io",
    path: "library/nginx",
    tag: "latest",
    digest: undefined,
  });
  t.match(parseImageReference("reg.io:5000/a/b:1"), { domain: "reg.io:5000", path: "a/b", tag: "1" });
  const digest = `sha256:${"a".repeat(64)}`;
  t.equal(engineReference(`nginx@${digest}`), `nginx@${digest}`);
  t.equal(engineReference("localhost/x"), "localhost/x:latest");
  t.equal(engineReference("x:1"), "x:1");
});

t.test("one after the other when only one pull at a time is allowed, and the wait is told", async (t) => {
  const { ask, pulls, said, clock } = fixture({}, { parallelPulls: 1 });
  await ask("a:1");
  await ask("b:1", { podUid: "other" });
  await settle();
  t.same(
    pulls.map(({ image }) => image),
    ["a:1"],
  );
  await clock.advance(1000);
  pulls[0]?.end(info());
  await settle();
  t.equal(pulls.length, 2);
  await clock.advance(500);
  pulls[1]?.end(info());
  await settle();
  t.match(said.at(-1), /"b:1" in 500ms \(1\.5s including waiting\)\. Image size: 7 bytes\.$/);
});

t.test("back-off: doubled up to five minutes, from the start again after a success and for a new Pod", async (t) => {
  const { ask, pulls, clock, manager } = fixture();
  const fail = async (podUid = "p") => {
    await ask("nginx:1", { podUid });
    await settle();
    pulls.at(-1)?.end(new Error("no such host"));
    await settle();
  };
  const wait = async (podUid = "p") => {
    await clock.advance(5000);
    const state = await ask("nginx:1", { podUid });
    const left = state.state === "failed" ? (state.retryAt ?? 0) - clock.now() : 0;
    await clock.advance(left);
    return left + 5000;
  };
  const delays: number[] = [];
  for (let i = 0; i < 7; i++) {
    await fail();
    delays.push(await wait());
  }
  t.same(delays, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  await fail("other");
  t.equal(await wait("other"), 10_000, "another Pod has its own");
  await ask("nginx:1");
  await settle();
  pulls.at(-1)?.end(info());
  await settle();
  manager.forgetStart("p", "main/0");
  await clock.advance(5000);
  await fail();
  t.equal(await wait(), 10_000, "after a success");
});

t.test("a Pod that goes while its image is pulled", async (t) => {
  const { ask, pulls, manager, images } = fixture();
  await ask("nginx:1");
  await settle();
  manager.forgetPod("p");
  images["nginx:1"] = info();
  pulls[0]?.end(info());
  await settle();
  t.equal(manager.wanted().size, 0, "nothing is kept for it");
  t.match(await ask("nginx:1", { podUid: "other" }), { state: "ready" }, "and the image serves others");
});

t.test("every credential is tried, and what was said to each is told", async (t) => {
  const { ask, pulls, said } = fixture();
  const credentials = async () => ["a", "b"].map((username) => ({ username, password: "pw", serverAddress: "r" }));
  await ask("nginx:1", { credentials });
  await settle();
  pulls[0]?.end(new RuntimeError("denied"));
  await settle();
  t.same(
    pulls.map(({ auth }) => auth?.username),
    ["a", "b"],
  );
  pulls[1]?.end(new RuntimeError("not found"));
  await settle();
  t.equal(said[1], 'Failed: Failed to pull image "nginx:1": [denied, not found]');
});

t.test("an image that wanted a credential serves those who have one, and their restarts without asking", async (t) => {
  const records = new ImageRecords(join(t.testdir({}), "images.json"), pino({ level: "silent" }));
  const auth = { username: "me", password: "pw", serverAddress: "r" };
  records.pulled("sha256:1", "nginx:1", auth, 1);
  const { ask, pulls, manager } = fixture({ "nginx:1": info([`nginx@${DIGEST}`]) }, { records });
  t.match(await ask("nginx:1", { credentials: async () => [auth] }), { state: "ready" });
  manager.forgetStart("p", "main/0");
  const away = () => Promise.reject(new Error("the server is away"));
  t.match(await ask("nginx:1", { startKey: "main/1", credentials: away }), { state: "ready" });
  t.match(await ask("nginx:1", { podUid: "other", policy: "Never" }), {
    reason: "ErrImageNeverPull",
    message: /is present with pull policy of Never but does not have the proper credentials/,
  });
  t.match(await ask("nginx:1", { podUid: "other" }), { state: "pulling" }, "others ask the registry");
  await settle();
  t.equal(pulls.length, 1);
  const unverified = fixture({ "nginx:1": info() }, { records, verifyCredentials: false });
  t.match(await unverified.ask("nginx:1"), { state: "ready" });
});

t.test("durations", async (t) => {
  t.same([0, 850, 1200, 10_000, 130_000, 300_000, 3_600_000].map(formatDuration), [
    "0s",
    "850ms",
    "1.2s",
    "10s",
    "2m10s",
    "5m0s",
    "1h0m0s",
  ]);
});
