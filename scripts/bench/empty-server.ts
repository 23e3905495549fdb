/** The baseline: an HTTPS server with the same TLS set-up whose handler does nothing. Started as a process of its own. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [pki = "", port = "0"] = process.argv.slice(2);
const read = (name: string) => readFileSync(`${pki}/${name}`);
const answer = Buffer.from("{}");
const server = createServer(
  {
    ca: read("ca.crt"),
    cert: read("apiserver.crt"),
    key: read("apiserver.key"),
    requestCert: true,
    rejectUnauthorized: false,
  },
  (request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
      response.end(answer);
    });
  },
);
server.keepAliveTimeout = 120_000;
server.listen(Number(port), "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit(0));
