/**
 * Which of the engine's images this agent brought to the node, and when they were last used. On a host with a Docker of its
 * user the engine also holds images that somebody built, loaded or pulled by hand. They may exist nowhere else, so only what
 * is recorded here, and can be pulled again, is ever collected. Images pulled by an agent that was killed before it could
 * write that down are not known either: they stay.
 */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { readIfPresent, writeDurably } from "../host/durable-file.js";
import type { RegistryAuth } from "../runtime/runtime.js";
import { canonicalReference } from "./image-reference.js";

export interface ImageRecord {
  /** Hashes of credentials that gave access to it; absent: it was there for anybody. */
  access?: readonly string[];
  /** The references the agent pulled it by, in canonical form. */
  names: readonly string[];
  /** Milliseconds since the epoch. */
  pulledAt: number;
  lastUsed: number;
}

export class ImageRecords {
  readonly #records: Map<string, ImageRecord>;
  #changed = false;

  /** @param path of the file; it need not exist */
  constructor(
    private readonly path: string,
    private readonly logger: Logger,
  ) {
    this.#records = new Map(Object.entries(this.#read()));
  }

  get(id: string): ImageRecord | undefined {
    return this.#records.get(id);
  }

  /**
   * Durable when it returns, unless the disk is full: then the next save tries again.
   * @param auth what the registry asked for; absent: nothing
   * @param now milliseconds since the epoch
   */
  pulled(id: string, name: string, auth: RegistryAuth | undefined, now: number): void {
    const known = this.#records.get(id);
    const names = [...new Set([...(known?.names ?? []), canonicalReference(name)])];
    const isOpen = auth === undefined || (known !== undefined && known.access === undefined);
    const access = isOpen ? undefined : [...new Set([...(known?.access ?? []), hashOf(id, auth)])];
    this.#records.set(id, { access, names, pulledAt: known?.pulledAt ?? now, lastUsed: now });
    this.#changed = true;
    try {
      this.save();
    } catch (error) {
      this.logger.warn({ path: this.path, err: error }, "pulled images could not be recorded");
    }
  }

  /** Does the image want a credential, of which those who use it must have one? Not one that was there without this agent. */
  isGuarded(id: string): boolean {
    return this.#records.get(id)?.access !== undefined;
  }

  opens(id: string, auth: RegistryAuth): boolean {
    return this.#records.get(id)?.access?.includes(hashOf(id, auth)) ?? true;
  }

  used(id: string, now: number): void {
    const known = this.#records.get(id);
    if (!known || known.lastUsed >= now) return;
    this.#records.set(id, { ...known, lastUsed: now });
    this.#changed = true;
  }

  /** Forgets images the engine did not have when it was asked. @param asked milliseconds since the epoch */
  keepOnly(present: ReadonlySet<string>, asked: number): void {
    for (const [id, { lastUsed }] of this.#records)
      if (!present.has(id) && lastUsed < asked) this.#changed = this.#records.delete(id);
  }

  /** Writes down what has changed. */
  save(): void {
    if (!this.#changed) return;
    writeDurably(this.path, JSON.stringify(Object.fromEntries(this.#records)));
    this.#changed = false;
  }

  #read(): Record<string, ImageRecord> {
    const text = readIfPresent(this.path);
    if (text === undefined) return {};
    try {
      return JSON.parse(text) as Record<string, ImageRecord>;
    } catch {
      // Of no consequence but that images of the past are kept.
      this.logger.warn({ path: this.path }, "the record of pulled images is damaged: none of them will be collected");
      return {};
    }
  }
}

/** With the image's id, so that it does not show where else the same credential is good. */
function hashOf(id: string, { username, password }: RegistryAuth): string {
  return createHash("sha256")
    .update(JSON.stringify([id, username, password]))
    .digest("hex");
}
