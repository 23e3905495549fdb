/** Runs a piece of work whenever asked, never twice at a time, and once more when asked meanwhile. */

export interface LatestOnly {
  /** Asks for a run. Many asks before it starts are one. */
  trigger(): void;
  /** Resolves when nothing is running or asked for. */
  idle(): Promise<void>;
  /** No more runs; resolves when the last one has ended. */
  stop(): Promise<void>;
}

/**
 * @param work is tried again `retryMillis` after it failed
 * @param onError told of each failure
 */
export function latestOnly(work: () => Promise<void>, onError: (error: Error) => void, retryMillis = 1000): LatestOnly {
  let wanted = false;
  let stopped = false;
  let running: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  const run = async () => {
    // Changes that arrive together are one run.
    await Promise.resolve();
    while (wanted && !stopped) {
      wanted = false;
      try {
        await work();
      } catch (error) {
        onError(error as Error);
        retry ??= setTimeout(() => {
          retry = undefined;
          trigger();
        }, retryMillis).unref();
      }
    }
    running = undefined;
  };
  const trigger = () => {
    if (stopped) return;
    wanted = true;
    running ??= run();
  };
  return {
    trigger,
    idle: async () => {
      while (running) await running;
    },
    stop: async () => {
      stopped = true;
      clearTimeout(retry);
      while (running) await running;
    },
  };
}
