import { callUnless, type Engine } from "./engine.js";

/** Kills the container if it runs, and removes it with its anonymous volumes. A removal already under way is success. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  const container = engine.docker.getContainer(id);
  await engine.slots.run(() => callUnless([404, 409], () => container.remove({ force: true, v: true })));
}
