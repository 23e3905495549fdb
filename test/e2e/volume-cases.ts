/**
 * Containers that look at volumes and print what they see. Many cases share a Pod, one container each: what a case says of
 * users and volumes is its container's own, what it says of the Pod (fsGroup) puts it into a Pod with others of the kind.
 */
import type { Test } from "tap";
import type { Container, Pod, PodSecurityContext, PodSpec, Volume, VolumeMount } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { type NamespaceSession, until } from "./lab-session.js";

type Sources = Record<string, Omit<Volume, "name">>;

export interface VolumeCase {
  title: string;
  /** Exact names of upstream tests. */
  proves?: readonly string[];
  /** Sources by name: "v" is mounted at /v, unless `mounts` says otherwise. */
  volumes: Sources | ((container: string) => Sources);
  mounts?: readonly VolumeMount[];
  script: string;
  user?: number;
  pod?: PodSecurityContext;
  container?: Partial<Container>;
  output: string | RegExp;
}

export const nodeConformance = "[NodeConformance] [Conformance]";

/** Runs all cases at once and looks at the output of each. @param more of the spec of all Pods */
export async function runCases(
  t: Test,
  ns: NamespaceSession,
  name: string,
  cases: readonly VolumeCase[],
  more: Partial<PodSpec> = {},
) {
  const groups = new Map<string, [number, VolumeCase][]>();
  for (const [i, c] of cases.entries()) {
    const key = JSON.stringify(c.pod ?? {});
    groups.set(key, [...(groups.get(key) ?? []), [i, c]]);
  }
  const pods = [...groups.values()].map((members, i) => podOf(`${name}-${i}`, members, more));
  await ns.apply(...pods);
  const label = `cases=${name}`;
  await until(`the containers of ${name} at their end`, async () => {
    const found = await ns.list<Pod>("pods", { labelSelector: label });
    return found.every(({ status }) => status?.phase === "Succeeded" || status?.phase === "Failed") && found;
  });
  const log = await ns.kubectl([
    "logs",
    ...["-l", label, "--all-containers", "--prefix", "--tail=-1", "--max-log-requests=100"],
  ]);
  for (const [i, c] of cases.entries()) {
    await t.test(c.title, async (t) => {
      proves(t, ...(c.proves ?? []));
      const output = linesOf(log, `c${i}`);
      if (typeof c.output === "string") t.equal(output, c.output);
      else t.match(output, c.output);
    });
  }
}

/** Of one container, from the output of `kubectl logs --prefix`: "[pod/x-0/c1] text". */
function linesOf(log: string, container: string): string {
  const prefix = new RegExp(`^\\[pod/[^/]+/${container}\\] (.*)$`);
  const lines = log.split("\n").flatMap((line) => prefix.exec(line)?.[1] ?? []);
  return lines.map((line) => `${line}\n`).join("");
}

function podOf(name: string, members: readonly [number, VolumeCase][], more: Partial<PodSpec>): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { cases: name.replace(/-\d+$/, "") }, annotations: { note: "of the Pod" } },
    spec: {
      ...more,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      securityContext: members[0]?.[1].pod,
      containers: members.map(([i, c]) => containerOf(`c${i}`, c)),
      volumes: members.flatMap(([i, c]) =>
        Object.entries(sourcesOf(`c${i}`, c)).map(([volume, source]) => ({ ...source, name: `c${i}-${volume}` })),
      ),
    },
  };
}

function sourcesOf(container: string, { volumes }: VolumeCase): Sources {
  return typeof volumes === "function" ? volumes(container) : volumes;
}

function containerOf(name: string, c: VolumeCase): object {
  const { script, user, container } = c;
  const all = c.mounts ?? Object.keys(sourcesOf(name, c)).map((volume) => ({ name: volume, mountPath: `/${volume}` }));
  return {
    name,
    image: "busybox:latest",
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", script],
    volumeMounts: all.map((mount) => ({ ...mount, name: `${name}-${mount.name}` })),
    ...(user !== undefined && { securityContext: { runAsUser: user } }),
    ...container,
  };
}
