import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readIfPresent, writeDurably } from "../host/durable-file.js";

/**
 * What tells this machine from another with the same name: /etc/machine-id
 * (https://www.freedesktop.org/software/systemd/man/machine-id.html), or an id of our own in `folder` where that is
 * missing. An id in `folder` goes first, so that several nodes can live on one machine.
 */
export function machineId(folder: string, hostFile = "/etc/machine-id"): string {
  const ownFile = join(folder, "machine-id");
  const known = wellFormed(readIfPresent(ownFile)) ?? wellFormed(readIfPresent(hostFile));
  if (known) return known;
  const id = randomBytes(16).toString("hex");
  writeDurably(ownFile, `${id}\n`, 0o644);
  return id;
}

const wellFormed = (text: string | undefined) => /^[0-9a-f]{32}$/.exec(text?.trim() ?? "")?.[0];
