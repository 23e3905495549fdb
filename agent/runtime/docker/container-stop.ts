import { callUnless, type Engine } from "./engine.js";
import { PATIENCE } from "./patience.js";

/**
 * Asks the container to end (its stop signal, normally SIGTERM) and kills it when the grace is over. Not bounded by the
 * engine's slots: it mostly waits, and a second call with a shorter grace must get through.
 */
export async function stopContainer(engine: Engine, id: string, graceSeconds: number): Promise<void> {
  const t = Math.max(0, Math.ceil(graceSeconds));
  await callUnless([304, 404], () => engine.docker.getContainer(id).stop({ t }), PATIENCE + t * 1000);
}

/** Kills at once: for sandboxes, which have nothing to save. */
export async function killContainer(engine: Engine, id: string): Promise<void> {
  await callUnless([404, 409], () => engine.docker.getContainer(id).kill());
}
