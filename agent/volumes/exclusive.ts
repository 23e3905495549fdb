const last = new Map<string, Promise<unknown>>();

/** Runs the work when everything that was asked for before under the same key has ended, well or badly. */
export async function exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = last.get(key) ?? Promise.resolve();
  const own = before.then(work, work);
  last.set(key, own);
  try {
    return await own;
  } finally {
    if (last.get(key) === own) last.delete(key);
  }
}
