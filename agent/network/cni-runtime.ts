/**
 * The runtime's half of the CNI specification: calls the plugins of a list in order, hands each the result of the one
 * before, and backwards to take off. One call at a time for one container is the caller's duty; different containers may
 * run side by side.
 */
import { statSync } from "node:fs";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { Result } from "#cni/lib/types.js";
import { atLeast, readResult } from "#cni/lib/version.js";
import type { Attachment, AttachmentStore } from "./attachment-store.js";
import { type ConfList, configFor, type PluginConf } from "./conflist.js";
import type { PluginRunner } from "./plugin-runner.js";

export class CniRuntime {
  /** ADDs on their way. A GC that ran beside them would take their fresh addresses for lost ones. */
  readonly #adding = new Set<Promise<unknown>>();
  #collecting: Promise<void> = Promise.resolve();
  readonly #versions = new Map<string, readonly string[]>();

  constructor(
    private readonly runner: PluginRunner,
    private readonly store: AttachmentStore,
  ) {}

  /** Attaches. What fails is taken off again; when that fails too the journal entry stays for a later `del`. */
  async add(attachment: Omit<Attachment, "result" | "netnsInode">): Promise<Attachment> {
    await this.#collecting;
    const adding = this.#add({ ...attachment, netnsInode: inodeOf(attachment.netns) ?? "" });
    this.#adding.add(adding);
    try {
      return await adding;
    } finally {
      this.#adding.delete(adding);
    }
  }

  async #add(entry: Attachment): Promise<Attachment> {
    this.store.put(entry);
    try {
      let result: Result | undefined;
      for (const plugin of entry.list.plugins) {
        const answer = await this.#call("ADD", entry, plugin, result);
        result = answer ? readResult(answer as Result) : result;
      }
      const attached = { ...entry, result: result ?? {} };
      this.store.put(attached);
      return attached;
    } catch (error) {
      try {
        await this.del(entry);
      } catch (undo) {
        throw new AggregateError([error, undo], `${(error as Error).message}; undoing it: ${(undo as Error).message}`);
      }
      throw error;
    }
  }

  /** Takes off, last plugin first. Goes on past a plugin that fails, and then keeps the entry. @throws the first failure */
  async del(entry: Attachment): Promise<void> {
    const failures: unknown[] = [];
    const prevResult = atLeast(entry.list.cniVersion, "0.4.0") ? entry.result : undefined;
    for (const plugin of [...entry.list.plugins].reverse()) {
      try {
        await this.#call("DEL", entry, plugin, prevResult);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    this.store.remove(entry);
  }

  /** @throws CniError when a plugin finds the attachment damaged */
  async check(entry: Attachment): Promise<void> {
    if (entry.list.disableCheck || !atLeast(entry.list.cniVersion, "0.4.0")) return;
    if (!entry.result) throw new CniError(CniCode.unknownContainer, `${entry.containerId} is not attached`);
    for (const plugin of entry.list.plugins) await this.#call("CHECK", entry, plugin, entry.result);
  }

  /** Has the plugins forget whatever belongs to no attachment we know of. @throws the first failure, after all were asked */
  async gc(list: ConfList): Promise<void> {
    if (list.disableGC || !atLeast(list.cniVersion, "1.1.0")) return;
    const before = this.#collecting;
    const run = (async () => {
      await before;
      await Promise.allSettled(this.#adding);
      const valid = this.store.list().filter((entry) => entry.list.name === list.name);
      const attachments = valid.map(({ containerId, ifName }) => ({ containerID: containerId, ifname: ifName }));
      const failures: unknown[] = [];
      for (const plugin of list.plugins) {
        const config = { ...configFor(list, plugin, {}, undefined), "cni.dev/valid-attachments": attachments };
        await this.runner
          .run(list.name, plugin.type, { CNI_COMMAND: "GC" }, JSON.stringify(config))
          .catch((e) => failures.push(e));
      }
      if (failures.length > 0) throw failures[0];
    })();
    this.#collecting = run.catch(() => undefined);
    await run;
  }

  /** @throws CniError when a plugin says that an ADD would fail now; a plugin that is missing says so too */
  async status(list: ConfList): Promise<void> {
    for (const plugin of list.plugins) {
      const supported = await this.versions(list.name, plugin.type);
      if (!supported.includes(list.cniVersion))
        throw new CniError(
          CniCode.incompatibleVersion,
          `plugin ${plugin.type} does not support config version "${list.cniVersion}"`,
          `it supports ${JSON.stringify(supported)}`,
        );
      if (!atLeast(list.cniVersion, "1.1.0")) continue;
      const config = JSON.stringify(configFor(list, plugin, {}, undefined));
      await this.runner.run(list.name, plugin.type, { CNI_COMMAND: "STATUS" }, config);
    }
  }

  /** The versions that a network's plugin speaks; asked once. */
  async versions(network: string, type: string): Promise<readonly string[]> {
    const known = this.#versions.get(`${network} ${type}`);
    if (known) return known;
    const stdin = JSON.stringify({ cniVersion: "1.0.0" });
    const answer = await this.runner.run(network, type, { CNI_COMMAND: "VERSION" }, stdin);
    const versions = (answer as { supportedVersions?: string[] } | undefined)?.supportedVersions ?? [];
    this.#versions.set(`${network} ${type}`, versions);
    return versions;
  }

  async #call(
    command: "ADD" | "DEL" | "CHECK",
    entry: Attachment,
    plugin: PluginConf,
    prevResult: Result | undefined,
  ): Promise<object | undefined> {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: entry.containerId,
      CNI_NETNS: command === "DEL" ? livingNetns(entry) : entry.netns,
      CNI_IFNAME: entry.ifName,
      CNI_ARGS: Object.entries(entry.args)
        .map(([name, value]) => `${name}=${value}`)
        .join(";"),
    };
    const config = JSON.stringify(configFor(entry.list, plugin, entry.capabilities, prevResult));
    try {
      return await this.runner.run(entry.list.name, plugin.type, env, config);
    } catch (error) {
      const { code, message, details } = CniError.from(error);
      throw new CniError(code, `plugin type="${plugin.type}" failed (${command.toLowerCase()}): ${message}`, details);
    }
  }
}

/** Identifies the namespace behind a path; undefined when there is none. */
export function inodeOf(netns: string): string | undefined {
  try {
    const { dev, ino } = statSync(netns);
    return `${dev}:${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** "" when the namespace is gone, even if a stranger's has its path now. */
function livingNetns(entry: Attachment): string {
  const inode = inodeOf(entry.netns);
  return inode !== undefined && inode === entry.netnsInode ? entry.netns : "";
}
