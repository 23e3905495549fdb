/**
 * Pods whose images come from real registries: a plain one, and one with TLS by an authority of its own and passwords. On a
 * real engine, in namespaces of the test's own.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t, { type Test } from "tap";
import { ImageRecords } from "#agent/images/image-records.js";
import type { Container, Pod, PodSpec } from "#api/generated/types.js";
import { events as eventKind, pods as podKind, secrets, serviceAccounts } from "#api/refs.js";
import { issueAuthority, issueKeyPair, newPrivateKey } from "#apiserver/pki/issue.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { imageFile } from "#scripts/lab/images.js";
import { isReady, NodeFixture } from "#test/fixtures/node-pods.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { addHost, OwnEngine, ownEtc, skipWithoutPrograms, startRegistry, trustAuthority } from "./own-engine.js";
import { enterOwnNetns, eventually } from "./own-netns.js";

// While there is a way out: a fresh machine makes it from Debian's packages.
await imageFile("busybox");
await enterOwnNetns(import.meta.url, { mounts: true });

const PLAIN = "127.0.0.1:5000";
const SECURE_IP = "192.0.2.10";
const SECURE = "registry.berth.test:5443";
/** The same registry under a name whose authority the engine does not know. */
const UNKNOWN = "unknown.berth.test:5443";
const PASSWORD = "s3cret";
const WRONG = "n0t-the-0ne";
/** bcrypt of the password. */
const PASSWORDS = "me:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const auths = (pattern: string, password = PASSWORD) => ({ [pattern]: { auth: base64(`me:${password}`) } });

/** Everything that was logged by the agent's parts. */
const logged: string[] = [];
const logger = pino({ level: "trace" }, { write: (line) => void logged.push(line) });

async function startRegistries(t: Test): Promise<void> {
  await ownEtc();
  await ipBatch([`address add ${SECURE_IP}/32 dev lo`]);
  addHost(SECURE_IP, ["registry.berth.test", "unknown.berth.test"]);
  const key = await newPrivateKey();
  const authority = { key, certificate: await issueAuthority("test", key, Date.now()) };
  const names = ["registry.berth.test", "unknown.berth.test"];
  const tls = await issueKeyPair(authority, { subject: { commonName: "r" }, usage: "server", names }, Date.now());
  trustAuthority(SECURE, authority.certificate);
  const storage = temporaryDirectory("bt-registry-");
  await startRegistry(t, { address: PLAIN, storage });
  await startRegistry(t, { address: `${SECURE_IP}:5443`, storage, tls, passwords: PASSWORDS });
}

const waitingReason = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.waiting?.reason;
const isRefused = (pod: Pod) => /^(ErrImagePull|ImagePullBackOff)$/.test(waitingReason(pod) ?? "");
const imageOf = ({ status }: Pod) => status?.containerStatuses?.[0]?.imageID ?? "";

t.test("images from registries", { skip: skipWithoutPrograms, timeout: 300_000 }, async (t) => {
  // Before the engine, which knows for 5 s what it has read of /etc/hosts.
  await startRegistries(t);
  const engine = await OwnEngine.start(t);
  const registryConfigs = [join(engine.folder, "config.json")];
  const imageRecords = new ImageRecords(join(engine.folder, "images.json"), logger);
  const options = { registryConfigs, imageRecords, logger, maxParallelImagePulls: 1 };
  const node = await NodeFixture.open(t, options, { socketPath: engine.socketPath, logger });
  await engine.publish("busybox:latest", `${PLAIN}/open/app:1`);
  for (const name of ["team/app:1", "team/app:2", "other/app:1"]) {
    await engine.build("private", 1000);
    await engine.publish("private", `${PLAIN}/${name}`);
    await engine.cli("rmi", "private");
  }
  const secret = (name: string, type: string, key: string, content: object) =>
    node.client.create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "default" },
      type: `kubernetes.io/${type}`,
      stringData: { [key]: JSON.stringify(content) },
    });
  await secret("current", "dockerconfigjson", ".dockerconfigjson", { auths: auths(SECURE) });
  await secret("legacy", "dockercfg", ".dockercfg", auths(`https://${SECURE}/v1/`));
  await secret("wrong", "dockerconfigjson", ".dockerconfigjson", { auths: auths(SECURE, WRONG) });
  await secret("glob", "dockerconfigjson", ".dockerconfigjson", { auths: auths("*.berth.test:5443/team") });

  const forget = async (...images: string[]) => {
    // A Pod that was deleted without grace may still be on its way.
    const removed = (image: string) =>
      engine.cli("rmi", image).then(
        () => true,
        () => false,
      );
    for (const image of images) await eventually(() => removed(image));
  };
  const create = (name: string, container: Partial<Container>, ...pullSecrets: string[]) => {
    const spec: Partial<PodSpec> = { imagePullSecrets: pullSecrets.map((secretName) => ({ name: secretName })) };
    return node.create(name, { imagePullPolicy: "IfNotPresent", ...container }, spec);
  };
  const end = async (...names: string[]) => {
    for (const name of names) await node.delete(name, 0);
    for (const name of names) await node.gone(name);
  };
  const refused = async (name: string, words: RegExp) => {
    const event = await node.untilEvent(name, /^Failed: Failed to pull image/);
    t.match(event, words, name);
    const pod = await node.until(name, "backs off", (p) => waitingReason(p) === "ImagePullBackOff");
    t.match(
      pod.status?.containerStatuses?.[0]?.state?.waiting?.message,
      /^Back-off pulling image ".*": ErrImagePull: /,
    );
    await node.untilEvent(name, /^Failed: Error: ErrImagePull$/);
    await node.untilEvent(name, /^BackOff: Back-off pulling image "/);
    await node.untilEvent(name, /^Failed: Error: ImagePullBackOff$/);
  };

  await t.test("plain: pulled once for two Pods, told with time and size, known by its digest", async (t) => {
    const image = `${PLAIN}/open/app:1`;
    await Promise.all([create("one", { image }), create("two", { image })]);
    const pod = await node.until("one", "ready", isReady);
    await node.until("two", "ready", isReady);
    const { size } = (await node.runtime.inspectImage(image)) ?? {};
    // One of them pulled; on a busy machine the other came when it was there.
    const told = [...(await node.events("one")), ...(await node.events("two"))];
    t.ok(told.includes(`Pulling: Pulling image "${image}"`));
    const words = `^Pulled: Successfully pulled image "${image}" in \\S+s \\(\\S+s including waiting\\)\\. Image size: ${size} bytes\\.$`;
    t.ok(
      told.some((event) => new RegExp(words).test(event)),
      told.join("\n"),
    );
    await node.pods.stop();
    node.start(options);
    await create("three", { image, imagePullPolicy: "Never" });
    const third = await node.until("three", "ready", isReady);
    t.equal(imageOf(third), imageOf(pod));
    const digest = imageOf(pod).replace("docker-pullable://", "");
    await end("one", "two", "three");
    await forget(image);
    await create("digest", { image: digest, imagePullPolicy: "Always" });
    const byDigest = await node.until("digest", "ready", isReady);
    t.equal(imageOf(byDigest), `docker-pullable://${digest}`);
    await end("digest");
    await forget(digest);
  });

  await t.test(
    "refused: no credential, a wrong one, one for another path, an unknown authority, no such image",
    async () => {
      await create("none", { image: `${SECURE}/team/app:1` });
      await create("wrong", { image: `${SECURE}/team/app:1` }, "wrong");
      await create("elsewhere", { image: `${SECURE}/other/app:1` }, "glob");
      await create("stranger", { image: `${UNKNOWN}/team/app:1` });
      await create("absent", { image: `${PLAIN}/team/app:none` });
      await refused("none", /no basic auth credentials/);
      await refused("wrong", /unauthorized: authentication required/);
      await refused("elsewhere", /no basic auth credentials/);
      await refused("stranger", /x509: certificate signed by unknown authority/);
      await refused("absent", /manifest for 127\.0\.0\.1:5000\/team\/app:none not found/);
      await end("none", "wrong", "elsewhere", "stranger", "absent");
    },
  );

  await t.test("allowed: by secrets of both kinds, a wildcard, the second of two, the service account's", async (t) => {
    await create("current", { image: `${SECURE}/team/app:1` }, "current");
    await node.until("current", "ready", isReady);
    // It is here, but not for everybody.
    await create("intruder", { image: `${SECURE}/team/app:1` });
    await refused("intruder", /no basic auth credentials/);
    await create("never", { image: `${SECURE}/team/app:1`, imagePullPolicy: "Never" }, "wrong");
    await node.until("never", "refused", (p) => waitingReason(p) === "ErrImageNeverPull");
    await node.untilEvent("never", /^ErrImageNeverPull: .* does not have the proper credentials/);
    await create("welcome", { image: `${SECURE}/team/app:1`, imagePullPolicy: "Never" }, "legacy");
    await node.until("welcome", "ready", isReady);
    await end("intruder", "never", "welcome");
    // Always: each asks the registry, though the image is here.
    await create("legacy", { image: `${SECURE}/team/app:1`, imagePullPolicy: "Always" }, "legacy");
    await create("glob", { image: `${SECURE}/team/app:2` }, "glob");
    await create("second", { image: `${SECURE}/other/app:1` }, "wrong", "current");
    await node.client.create(serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "puller", namespace: "default" },
      imagePullSecrets: [{ name: "current" }],
    });
    const account = { serviceAccountName: "puller", automountServiceAccountToken: false };
    const image = `${SECURE}/team/app:1`;
    await node.create("account", { image, imagePullPolicy: "Always" }, account);
    await create("outsider", { image, imagePullPolicy: "Always" });
    for (const name of ["legacy", "glob", "second", "account"]) await node.until(name, "ready", isReady);
    for (const name of ["current", "legacy", "glob", "second", "account"])
      t.ok(await node.untilEvent(name, /^Pulled: Successfully pulled/));
    await node.until("outsider", "refused", isRefused);
    await end("current", "legacy", "glob", "second", "account", "outsider");
    await forget(image, `${SECURE}/team/app:2`, `${SECURE}/other/app:1`);
  });

  await t.test("a secret that is missing, or of another kind, is told by name", async () => {
    await node.client.create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "opaque", namespace: "default" },
      stringData: { ".dockerconfigjson": JSON.stringify({ auths: auths(SECURE) }) },
    });
    await create("nosecret", { image: `${SECURE}/team/app:1` }, "nope", "opaque", "current");
    await node.untilEvent(
      "nosecret",
      /^FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(nope, opaque: type Opaque is none of an image pull secret\); attempting to pull the image may not succeed\.$/,
    );
    await node.until("nosecret", "ready", isReady);
    await end("nosecret");
    await forget(`${SECURE}/team/app:1`);
  });

  await t.test("the node's own credentials serve every Pod, after those of the Pod", async () => {
    writeFileSync(String(registryConfigs[0]), `{ ${base64(`me:${PASSWORD}`)}`);
    await create("broken", { image: `${SECURE}/team/app:1` });
    await node.until("broken", "refused", isRefused);
    await end("broken");
    writeFileSync(String(registryConfigs[0]), JSON.stringify({ auths: auths("registry.berth.test:5443") }));
    await create("node", { image: `${SECURE}/team/app:1` });
    await create("both", { image: `${SECURE}/team/app:2` }, "wrong");
    await node.until("node", "ready", isReady);
    await node.until("both", "ready", isReady);
    await end("node", "both");
  });

  await t.test("what docker build and docker import made is used at once, whatever the policy", async () => {
    await engine.build("mine:1", 1000);
    await engine.cli("import", await rootFilesystem(engine), "imported");
    await create("never", { image: "mine:1", imagePullPolicy: "Never" });
    await create("ifnotpresent", { image: "mine:1" });
    await create("always", { image: "imported", imagePullPolicy: "Always" });
    for (const name of ["never", "ifnotpresent", "always"]) await node.until(name, "ready", isReady);
    await node.untilEvent(
      "never",
      /^Pulled: Container image "mine:1" already present on machine and can be accessed by the pod$/,
    );
    await create("gone", { image: "mine:none", imagePullPolicy: "Never" });
    await node.until("gone", "told", (p) => waitingReason(p) === "ErrImageNeverPull");
    await node.untilEvent(
      "gone",
      /^ErrImageNeverPull: Container image "mine:none" is not present with pull policy of Never$/,
    );
    await end("never", "ifnotpresent", "always", "gone");
  });

  await t.test("no credential is in a log, an Event or a status", async (t) => {
    const { items } = await node.client.list(eventKind, { namespace: "default" });
    const pods = await node.client.list(podKind, { namespace: "default" });
    const everything = [...logged, JSON.stringify(items), JSON.stringify(pods.items), engine.log()].join("\n");
    t.match(logged.join(), /config\.json.*it is not valid JSON/);
    t.ok(items.length > 0);
    for (const password of [PASSWORD, WRONG])
      for (const form of [
        password,
        base64(`me:${password}`),
        base64(JSON.stringify(auths(SECURE, password))).slice(0, 40),
      ])
        t.notOk(everything.includes(form), `${form.length} characters of a credential`);
  });
});

/** The file system of busybox as `docker export` writes it. */
async function rootFilesystem(engine: OwnEngine): Promise<string> {
  const file = join(engine.folder, "root.tar");
  const id = (await engine.cli("create", "busybox:latest")).trim();
  await engine.cli("export", "--output", file, id);
  await engine.cli("rm", id);
  return file;
}
