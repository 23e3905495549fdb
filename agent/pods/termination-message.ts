import { open } from "node:fs/promises";
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
  const written = await beginningOf(path);
  if (written) return written;
  if (container.terminationMessagePolicy !== "FallbackToLogsOnError" || ended.exitCode === 0) return "";
  return logEnd(runtime, ended.id);
}

/** No more than is wanted is read: the container may have written as much as it liked. "" when there is no such file. */
async function beginningOf(path: string): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!file) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_MESSAGE), 0, MAX_MESSAGE, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

async function logEnd(runtime: Runtime, id: string): Promise<string> {
  const { output } = await runtime.logs(id, { follow: false, tail: MAX_LOG_LINES });
  let text = "";
  for await (const chunk of output) text += chunk;
  // Each line begins with its time and a blank.
  return text.replace(/^\S+ /gm, "").slice(-MAX_LOG_BYTES);
}
