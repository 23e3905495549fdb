import type { NodeCondition } from "#api/generated/types.js";
import type { PressureType } from "../eviction/signals.js";

export interface NodeHealth {
  /** Why Pods cannot run now, in a sentence each; empty when they can. */
  problems: readonly string[];
  /** What the node is short of. */
  pressures: ReadonlySet<PressureType>;
}

type Verdict = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

/** The conditions the kubelet owns, with its reasons and messages. */
export function nodeConditions(health: NodeHealth, old: readonly NodeCondition[], now: string): NodeCondition[] {
  return verdicts(health).map((verdict) => {
    const known = old.find(({ type }) => type === verdict.type);
    const same = known?.status === verdict.status && known.lastTransitionTime;
    return { ...verdict, lastHeartbeatTime: now, lastTransitionTime: same || now };
  });
}

function verdicts({ problems, pressures }: NodeHealth): Verdict[] {
  return [
    pressured("MemoryPressure", pressures.has("MemoryPressure"), [
      ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
      ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
    ]),
    pressured("DiskPressure", pressures.has("DiskPressure"), [
      ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
      ["KubeletHasDiskPressure", "kubelet has disk pressure"],
    ]),
    pressured("PIDPressure", pressures.has("PIDPressure"), [
      ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
      ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
    ]),
    ready(problems),
  ];
}

type Words = readonly [reason: string, message: string];

function pressured(type: string, wrong: boolean, [fine, bad]: readonly [Words, Words]): Verdict {
  const [reason, message] = wrong ? bad : fine;
  return { type, status: wrong ? "True" : "False", reason, message };
}

function ready(problems: readonly string[]): Verdict {
  if (problems.length === 0) {
    return { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" };
  }
  const message = problems.length === 1 ? problems[0]! : `[${problems.join(", ")}]`;
  return { type: "Ready", status: "False", reason: "KubeletNotReady", message };
}
