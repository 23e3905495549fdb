/**
 * Removes links of the host. The kernel waits some 30 ms for every removal, but only once for a whole group: removals that are
 * asked for while one is running go together in the next.
 */
import { linkNames } from "#cni/lib/host-links.js";
import { ipBatch } from "#cni/lib/ip-command.js";

/** Links in this group are on their way out, whoever put them there. */
const DOOMED = "1194719";

let waiting = new Set<string>();
let next: Promise<Error | undefined> | undefined;
let running: Promise<unknown> = Promise.resolve();

/** Resolves when there is no link of that name; starts no program when there was none. */
export async function removeLink(name: string): Promise<void> {
  if (!linkNames().has(name)) return;
  waiting.add(name);
  next ??= removeNext();
  const error = await next;
  if (linkNames().has(name)) throw error ?? new Error(`link ${name} cannot be removed`);
}

async function removeNext(): Promise<Error | undefined> {
  await running;
  const names = [...waiting];
  waiting = new Set();
  next = undefined;
  const run = removeAll(names);
  running = run;
  return await run;
}

/** @returns what went wrong, if anything: a link may also have gone by itself, with its namespace */
async function removeAll(names: readonly string[]): Promise<Error | undefined> {
  try {
    await ipBatch(
      [...names.map((name) => `link set ${name} group ${DOOMED}`), `link del group ${DOOMED}`],
      undefined,
      true,
    );
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
