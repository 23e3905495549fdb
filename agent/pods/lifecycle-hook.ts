import type { Container, LifecycleHandler } from "#api/generated/types.js";
import type { Clock } from "#client/clock.js";
import { runProbe } from "../probes/run-probe.js";
import type { Runtime } from "../runtime/runtime.js";

export interface HookTarget {
  runtime: Runtime;
  clock: Clock;
  container: Container;
  containerId: string;
  podIP: string;
}

/** Why a hook failed, for the log: the Event, in Kubernetes' words, does not say. What a command printed may be secret. */
export const hookTrouble = (handler: LifecycleHandler, error: Error): string =>
  handler.exec ? "its command failed" : error.message;

/**
 * Runs a postStart or preStop hook to its end.
 * https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 * @param timeoutMs 0 is no limit
 * @throws Error that says what failed
 */
export async function runHook(handler: LifecycleHandler, target: HookTarget, timeoutMs: number): Promise<void> {
  const { runtime, clock, containerId } = target;
  if (handler.sleep) {
    const ms = handler.sleep.seconds * 1000;
    await new Promise<void>((resolve) => clock.after(timeoutMs > 0 ? Math.min(ms, timeoutMs) : ms, resolve));
  } else if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs);
    if (exitCode !== 0)
      throw new Error(
        `command '${command.join(" ")}' exited with ${exitCode}: ${stderr}, message: ${JSON.stringify(stdout)}`,
      );
  } else if (handler.httpGet || handler.tcpSocket) {
    const { httpGet, tcpSocket } = handler;
    const timeoutSeconds = timeoutMs > 0 ? timeoutMs / 1000 : 30;
    const { outcome, message } = await runProbe({ httpGet, tcpSocket, timeoutSeconds }, target);
    if (outcome !== "success") throw new Error(message);
  }
}
