/** Takes everything agents have put into an engine out of it again: for `berth reset`. */
import { call, callUnless, dialEngine, negotiate } from "./engine.js";
import { NODE } from "./labels.js";
import { DEFAULT_SANDBOX_IMAGE } from "./sandbox-image.js";

/** @returns how many containers were removed; an engine that does not answer is an error */
export async function removeAllContainers(socketPath: string): Promise<number> {
  const docker = dialEngine(socketPath);
  await negotiate(docker);
  const found = await call(() => docker.listContainers({ all: true, filters: { label: [NODE] } }));
  const remove = ({ Id }: { Id: string }) =>
    callUnless([404], () => docker.getContainer(Id).remove({ force: true, v: true }));
  await Promise.all(found.map(remove));
  await callUnless([404, 409], () => docker.getImage(DEFAULT_SANDBOX_IMAGE).remove());
  return found.length;
}
