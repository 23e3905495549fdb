/**
 * What is attached, on disk. An entry is written before the first plugin runs and removed after the last DEL: it is the journal
 * that lets a restarted agent undo whatever a kill left half done. The form is libcni's result cache ("cniCacheV1"), so that
 * other tools can read it; an entry without result is an ADD that has not ended.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result, RuntimeConfig } from "#cni/lib/types.js";
import { type ConfList, parseConfList } from "./conflist.js";

export interface Attachment {
  containerId: string;
  ifName: string;
  netns: string;
  /** Tells the namespace from another one under the same path: process ids come again. */
  netnsInode: string;
  /** The list it was attached with: DEL must use the same one. */
  list: ConfList;
  args: Readonly<Record<string, string>>;
  capabilities: RuntimeConfig;
  result?: Result;
}

interface CacheEntry {
  kind: "cniCacheV1";
  containerId: string;
  /** The list as JSON, base64. */
  config: string;
  ifName: string;
  networkName: string;
  netns: string;
  cniArgs: [string, string][];
  capabilityArgs: RuntimeConfig;
  result?: Result;
  /** Ours. */
  netnsInode: string;
}

export class AttachmentStore {
  readonly #entries = new Map<string, Attachment>();

  /** Reads what is there. @param onUnreadable told of files that are no entries; they stay */
  constructor(
    readonly directory: string,
    onUnreadable: (path: string, error: Error) => void,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (name.startsWith(".")) rmSync(path, { force: true });
      else
        try {
          const entry = decode(readFileSync(path, "utf8"));
          this.#entries.set(fileName(entry), entry);
        } catch (error) {
          onUnreadable(path, error as Error);
        }
    }
  }

  list(): Attachment[] {
    return [...this.#entries.values()];
  }

  of(containerId: string): Attachment[] {
    return this.list().filter((entry) => entry.containerId === containerId);
  }

  /** Whole or not at all, also for a reader after a kill. */
  put(entry: Attachment): void {
    const name = fileName(entry);
    const draft = join(this.directory, `.${name}`);
    writeFileSync(draft, encode(entry), { mode: 0o600 });
    renameSync(draft, join(this.directory, name));
    this.#entries.set(name, entry);
  }

  remove(entry: Attachment): void {
    rmSync(join(this.directory, fileName(entry)), { force: true });
    this.#entries.delete(fileName(entry));
  }
}

const fileName = (entry: Attachment) => `${entry.list.name}-${entry.containerId}-${entry.ifName}`;

function encode(entry: Attachment): string {
  const cached: CacheEntry = {
    kind: "cniCacheV1",
    containerId: entry.containerId,
    config: Buffer.from(JSON.stringify(entry.list)).toString("base64"),
    ifName: entry.ifName,
    networkName: entry.list.name,
    netns: entry.netns,
    cniArgs: Object.entries(entry.args),
    capabilityArgs: entry.capabilities,
    result: entry.result,
    netnsInode: entry.netnsInode,
  };
  return JSON.stringify(cached);
}

function decode(text: string): Attachment {
  const cached = JSON.parse(text) as CacheEntry;
  return {
    containerId: cached.containerId,
    ifName: cached.ifName,
    netns: cached.netns,
    netnsInode: cached.netnsInode ?? "",
    list: parseConfList(Buffer.from(cached.config, "base64").toString()),
    args: Object.fromEntries(cached.cniArgs ?? []),
    capabilities: cached.capabilityArgs ?? {},
    result: cached.result,
  };
}
