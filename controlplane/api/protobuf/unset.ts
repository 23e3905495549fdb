/**
 * On the wire a plain Go field is always there, also when it is empty; only a pointer can be absent. The two cannot be
 * told apart by looking, but they mean different things: `replicas: 0` is wanted, `hostPort: 0` is not set. Reviewed
 * against the API types; a field that is not named here keeps its zero.
 */

/** Numbers and booleans that are no pointers: their zero is "not set", as in JSON, where it is left out. */
const PLAIN_NUMBERS = new Set(
  `count currentNumberScheduled desiredNumberScheduled exitCode expectedPods failed failureThreshold generation
  healthCheckNodePort hostIPC hostNetwork hostPID hostPort initialDelaySeconds minReadySeconds nodePort
  number numberAvailable numberMisscheduled numberReady numberUnavailable observedGeneration paused periodSeconds
  publishNotReadyAddresses readOnly restartCount signal stdin stdinOnce successThreshold timeoutSeconds tty
  unschedulable updatedNumberScheduled updatedReplicas readyReplicas availableReplicas unavailableReplicas
  fullyLabeledReplicas currentReplicas succeeded active denied incomplete`.split(/\s+/),
);

/** Texts that are pointers: an empty one says something. */
const POINTER_TEXTS = new Set(["storageClassName", "volumeAttributesClassName"]);

export const isUnsetNumber = (name: string, value: unknown) =>
  (value === 0 || value === false) && PLAIN_NUMBERS.has(name);
export const isUnsetText = (name: string, value: unknown) => value === "" && !POINTER_TEXTS.has(name);
