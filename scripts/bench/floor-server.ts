/**
 * What a durable create costs at the least: the empty handler's HTTPS server, which reads the body's JSON, gives it a name, stores
 * it through the same backend and answers it. No routing, no identity, no rules, no defaults, no field ownership, no watchers.
 * A process of its own, so that nothing of the API server is in it.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { openLmdb } from "#storage/lmdb.js";

const [pki = "", dataDir = ""] = process.argv.slice(2);
const read = (name: string) => readFileSync(`${pki}/${name}`);
const tls = { ca: read("ca.crt"), cert: read("apiserver.crt"), key: read("apiserver.key") };
const store = openLmdb(dataDir);
let created = 0;

async function create(body: Buffer): Promise<Buffer> {
  const object = JSON.parse(body.toString());
  object.metadata.name = `${object.metadata.generateName}${created++}`;
  const key = `/floor/${object.metadata.name}`;
  object.metadata.resourceVersion = String(
    await store.commit([{ key, revision: 0 }], [{ type: "put", key, value: Buffer.from(JSON.stringify(object)) }]),
  );
  return Buffer.from(JSON.stringify(object));
}

const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
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
