/**
 * Calls `attempt` `count` times in batches that double (1, 2, 4, ...), and stops after the first batch with a failure:
 * when every creation would be refused (a quota, a bad template), the server is asked once, not `count` times.
 * @returns the first failure, if there was one
 */
export async function slowStart(count: number, attempt: () => Promise<void>): Promise<{ error: unknown } | undefined> {
  let remaining = count;
  for (let batch = 1; remaining > 0; batch *= 2) {
    const size = Math.min(batch, remaining);
    const results = await Promise.allSettled(Array.from({ length: size }, attempt));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) return { error: failed.reason };
    remaining -= size;
  }
  return undefined;
}
