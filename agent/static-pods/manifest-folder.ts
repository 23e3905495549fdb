import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Pod } from "#api/generated/types.js";
import type { Clock } from "#client/clock.js";
import { staticPod } from "./manifest.js";

export interface FolderOptions {
  /** A folder that is not there has no Pods in it. */
  folder: string;
  nodeName: string;
  clock: Clock;
  logger: Logger;
}

interface KnownFile {
  /** Differs when the file may have changed. */
  version: string;
  /** Absent when the file is no good. */
  pod: Pod | undefined;
}

/** How often the folder is looked at, milliseconds. A look costs a stat a file. */
const PERIOD = 1_000;

/** Files that editors and package managers leave beside a manifest begin with a dot or end otherwise. */
const isManifest = (name: string) => /^[^.].*\.(ya?ml|json)$/.test(name);

/** The static Pods of a folder, kept up to date. A file that cannot be read as a Pod is said once and left out. */
export class ManifestFolder {
  #files = new Map<string, KnownFile>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(private readonly options: FolderOptions) {}

  list(): Pod[] {
    return [...this.#files.values()].flatMap(({ pod }) => (pod ? [pod] : []));
  }

  /** Looks at the folder now. Resolves with whether anything is different. */
  async read(): Promise<boolean> {
    const { folder, logger } = this.options;
    const before = new Set(this.list().map(({ metadata }) => metadata.uid));
    const files = new Map<string, KnownFile>();
    for (const name of (await readdir(folder).catch(noFolder)).filter(isManifest).sort()) {
      const path = join(folder, name);
      try {
        const { mtimeMs, size, ino } = await stat(path);
        const version = `${mtimeMs} ${size} ${ino}`;
        const known = this.#files.get(name);
        files.set(name, known?.version === version ? known : { version, pod: await this.#parse(path) });
      } catch (error) {
        // Gone between the list and the look.
        logger.debug({ err: error, path }, "manifest not read");
      }
    }
    this.#files = files;
    const after = this.list().map(({ metadata }) => metadata.uid);
    return after.length !== before.size || after.some((uid) => !before.has(uid));
  }

  /** Looks again and again, and calls when something is different. */
  follow(onChange: () => void): void {
    if (this.#stopped) return;
    this.#cancel = this.options.clock.after(PERIOD, () => {
      this.read()
        .then((changed) => changed && !this.#stopped && onChange())
        .catch((error) => this.options.logger.warn({ err: error }, "the folder of static Pods could not be read"))
        .finally(() => this.follow(onChange));
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #parse(path: string): Promise<Pod | undefined> {
    const text = await readFile(path, "utf8");
    try {
      return await staticPod(text, path, this.options.nodeName);
    } catch (error) {
      this.options.logger.warn(`static Pod left out: ${(error as Error).message}`);
      return undefined;
    }
  }
}

function noFolder(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
