export interface ProbeResult {
  outcome: "success" | "failure" | "error";
  /** For the Unhealthy Event: what went wrong, or what the probe printed. */
  message: string;
}

/** Output of a probe beyond this many bytes is cut. */
export const MAX_PROBE_OUTPUT = 10 * 1024;

export const success: ProbeResult = { outcome: "success", message: "" };

export function failure(message: string): ProbeResult {
  return { outcome: "failure", message: message.slice(0, MAX_PROBE_OUTPUT) };
}
