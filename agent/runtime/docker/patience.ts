import { RuntimeError } from "../runtime.js";

/** How long the engine may take for one answer, ms: as long as a kubelet waits for its runtime. */
export const PATIENCE = 120_000;

/**
 * The answer, or an error when it does not come in time: an engine that hangs over one container must not hold up a worker
 * for ever. What it may still do later is found by its name or its label.
 * @throws RuntimeError with code 0 when the time is over
 */
export async function inTime<T>(request: () => Promise<T>, patienceMs = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const say = () => reject(new RuntimeError(`the Docker engine has not answered for ${patienceMs / 1000} s`));
    timer = setTimeout(say, patienceMs);
  });
  try {
    return await Promise.race([request(), late]);
  } finally {
    clearTimeout(timer);
  }
}
