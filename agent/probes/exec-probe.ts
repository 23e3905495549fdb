import { type Runtime, TimeoutError } from "../runtime/runtime.js";
import { failure, type ProbeResult, success } from "./probe-result.js";

/** Success when the command ends with 0 in time. */
export async function execProbe(
  runtime: Runtime,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs);
    return exitCode === 0 ? success : failure(stdout + stderr);
  } catch (error) {
    if (!(error instanceof TimeoutError)) return { outcome: "error", message: (error as Error).message };
    return failure(`command timed out: "${command.join(" ")}" timed out after ${timeoutMs / 1000}s`);
  }
}
