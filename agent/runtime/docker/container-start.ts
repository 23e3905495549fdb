import { callUnless, type Engine } from "./engine.js";

/** Starts a created container; one that already runs stays as it is. */
export async function startContainer(engine: Engine, id: string): Promise<void> {
  await engine.slots.run(() => callUnless([304], () => engine.docker.getContainer(id).start()));
}
