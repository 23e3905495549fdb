import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";

/** A Pod that runs to its end; what it prints tells whether its spec was honoured. */
interface Case {
  title: string;
  proves?: string[];
  container: object;
  spec?: object;
  phase?: "Succeeded" | "Failed";
  output: RegExp | string;
}

const sh = (script: string) => ({ command: ["sh", "-c", script] });
const mounted = (script: string, mount: object = {}) => ({
  ...sh(script),
  volumeMounts: [{ name: "v", mountPath: "/v", ...mount }],
});
const fromConfig = (key: string, more = {}) => ({ configMapKeyRef: { name: "settings", key, ...more } });
const node = "[sig-node]";
const conformance = "[NodeConformance] [Conformance]";

const containers: Case[] = [
  {
    title: "the image's command runs when the Pod names none",
    proves: [`${node} Containers should use the image defaults if command and args are blank ${conformance}`],
    container: {},
    output: "",
  },
  {
    title: "command replaces the image's",
    proves: [
      `${node} Containers should be able to override the image's default command (container entrypoint) ${conformance}`,
    ],
    container: { command: ["echo", "own", "command"] },
    output: "own command\n",
  },
  {
    title: "args replace the image's arguments",
    proves: [
      `${node} Containers should be able to override the image's default arguments (container cmd) ${conformance}`,
    ],
    container: { args: ["echo", "own args"] },
    output: "own args\n",
  },
  {
    title: "command and args together",
    proves: [`${node} Containers should be able to override the image's default command and arguments ${conformance}`],
    container: { command: ["echo"], args: ["a", "b"] },
    output: "a b\n",
  },
  {
    title: "variables are expanded in env, command and args",
    proves: [
      `${node} Variable Expansion should allow composing env vars into new env vars ${conformance}`,
      `${node} Variable Expansion should allow substituting values in a container's command ${conformance}`,
      `${node} Variable Expansion should allow substituting values in a container's args ${conformance}`,
    ],
    container: {
      env: [
        { name: "A", value: "one" },
        { name: "B", value: "$(A)-two $$(A) $(NONE)" },
      ],
      command: ["sh", "-c", 'echo "$(A)|$B|$0"'],
      args: ["$(B)"],
    },
    output: "one|one-two $(A) $(NONE)|one-two $(A) $(NONE)\n",
  },
  {
    title: "env from ConfigMap and Secret keys",
    proves: [
      `${node} ConfigMap should be consumable via environment variable ${conformance}`,
      `${node} Secrets should be consumable from pods in env vars ${conformance}`,
    ],
    container: {
      ...sh('echo "$COLOR $TOKEN ${MISSING-unset}"'),
      env: [
        { name: "COLOR", valueFrom: fromConfig("color") },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "credentials", key: "token" } } },
        { name: "MISSING", valueFrom: fromConfig("nope", { optional: true }) },
      ],
    },
    output: "blue s3cret unset\n",
  },
  {
    title: "envFrom with and without a prefix",
    proves: [
      `${node} ConfigMap should be consumable via the environment ${conformance}`,
      `${node} ConfigMap should be consumable as environment variable names with various prefixes [Conformance]`,
      `${node} Secrets should be consumable via the environment ${conformance}`,
      `${node} Secrets should be consumable as environment variable names variable names with various prefixes [Conformance]`,
    ],
    container: {
      ...sh('echo "$color $P_color $token $S_token"'),
      envFrom: [
        { configMapRef: { name: "settings" } },
        { prefix: "P_", configMapRef: { name: "settings" } },
        { secretRef: { name: "credentials" } },
        { prefix: "S_", secretRef: { name: "credentials" } },
      ],
    },
    output: "blue blue s3cret s3cret\n",
  },
  {
    title: "fields of the Pod as environment",
    proves: [
      `${node} Downward API should provide pod name, namespace and IP address as env vars ${conformance}`,
      `${node} Downward API should provide host IP as an env var ${conformance}`,
      `${node} Downward API should provide pod UID as env vars ${conformance}`,
    ],
    container: {
      ...sh('echo "$NAME $NS $IP $HOST $POD_UID"'),
      env: Object.entries({
        NAME: "metadata.name",
        NS: "metadata.namespace",
        IP: "status.podIP",
        HOST: "status.hostIP",
        POD_UID: "metadata.uid",
      }).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
    },
    output: /^containers-7 podspec 10\.244\.\d+\.\d+ 10\.89\.0\.1[12] [0-9a-f-]{36}\n$/,
  },
  {
    title: "limits and requests as environment, and in the cgroup",
    proves: [
      `${node} Downward API should provide container's limits.cpu/memory and requests.cpu/memory as env vars ${conformance}`,
    ],
    container: {
      ...sh(
        'echo "$LC $LM $RC $RM"; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true',
      ),
      resources: { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } },
      env: Object.entries({ LC: "limits.cpu", LM: "limits.memory", RC: "requests.cpu", RM: "requests.memory" }).map(
        ([name, resource]) => ({ name, valueFrom: { resourceFieldRef: { resource } } }),
      ),
    },
    output: "2 67108864 1 33554432\n67108864\n",
  },
  {
    title: "working directory and user",
    proves: [
      `${node} Security Context When creating a container with runAsUser should run the container with uid 65534 [LinuxOnly] ${conformance}`,
    ],
    container: { ...sh('echo "$PWD $(id -u)"'), workingDir: "/tmp", securityContext: { runAsUser: 65534 } },
    output: "/tmp 65534\n",
  },
  {
    title: "user and group of the Pod",
    proves: [
      `${node} Security Context should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]`,
    ],
    container: sh('echo "$(id -u) $(id -g)"'),
    spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
    output: "1001 2002\n",
  },
  {
    title: "user and group of the container win over the Pod's",
    proves: [
      `${node} Security Context should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]`,
    ],
    container: { ...sh('echo "$(id -u) $(id -g)"'), securityContext: { runAsUser: 1003, runAsGroup: 2004 } },
    spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
    output: "1003 2004\n",
  },
  {
    title: "a read-only root file system",
    proves: [
      `${node} Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] ${conformance}`,
    ],
    container: { ...sh("(echo x > /file) 2>&1 || echo refused"), securityContext: { readOnlyRootFilesystem: true } },
    output: /Read-only file system[\s\S]*refused\n/,
  },
  {
    title: "init containers run first, one after the other",
    proves: [
      `${node} InitContainer [NodeConformance] should invoke init containers on a RestartNever pod [Conformance]`,
    ],
    container: mounted("cat /v/order"),
    spec: {
      volumes: [{ name: "v", emptyDir: {} }],
      initContainers: ["first", "second"].map((name) => ({
        name,
        image: "busybox:latest",
        imagePullPolicy: "IfNotPresent",
        ...mounted(`sleep 0.2; echo ${name} >> /v/order`),
      })),
    },
    output: "first\nsecond\n",
  },
  {
    title: "a failed init container fails a Pod that does not restart",
    proves: [
      `${node} InitContainer [NodeConformance] should not start app containers and fail the pod if init containers fail on a RestartNever pod [Conformance]`,
    ],
    container: sh("echo must not run"),
    spec: {
      initContainers: [{ name: "bad", image: "busybox:latest", imagePullPolicy: "IfNotPresent", command: ["false"] }],
    },
    phase: "Failed",
    output: "",
  },
  { title: "a failing command fails the Pod", container: sh("echo bye; exit 3"), phase: "Failed", output: "bye\n" },
];

const session = await openLab(t);
const ns = await session.namespace(t, "podspec");
await ns.apply(
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { color: "blue" },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "credentials" }, stringData: { token: "s3cret" } },
);

t.test("Pods that run to their end", async (t) => {
  await ns.apply(
    ...containers.map((c, i) => pod(`containers-${i}`, c.container, { restartPolicy: "Never", ...c.spec })),
  );
  for (const [i, c] of containers.entries()) {
    const name = `containers-${i}`;
    await t.test(c.title, async (t) => {
      proves(t, ...(c.proves ?? []));
      const done = await until(`${name} at its end`, async () => {
        const found = await ns.get<Pod>("pod", name);
        return ["Succeeded", "Failed"].includes(found.status?.phase ?? "") && found;
      });
      t.equal(done.status?.phase, c.phase ?? "Succeeded", JSON.stringify(done.status?.containerStatuses?.[0]?.state));
      const { stdout } = await ns.tryKubectl(["logs", name]);
      if (typeof c.output === "string") t.equal(stdout, c.output);
      else t.match(stdout, c.output);
    });
  }
});

t.test("termination is asked for first, and forced after the grace period", async (t) => {
  const polite = sh("trap 'echo asked; exit 0' TERM; while :; do sleep 0.1; done");
  const deaf = sh("trap '' TERM; while :; do sleep 0.1; done");
  await ns.apply(
    pod("polite", polite, { terminationGracePeriodSeconds: 120 }),
    pod("deaf", deaf, { terminationGracePeriodSeconds: 2 }),
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/polite", "pod/deaf", "--timeout=180s"]);
  const timed = async (name: string) => {
    const began = performance.now();
    await ns.kubectl(["delete", "pod", name]);
    return (performance.now() - began) / 1000;
  };
  const [politeSeconds, deafSeconds] = await Promise.all([timed("polite"), timed("deaf")]);
  t.ok(politeSeconds < 60, `polite went without waiting for its grace period (${politeSeconds.toFixed(1)} s)`);
  t.ok(deafSeconds >= 2, `deaf had its grace period (${deafSeconds.toFixed(1)} s)`);
});
