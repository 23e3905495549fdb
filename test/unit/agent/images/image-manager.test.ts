import t from "tap";
import { formatDuration } from "#agent/images/duration.js";
import { ImageManager, type ImageRequest } from "#agent/images/image-manager.js";
import { engineReference, parseImageReference } from "#agent/images/image-reference.js";
import { credentialsFor } from "#agent/images/registry-credentials.js";
import type { ImageInfo, RegistryAuth, Runtime } from "#agent/runtime/runtime.js";
import type { Secret } from "#api/generated/types.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";

const info = (digests: string[] = []): ImageInfo => ({ id: "sha256:1", tags: [], digests, size: 7, user: "" });

const DIGEST = `sha256:${"a".repeat(64)}`;

/** An engine with these images, whose pulls end as told. */
function fixture(images: Record<string, ImageInfo> = {}) {
  const pulls: { image: string; auth?: RegistryAuth; end(result: ImageInfo | Error): void }[] = [];
  const runtime: Partial<Runtime> = {
    inspectImage: async (image) => images[image],
    pullImage: (image, auth) =>
      new Promise((resolve, reject) => {
        pulls.push({ image, auth, end: (r) => (r instanceof Error ? reject(r) : resolve(r)) });
      }),
  };
  const clock = new FakeClock();
  const manager = new ImageManager({ runtime: runtime as Runtime, clock });
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
  t.same(said, ['Pulled: Container image "nginx" already present on machine']);
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

t.test("credentials fit by host, port and path", async (t) => {
  const secret = (auths: object): Secret => ({
    metadata: { name: "s", uid: "", resourceVersion: "", creationTimestamp: "" },
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  const auth = Buffer.from("me:pa:ss").toString("base64");
  const secrets = [
    secret({ "reg.io:5000": { auth }, "https://index.docker.io/v1/": { username: "hub", password: "p" } }),
  ];
  const users = (image: string, from = secrets) =>
    credentialsFor(parseImageReference(image), from).map((a) => a.username);
  t.same(credentialsFor(parseImageReference("reg.io:5000/a"), secrets), [
    { username: "me", password: "pa:ss", serverAddress: "reg.io:5000" },
  ]);
  t.same(users("nginx"), ["hub"]);
  t.same(users("reg.io/a"), []);
  const nested = [secret({ "*.io/team": { username: "team" }, "reg.io": { username: "all" } })];
  t.same(users("reg.io/team/app", nested), ["team", "all"]);
  t.same(users("reg.io/other", nested), ["all"]);
  t.same(users("x", [{ ...secrets[0]!, data: { ".dockerconfigjson": "broken" } }]), []);
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
