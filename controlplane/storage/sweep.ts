/** Compaction: removes the versions that no read at or after a revision can see. LMDB reuses their pages. */
import { decodeRecord, type Position, type Tables } from "./lmdb-tables.js";

/** Log entries looked at per transaction: commits of the API wait for one such transaction at most. */
const SLICE = 1000;

/**
 * First `compacted` is moved, so that nobody reads what is about to go; `swept` follows slice by slice and survives a
 * kill, so the next compaction goes on where this one stopped. The work is proportional to the changes since the last.
 */
export async function sweep(tables: Tables, revision: number): Promise<void> {
  const { log, meta } = tables;
  if (revision <= (meta.get("compacted") ?? 0)) return;
  await meta.put("compacted", revision);
  let start: Position = [(meta.get("swept") ?? 0) + 1, 0];
  for (;;) {
    const slice = [...log.getRange({ start, end: [revision + 1, 0], limit: SLICE })];
    const last = slice.at(-1)?.key;
    const more = slice.length === SLICE && last !== undefined;
    await tables.root.batch(() => {
      for (const { key, value } of slice) {
        const { type, previous } = decodeRecord(value);
        if (previous) void log.remove(previous);
        if (type === "delete") void log.remove(key);
      }
      void meta.put("swept", more ? last[0] - 1 : revision);
    });
    if (!more) return;
    start = [last[0], last[1] + 1];
  }
}
