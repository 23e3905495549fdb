/** Who starts Berth at boot, and again when it ends: systemd, or where there is none a script for any other init. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { run, runAny } from "#scripts/run.js";
import { type Part, sourceFile } from "./paths.js";

export interface Services {
  /** For a person: how to read a service's log. */
  logCommand(part: Part): string;
  /** Registers the services to be started at boot; may be repeated. */
  register(parts: readonly Part[]): Promise<void>;
  /** Starts a service, or starts it again; returns what reads its log from then on. */
  restart(part: Part): Promise<() => Promise<string>>;
  /** What the user must still do for it to start at boot. */
  notice?: string;
}

export const findServices = (): Services => (existsSync("/run/systemd/system") ? systemd : initScript());

const systemd: Services = {
  logCommand: (part) => `journalctl -u berth-${part}`,
  async register(parts) {
    for (const part of parts) {
      const unit = `berth-${part}.service`;
      await copyFile(sourceFile(unit), `/etc/systemd/system/${unit}`);
    }
    await run("systemctl", ["daemon-reload"]);
    await run("systemctl", ["enable", ...parts.map((part) => `berth-${part}`)]);
  },
  async restart(part) {
    const since = `@${Math.floor(Date.now() / 1000)}`;
    await run("systemctl", ["restart", `berth-${part}`]);
    const args = ["--unit", `berth-${part}`, "--since", since, "--output", "cat", "--no-pager"];
    return async () => (await runAny("journalctl", args)).stdout;
  },
};

const SCRIPT = "/etc/init.d/berth";

function initScript(): Services {
  const logFile = (part: Part) => `/var/log/berth/${part}.log`;
  const links = existsSync("/usr/sbin/update-rc.d");
  return {
    logCommand: (part) => `less ${logFile(part)}`,
    async register() {
      await copyFile(sourceFile("berth.init"), SCRIPT);
      if (existsSync("/etc/logrotate.d")) await copyFile(sourceFile("berth.logrotate"), "/etc/logrotate.d/berth");
      if (links) await run("update-rc.d", ["berth", "defaults"]);
    },
    async restart(part) {
      const file = logFile(part);
      const from = existsSync(file) ? statSync(file).size : 0;
      await run(SCRIPT, ["restart", part]);
      return async () => (existsSync(file) ? readFileSync(file).subarray(from).toString() : "");
    },
    ...(!links && {
      notice: `there is no systemd here and no update-rc.d: have your init call \`${SCRIPT} start\` at boot`,
    }),
  };
}
