import { readFile } from "node:fs/promises";
import type { Container } from "#api/generated/types.js";
import type { ContainerState, Runtime } from "../runtime/runtime.js";
import type { PodDirectories } from "./pod-directories.js";

/** https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
const MAX_MESSAGE = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/** The last words of a container that has ended: what it wrote to its termination message path, or the end of its log. */
export async function terminationMessage(
  runtime: Runtime,
  directories: PodDirectories,
  container: Container,
  ended: ContainerState,
): Promise<string> {
  if (ended.error) return ended.error;
  const path = directories.terminationLog(ended.pod.uid, ended.name, ended.attempt);
  const written = await readFile(path).catch(() => Buffer.alloc(0));
  if (written.length > 0) return written.subarray(0, MAX_MESSAGE).toString();
  if (container.terminationMessagePolicy !== "FallbackToLogsOnError" || ended.exitCode === 0) return "";
  return logEnd(runtime, ended.id);
}

async function logEnd(runtime: Runtime, id: string): Promise<string> {
  const { output } = await runtime.logs(id, { follow: false, tail: MAX_LOG_LINES });
  let text = "";
  for await (const chunk of output) text += chunk;
  // Each line begins with its time and a blank.
  return text.replace(/^\S+ /gm, "").slice(-MAX_LOG_BYTES);
}
