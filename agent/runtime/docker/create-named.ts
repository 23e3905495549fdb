import type { ContainerCreateOptions } from "dockerode";
import { RuntimeError } from "../runtime.js";
import { asRuntimeError, call, callOrUndefined, callUnless, type Engine } from "./engine.js";
import { IMAGE_REF, SANDBOX_ID } from "./labels.js";
import { inTime } from "./patience.js";

const ATTEMPTS = 3;

/**
 * Creates a container under a deterministic name. When the name is taken, what has it is the same thing made earlier
 * (before a kill of the agent, or by a call whose answer was lost): it is returned when it runs or was never started,
 * and removed and made anew when it has already ended, or was never started and belongs to another sandbox or image by now.
 */
export async function createNamed(engine: Engine, name: string, options: ContainerCreateOptions): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await inTime(() => engine.docker.createContainer({ ...options, name }))).id;
    } catch (error) {
      const failure = asRuntimeError(error);
      if (failure.code !== 409 || attempt === ATTEMPTS) throw failure;
    }
    const existing = await adoptOrRemove(engine, name, options.Labels ?? {});
    if (existing) return existing;
  }
}

async function adoptOrRemove(
  engine: Engine,
  name: string,
  wanted: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const container = engine.docker.getContainer(name);
  const found = await callOrUndefined(() => container.inspect());
  if (!found) return undefined;
  const { State: state, Config: config, Id: id } = found;
  const neverStarted = state.Status === "created" && state.ExitCode === 0;
  const fits = [SANDBOX_ID, IMAGE_REF].every((label) => config.Labels[label] === wanted[label]);
  if (state.Running || (neverStarted && fits)) return id;
  await callUnless([404, 409], () => container.remove({ force: true, v: true }));
  await waitUntilGone(() => call(async () => (await callOrUndefined(() => container.inspect())) === undefined));
  return undefined;
}

/** A removal already under way (409) ends soon; one that does not end is an engine in trouble, and said. */
async function waitUntilGone(isGone: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 50; round++) {
    if (await isGone()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new RuntimeError("the container that holds the name is not removed after 5 s");
}
