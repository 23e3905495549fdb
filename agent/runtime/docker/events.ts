import type { Readable } from "node:stream";
import type { RuntimeEvent } from "../runtime.js";
import { call, type Engine, negotiate } from "./engine.js";
import * as labels from "./labels.js";

const ACTIONS = ["create", "start", "die", "oom", "destroy"] as const;

interface EngineEvent {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/**
 * Follows the engine's event stream for this agent's containers. Events between two streams are lost: the caller lists
 * everything after `onEnd` and after subscribing.
 */
export async function events(
  engine: Engine,
  onEvent: (event: RuntimeEvent) => void,
  onEnd: (error?: Error) => void,
): Promise<{ close(): void }> {
  await negotiate(engine.docker);
  const filters = {
    type: ["container" as const],
    event: [...ACTIONS],
    ...labels.labelFilter({ [labels.NODE]: engine.nodeName }),
  };
  const stream = (await call(() => engine.docker.getEvents({ filters }))) as Readable;
  let open = true;
  const end = (error?: Error) => {
    if (open) onEnd(error);
    open = false;
  };
  readLines(stream, (line) => {
    const event = open && runtimeEvent(JSON.parse(line));
    if (!event) return;
    if (event.action === "oom") engine.outOfMemory.add(event.id);
    else if (event.action === "destroy") engine.outOfMemory.delete(event.id);
    onEvent(event);
  });
  stream.once("end", () => end());
  stream.once("close", () => end());
  stream.once("error", end);
  return {
    close: () => {
      open = false;
      stream.destroy();
    },
  };
}

function runtimeEvent({ Action, Actor }: EngineEvent): RuntimeEvent | undefined {
  const action = ACTIONS.find((known) => known === Action);
  if (!action) return undefined;
  const sandbox = Actor.Attributes[labels.TYPE] === labels.TYPE_SANDBOX;
  return {
    type: sandbox ? "sandbox" : "container",
    action,
    id: Actor.ID,
    podUid: Actor.Attributes[labels.POD_UID] ?? "",
    containerName: sandbox ? "" : (Actor.Attributes[labels.CONTAINER_NAME] ?? ""),
  };
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(line);
  });
}
