/** What makes one Pod of a StatefulSet that one: its name, by which its host name, its labels and its claims go. */
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet, Volume } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { statefulSets } from "#api/refs.js";
import { podFromTemplate } from "../ownership/pod-from-template.js";

export const POD_NAME = "statefulset.kubernetes.io/pod-name";
export const POD_INDEX = "apps.kubernetes.io/pod-index";
export const REVISION = "controller-revision-hash";

export const podName = (set: StatefulSet, ordinal: number) => `${set.metadata.name}-${ordinal}`;

/** Undefined for a Pod that none of the set's could be. */
export function ordinalOf(set: StatefulSet, { metadata }: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const digits = metadata.name.slice(prefix.length);
  return metadata.name.startsWith(prefix) && /^(0|[1-9]\d{0,8})$/.test(digits) ? Number(digits) : undefined;
}

export const revisionOf = ({ metadata }: Pod): string | undefined => metadata.labels?.[REVISION];

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [POD_NAME]: podName(set, ordinal), [POD_INDEX]: String(ordinal) };
}

export function hasIdentity(set: StatefulSet, pod: Pod, ordinal: number): boolean {
  const labels = pod.metadata.labels ?? {};
  return Object.entries(identityLabels(set, ordinal)).every(([key, value]) => labels[key] === value);
}

/** Of the template "www" of the set "web" for its first Pod: "www-web-0". */
export const claimName = ({ metadata }: PersistentVolumeClaim, set: StatefulSet, ordinal: number) =>
  `${metadata.name}-${podName(set, ordinal)}`;

/** @param revision name of the ControllerRevision whose template this is */
export function newPod(set: StatefulSet, ordinal: number, template: PodTemplateSpec, revision: string): Draft<Pod> {
  const draft = podFromTemplate(statefulSets, set, template);
  const name = podName(set, ordinal);
  const labels = { ...draft.metadata.labels, ...identityLabels(set, ordinal), [REVISION]: revision };
  const claims = (set.spec.volumeClaimTemplates ?? []).map(
    (template): Volume => ({
      name: template.metadata.name,
      persistentVolumeClaim: { claimName: claimName(template, set, ordinal) },
    }),
  );
  const others = (draft.spec.volumes ?? []).filter((volume) => !claims.some((claim) => claim.name === volume.name));
  const volumes = [...others, ...claims];
  return {
    ...draft,
    metadata: { ...draft.metadata, name, labels },
    spec: {
      ...draft.spec,
      hostname: name,
      subdomain: set.spec.serviceName || undefined,
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}
