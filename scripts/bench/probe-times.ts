/**
 * An HTTP server that probes ask, run where the agent is: it remembers when. `node probe-times.js PORT`; any line on its input
 * makes it print, as one line of JSON, the arrivals of each path so far (ms).
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const arrivals = new Map<string, number[]>();
createServer((request, response) => {
  const { url = "" } = request;
  arrivals.set(url, [...(arrivals.get(url) ?? []), performance.now()]);
  response.end("ok");
}).listen(Number(process.argv[2]), "127.0.0.1", () => process.stdout.write("ready\n"));
createInterface({ input: process.stdin })
  .on("line", () => process.stdout.write(`${JSON.stringify(Object.fromEntries(arrivals))}\n`))
  .on("close", () => process.exit(0));
