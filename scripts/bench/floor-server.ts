/**
 * What durable creates and watches cost at the least: the empty handler's HTTPS server, which reads the body's JSON, gives it a
 * name, stores it through the same backend and answers it; and sends what was stored to everybody who asked with GET, as seldom
 * as the API server does for a crowd. No routing, identity, rules, defaults, field ownership, selection or watch cache.
 * A process of its own, so that nothing of the API server is in it.
 */
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import { openLmdb } from "#storage/lmdb.js";

const [pki = "", dataDir = ""] = process.argv.slice(2);
const read = (name: string) => readFileSync(`${pki}/${name}`);
const tls = { ca: read("ca.crt"), cert: read("apiserver.crt"), key: read("apiserver.key") };
const store = openLmdb(dataDir);
let created = 0;

/** Milliseconds between two deliveries to the watchers. */
const REST_MS = 20;
const FRAME = [Buffer.from('{"type":"ADDED","object":'), Buffer.from("}\n")] as const;
const watchers = new Set<ServerResponse>();
let pending: Buffer[] = [];

function tell(object: Buffer): void {
  if (watchers.size === 0) return;
  if (pending.length === 0) setTimeout(deliver, REST_MS);
  pending.push(FRAME[0], object, FRAME[1]);
}

function deliver(): void {
  const frames = Buffer.concat(pending);
  pending = [];
  for (const watcher of watchers) watcher.write(frames);
}

async function create(body: Buffer): Promise<Buffer> {
  const object = JSON.parse(body.toString());
  object.metadata.name = `${object.metadata.generateName}${created++}`;
  const key = `/floor/${object.metadata.name}`;
  object.metadata.resourceVersion = String(
    await store.commit([{ key, revision: 0 }], [{ type: "put", key, value: Buffer.from(JSON.stringify(object)) }]),
  );
  const stored = Buffer.from(JSON.stringify(object));
  tell(stored);
  return stored;
}

const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
  if (request.method === "GET") {
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    watchers.add(response);
    response.on("close", () => watchers.delete(response));
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", async () => {
    const answer = await create(Buffer.concat(chunks));
    response.writeHead(201, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit(0));
