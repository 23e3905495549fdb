/** pods/ephemeralcontainers: what `kubectl debug` adds to a running Pod. https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/ */
import { isDeepStrictEqual } from "node:util";
import { duplicate, type FieldError, forbidden, notFound, required } from "#api/field-error.js";
import type { Container, EphemeralContainer, Pod } from "#api/generated/types.js";
import type { PartSubresource } from "../kind.js";
import { validateContainer } from "./validate-containers.js";

const FIELD = "spec.ephemeralContainers";

/** They are for looking at a Pod: nothing that restarts them, or that others could rely on. */
const NEVER = [
  "ports",
  "lifecycle",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const satisfies readonly (keyof EphemeralContainer)[];

export const ephemeralContainers: PartSubresource<Pod> = {
  take(pod, { spec }) {
    if (spec.ephemeralContainers) pod.spec.ephemeralContainers = spec.ephemeralContainers;
    else delete pod.spec.ephemeralContainers;
  },
  validate: (pod, old) => [...validateEphemeral(pod), ...validateKept(pod, old)],
};

function validateEphemeral({ spec }: Pod): FieldError[] {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  const names = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((container, i) => {
    const at = `${FIELD}[${i}]`;
    const errors = validateContainer(at, container as Container, spec);
    if (!container.terminationMessagePolicy) errors.push(required(`${at}.terminationMessagePolicy`));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    const { targetContainerName: target } = container;
    if (target && !others.includes(target)) errors.push(notFound(`${at}.targetContainerName`, target));
    return [...errors, ...validateRefused(at, container)];
  });
}

function validateRefused(at: string, container: EphemeralContainer): FieldError[] {
  const refused: string[] = NEVER.filter((field) => isSet(container[field]));
  if (Object.keys(container.resources ?? {}).length > 0) refused.push("resources");
  const errors = refused.map((field) => forbidden(`${at}.${field}`, "cannot be set for an Ephemeral Container"));
  container.volumeMounts?.forEach(({ subPath, subPathExpr }, j) => {
    const where = `${at}.volumeMounts[${j}]`;
    if (subPath) errors.push(forbidden(`${where}.subPath`, "cannot be set for an Ephemeral Container"));
    if (subPathExpr) errors.push(forbidden(`${where}.subPathExpr`, "cannot be set for an Ephemeral Container"));
  });
  return errors;
}

const isSet = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0);

function validateKept({ spec }: Pod, old: Pod): FieldError[] {
  return (old.spec.ephemeralContainers ?? []).flatMap((before) => {
    const now = spec.ephemeralContainers?.find(({ name }) => name === before.name);
    if (!now) return [forbidden(FIELD, `existing ephemeral containers "${before.name}" may not be removed\n`)];
    if (isDeepStrictEqual(now, before)) return [];
    return [forbidden(FIELD, `existing ephemeral containers "${before.name}" may not be changed\n`)];
  });
}
