import type { Container, Pod } from "#api/generated/types.js";
import type { EventRecorder, EventType } from "#client/event-recorder.js";

/** Events about Pods and their containers, as kubelets record them. */
export class PodEvents {
  constructor(private readonly recorder: EventRecorder) {}

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.recorder.event(pod, type, reason, message);
  }

  container(pod: Pod, container: Container, type: EventType, reason: string, message: string): void {
    const list = pod.spec.initContainers?.some(({ name }) => name === container.name) ? "initContainers" : "containers";
    this.recorder.event(pod, type, reason, message, `spec.${list}{${container.name}}`);
  }
}
