/**
 * Reservations on disk, in upstream host-local's layout: `<dataDir>/<network>/<address>` holds "<containerID>\r\n<ifname>",
 * `last_reserved_ip.<set>` the last address given out. A reservation is a hard link, made whole or not at all, and refused
 * when the address is taken: that is the lock, so any number of processes may reserve at once.
 */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import type { Attached } from "#cni/lib/plugin.js";

const content = ({ containerId, ifName }: Attached) => `${containerId}\r\n${ifName}`;
const errorCode = (error: unknown) => (error as NodeJS.ErrnoException).code;

export class ReservationStore {
  readonly directory: string;

  constructor(dataDir: string, network: string) {
    this.directory = join(dataDir, network);
    mkdirSync(this.directory, { recursive: true, mode: 0o755 });
  }

  /** The addresses that are taken. */
  taken(): string[] {
    return readdirSync(this.directory).filter((name) => ipaddr.isValid(name));
  }

  /** @returns false when somebody has the address */
  reserve(address: string, owner: Attached, set: number): boolean {
    const draft = this.draft(content(owner));
    try {
      linkSync(draft, this.path(address));
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    renameSync(this.draft(address), join(this.directory, `last_reserved_ip.${set}`));
    return true;
  }

  lastReserved(set: number): string | undefined {
    return this.read(`last_reserved_ip.${set}`)?.trim();
  }

  /** @returns whether the address is this attachment's; older plugins wrote only the container id */
  isHeldBy(address: string, { containerId, ifName }: Attached): boolean {
    const [id, link] = this.owner(address);
    return id === containerId && (link === undefined || link === ifName);
  }

  heldBy(owner: Attached): string[] {
    return this.taken().filter((address) => this.isHeldBy(address, owner));
  }

  release(address: string): void {
    rmSync(this.path(address), { force: true });
  }

  /** Releases every address whose holder is not among these, and drafts whose writer is gone. */
  retain(valid: readonly Attached[]): void {
    for (const name of readdirSync(this.directory)) {
      const writer = name.match(/^\.draft-(\d+)-/)?.[1];
      if (writer && !existsSync(`/proc/${writer}`)) rmSync(join(this.directory, name), { force: true });
    }
    const keep = new Set(valid.map(content));
    const ids = new Set(valid.map((owner) => owner.containerId));
    for (const address of this.taken()) {
      const [id = "", link] = this.owner(address);
      const living = link === undefined ? ids.has(id) : keep.has(content({ containerId: id, ifName: link }));
      if (!living) this.release(address);
    }
  }

  private owner(address: string): string[] {
    return (this.read(address) ?? "").split(/\r?\n/).map((part) => part.trim());
  }

  private read(name: string): string | undefined {
    try {
      return readFileSync(join(this.directory, name), "utf8");
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  private draft(text: string): string {
    const path = join(this.directory, `.draft-${process.pid}-${randomBytes(4).toString("hex")}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  private path(address: string): string {
    return join(this.directory, address);
  }
}
