/**
 * Many watchers in a process of their own, counting cheaply: every event is one line, so events are newlines.
 * Messages in: { target, path, count } starts them (answer "started"), "count" asks (answer: a number).
 */
import { request } from "node:https";
import { keepAliveAgent, type Target } from "./load.js";

let events = 0;
let open = 0;

function watch(target: Target, path: string, agent: ReturnType<typeof keepAliveAgent>, count: number): void {
  const stream = request(`${target.url}${path}`, { agent }, (response) => {
    if (response.statusCode !== 200) throw new Error(`watch answered ${response.statusCode}`);
    if (++open === count) process.send?.("started");
    response.on("data", (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) events++;
    });
  });
  stream.end();
}

process.on("message", (message: "count" | { target: Target; path: string; count: number }) => {
  if (message === "count") {
    process.send?.(events);
    return;
  }
  const agent = keepAliveAgent(message.target, message.count);
  for (let i = 0; i < message.count; i++) watch(message.target, message.path, agent, message.count);
});
process.on("disconnect", () => process.exit(0));
