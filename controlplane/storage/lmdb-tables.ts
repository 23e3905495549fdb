/**
 * The LMDB environment and how records lie in it. Three tables:
 * - `log`: (revision, index in its commit) → one change: type, key, where the previous version lies, the value. Values
 *   are stored here and nowhere else.
 * - `live`: key → (revision, index) of its newest version; absent once deleted.
 * - `meta`: the counters `revision`, `compacted` (reads below it are refused) and `swept` (removal has got this far).
 */
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase, type RootDatabaseOptionsWithPath } from "lmdb";

/** Where a version lies in the log: the index counts operations within one commit. */
export type Position = [revision: number, index: number];

export interface LogRecord {
  type: "put" | "delete";
  key: string;
  /** Absent when the key did not exist before. */
  previous?: Position;
  value?: Buffer;
}

export interface Tables {
  root: RootDatabase;
  log: Database<Buffer, Position>;
  live: Database<Position, string>;
  meta: Database<number, string>;
}

const DELETE = 0;
const PUT = 1;
/** type (1), previous revision (8, 0 for none), previous index (2), length of the key (2). */
const HEADER = 13;

export function encodeRecord(record: LogRecord): Buffer {
  const value = record.value ?? Buffer.alloc(0);
  const keyLength = Buffer.byteLength(record.key);
  const bytes = Buffer.allocUnsafe(HEADER + keyLength + value.length);
  bytes.writeUInt8(record.type === "put" ? PUT : DELETE, 0);
  bytes.writeDoubleBE(record.previous?.[0] ?? 0, 1);
  bytes.writeUInt16BE(record.previous?.[1] ?? 0, 9);
  bytes.writeUInt16BE(keyLength, 11);
  bytes.write(record.key, HEADER);
  value.copy(bytes, HEADER + keyLength);
  return bytes;
}

export function decodeRecord(bytes: Buffer): LogRecord {
  const valueStart = HEADER + bytes.readUInt16BE(11);
  const previousRevision = bytes.readDoubleBE(1);
  const put = bytes.readUInt8(0) === PUT;
  return {
    type: put ? "put" : "delete",
    key: bytes.toString("utf8", HEADER, valueStart),
    previous: previousRevision > 0 ? [previousRevision, bytes.readUInt16BE(9)] : undefined,
    value: put ? bytes.subarray(valueStart) : undefined,
  };
}

const openDirectories = new Set<string>();

/**
 * Opens (and makes) the store's directory, for this process alone: LMDB itself would let several processes write, but
 * the backend keeps the newest revision in memory.
 * @throws Error naming the process that has the directory open
 */
export function openTables(directory: string): Tables {
  if (openDirectories.has(directory)) throw new Error(`the store ${directory} is already open in this process`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const options: RootDatabaseOptionsWithPath & { txnStartThreshold: number } = {
    path: directory,
    encoding: "binary",
    maxDbs: 4,
    // A commit is acknowledged when its promise resolves. With overlapping sync that would be before the flush.
    overlappingSync: false,
    // The commit queue makes its own batches; without these two LMDB would wait one more turn for others to join.
    eventTurnBatching: false,
    txnStartThreshold: 1,
  };
  const root = open(options);
  for (const file of readdirSync(directory)) chmodSync(join(directory, file), 0o600);
  const tables: Tables = {
    root,
    log: root.openDB<Buffer, Position>({ name: "log", encoding: "binary" }),
    live: root.openDB<Position, string>({ name: "live", encoding: "ordered-binary" }),
    meta: root.openDB<number, string>({ name: "meta", encoding: "ordered-binary" }),
  };
  refuseOtherProcesses(tables, directory);
  openDirectories.add(directory);
  return tables;
}

export async function closeTables(tables: Tables, directory: string): Promise<void> {
  await tables.root.close();
  openDirectories.delete(directory);
}

/** Every process that has read the store holds a slot in LMDB's reader table, tied to a file lock the kernel drops with it. */
function refuseOtherProcesses(tables: Tables, directory: string): void {
  tables.meta.get("revision");
  tables.root.readerCheck();
  const pids = String(tables.root.readerList()).matchAll(/^\s*(\d+)\s/gm);
  for (const [, pid] of pids) {
    if (Number(pid) === process.pid) continue;
    void tables.root.close();
    throw new Error(`the store ${directory} is in use by process ${pid}; only one server may open it`);
  }
}
