/** Pulls from a real registry (Debian's docker-registry) that runs beside the engine, with and without a password. */
import { existsSync } from "node:fs";
import Docker from "dockerode";
import t, { type Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import { secrets } from "#api/refs.js";
import { isReady, NodeFixture, skipWithoutEngine, testSocket } from "#test/fixtures/node-pods.js";

const PROGRAM = "/usr/bin/docker-registry";
const skip =
  skipWithoutEngine || (existsSync(PROGRAM) ? false : `${PROGRAM} is not installed (apt-get install docker-registry)`);
const PORT = 35_000 + (process.pid % 1000);
const REGISTRY = `127.0.0.1:${PORT}`;
const auth = { username: "me", password: "s3cret", serveraddress: REGISTRY };
/** bcrypt of "s3cret". */
const PASSWORDS = "me:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK";
const CONFIG = {
  version: 0.1,
  http: { addr: REGISTRY },
  storage: { filesystem: { rootdirectory: "/tmp/registry" } },
  auth: { htpasswd: { realm: "test", path: "/tmp/passwords" } },
};

/** The registry as a container on the engine's own network, made of this host's program and libraries. */
async function startRegistry(t: Test, docker: Docker): Promise<void> {
  const script =
    "printf '%s' \"$CONFIG\" > /tmp/config.yml; printf '%s' \"$PASSWORDS\" > /tmp/passwords; exec $0 serve /tmp/config.yml";
  const container = await docker.createContainer({
    Image: "busybox:latest",
    Cmd: ["sh", "-c", script, PROGRAM],
    Env: [`CONFIG=${JSON.stringify(CONFIG)}`, `PASSWORDS=${PASSWORDS}`],
    HostConfig: { NetworkMode: "host", Binds: ["/usr:/usr:ro", "/lib:/lib:ro", "/lib64:/lib64:ro"] },
  });
  t.teardown(() => container.remove({ force: true, v: true }));
  await container.start();
}

/** Puts busybox into the registry under that name, and leaves no copy on the node. */
async function publish(docker: Docker, image: string): Promise<void> {
  const colon = image.lastIndexOf(":");
  const repo = image.slice(0, colon);
  const tag = image.slice(colon + 1);
  await docker.getImage("busybox:latest").tag({ repo, tag });
  for (let attempt = 0; ; attempt++) {
    const output: { error?: string }[] = await new Promise((resolve, reject) => {
      docker.getImage(image).push({ authconfig: auth }, (error, stream) => {
        if (error || !stream) return reject(error);
        docker.modem.followProgress(stream, (failure, lines) => (failure ? reject(failure) : resolve(lines)));
      });
    });
    const failed = output.find(({ error }) => error);
    if (!failed) break;
    if (attempt === 300) throw new Error(failed.error);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await docker.getImage(image).remove();
}

const waitingReason = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.waiting?.reason;

t.test("images from a registry", { skip, timeout: 400_000 }, async (t) => {
  const docker = new Docker({ socketPath: String(testSocket) });
  const node = await NodeFixture.open(t);
  const image = `${REGISTRY}/team/app:1`;
  await startRegistry(t, docker);
  await publish(docker, image);
  t.teardown(() => docker.getImage(image).remove({ force: true }));
  await node.client.create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "registry", namespace: "default" },
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [REGISTRY]: auth } }) },
  });
  const imagePullSecrets = [{ name: "registry" }];

  await t.test("without the password: refused, in the registry's words", async (t) => {
    await node.create("anonymous", { image });
    const pod = await node.until("anonymous", "refused", (p) =>
      /^(ErrImagePull|ImagePullBackOff)$/.test(waitingReason(p) ?? ""),
    );
    t.match(
      await node.untilEvent("anonymous", /^Failed: Failed to pull image/),
      /no basic auth credentials|unauthorized/,
    );
    t.equal(pod.status?.phase, "Pending");
    await node.delete("anonymous");
    await node.gone("anonymous");
  });

  await t.test("with it: pulled, said, and its digest is the image's id", async (t) => {
    await node.create("allowed", { image }, { imagePullSecrets });
    const pod = await node.until("allowed", "ready", isReady);
    await node.untilEvent("allowed", /^Pulling: Pulling image "127.0.0.1:\d+\/team\/app:1"$/);
    await node.untilEvent(
      "allowed",
      /^Pulled: Successfully pulled image ".*" in \S+s \(\S+s including waiting\)\. Image size: \d+ bytes\.$/,
    );
    t.match(
      pod.status?.containerStatuses?.[0]?.imageID,
      /^docker-pullable:\/\/127.0.0.1:\d+\/team\/app@sha256:[0-9a-f]{64}$/,
    );
    await node.delete("allowed");
    await node.gone("allowed");
  });

  await t.test("present: IfNotPresent and Never use it, Always asks the registry again", async (t) => {
    await node.create("present", { image, imagePullPolicy: "Never" });
    await node.until("present", "ready", isReady);
    await node.create("always", { image, imagePullPolicy: "Always" });
    await node.until("always", "refused", (p) => /^(ErrImagePull|ImagePullBackOff)$/.test(waitingReason(p) ?? ""));
    await node.create("again", { image, imagePullPolicy: "Always" }, { imagePullSecrets });
    await node.until("again", "ready", isReady);
    t.ok(await node.untilEvent("again", /^Pulling: /));
    for (const name of ["present", "always", "again"]) await node.delete(name);
    for (const name of ["present", "always", "again"]) await node.gone(name);
  });

  await t.test("a secret that is not there is said", async () => {
    await node.create("nosecret", { image, imagePullPolicy: "Always" }, { imagePullSecrets: [{ name: "nope" }] });
    await node.untilEvent(
      "nosecret",
      /^FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(nope\); attempting to pull the image may not succeed\.$/,
    );
    await node.delete("nosecret");
    await node.gone("nosecret");
  });
});
