import type { Container, Pod } from "#api/generated/types.js";
import type { EventRecorder, EventType } from "#client/event-recorder.js";

/** Events about Pods and their containers, as kubelets record them. */
export class PodEvents {
  constructor(private readonly recorder: EventRecorder) {}

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.recorder.event(pod, type, reason, message);
  }

  container(pod: Pod, container: Container, type: EventType, reason: string, message: string): void {
    this.recorder.event(pod, type, reason, message, `spec.${listOf(pod, container)}{${container.name}}`);
  }
}

function listOf({ spec }: Pod, container: Container): string {
  for (const list of ["initContainers", "ephemeralContainers"] as const)
    if (spec[list]?.some(({ name }) => name === container.name)) return list;
  return "containers";
}
