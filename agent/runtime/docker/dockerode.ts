/**
 * dockerode without what a local engine does not need. It loads an SSH client and a gRPC stack at its start, for remote
 * engines and BuildKit sessions; an agent pays 10 MB and a tenth of a second for them. They are replaced by nothing before
 * dockerode asks for them.
 */
import { createRequire } from "node:module";
import type Docker from "dockerode";

const require = createRequire(import.meta.url);

function leaveOut(path: string): void {
  const module = { id: path, filename: path, loaded: true, exports: {}, children: [], paths: [] };
  require.cache[path] = module as unknown as NodeJS.Module;
}

leaveOut(require.resolve("dockerode/lib/session.js"));
leaveOut(createRequire(require.resolve("dockerode")).resolve("docker-modem/lib/ssh.js"));

export const newDocker = (options: object): Docker => new (require("dockerode") as typeof Docker)(options);
