/** What a ClusterIP costs: the same traffic straight to the Pod and through its Service, in turns. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchOptions, Report } from "./figure.js";
import { type Client, IPERF_PORTS, type ServiceLab } from "./service-lab.js";

/** How long one way has the machine to itself: what else a machine does changes within a second and must meet both alike. */
const TURN_MS = 100;
/** Kept-alive connections, each of which asks again once it was answered: requests per second tell their latency as well. */
const CONNECTIONS = 16;

interface Traffic {
  name: string;
  unit: string;
  /** Even, because who goes first changes with each: to be first is an advantage. */
  rounds: number;
  seconds: number;
  /** Where straight traffic comes from. */
  straightFrom: Client;
  start(address: string, way: Client, from: Client, seconds: number): ChildProcess;
  /** How much there was, by what the program printed. */
  amount(output: string): number;
}

function kindsOfTraffic({ inClient }: ServiceLab): Traffic[] {
  const wrk = (address: string, from: Client, seconds: number, ...headers: string[]) =>
    inClient(from, "/usr/bin/wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, ...headers, `http://${address}/`]);
  const requests = (output: string) => Number(output.match(/(\d+) requests in/)?.[1] ?? Number.NaN);
  return [
    {
      ...{ name: "requests", unit: "req/s", rounds: 4, seconds: 10, straightFrom: "through", amount: requests },
      start: (address, _way, from, seconds) => wrk(address, from, seconds),
    },
    {
      // A closed connection keeps its port for a minute and its entry in the tracking table for two: more of them, and what is
      // measured is a full table. What is left of straight connections would collide with translated ones of the same Pod.
      ...{ name: "connections", unit: "conn/s", rounds: 2, seconds: 3, straightFrom: "straight", amount: requests },
      start: (address, _way, from, seconds) => wrk(address, from, seconds, "-H", "Connection: close"),
    },
    {
      ...{ name: "throughput", unit: "Gbit/s", rounds: 4, seconds: 10, straightFrom: "through" },
      start: (address, way, from, seconds) =>
        inClient(from, "/usr/bin/iperf3", ["-c", address, "-p", String(IPERF_PORTS[way]), "-t", String(seconds), "-J"]),
      amount: (output) => {
        const { end } = JSON.parse(output) as { end: { sum_received: { bytes: number } } };
        return (end.sum_received.bytes * 8) / 1e9;
      },
    },
  ];
}

/** Lets one program run while the other is stopped, in turns, until both have ended. Resolves with what each printed. */
async function takeTurns(
  programs: readonly [ChildProcess, ChildProcess],
  seconds: number,
): Promise<[ChildProcess, string][]> {
  const outputs = programs.map(async (program): Promise<[ChildProcess, string]> => {
    const [output, [code]] = await Promise.all([text(program.stdout!), once(program, "exit")]);
    if (code !== 0) throw new Error(`${program.spawnargs.join(" ")} ended with code ${code}:\n${output}`);
    return [program, output];
  });
  const all = Promise.all(outputs);
  all.catch(() => undefined); // awaited when the turns are over
  const [first, second] = programs;
  second.kill("SIGSTOP");
  // Both must run at the end, which they see by the clock.
  const end = Date.now() + seconds * 1000 - 5 * TURN_MS;
  while (Date.now() < end) {
    await sleep(TURN_MS);
    first.kill("SIGSTOP");
    second.kill("SIGCONT");
    await sleep(TURN_MS);
    second.kill("SIGSTOP");
    first.kill("SIGCONT");
  }
  second.kill("SIGCONT");
  return all;
}

export async function measureTraffic(world: ServiceLab, report: Report, { progress }: BenchOptions): Promise<void> {
  for (const where of ["same", "other"] as const) {
    for (const { name, unit, rounds, seconds, straightFrom, start, amount } of kindsOfTraffic(world)) {
      progress(`${name} to a Pod on the ${where} node, and through its Service`);
      let [straight, through] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        const direct = start(world.pods[where], "straight", straightFrom, seconds);
        const translated = start(world.services[where], "through", "through", seconds);
        const amounts = takeTurns(round % 2 ? [translated, direct] : [direct, translated], seconds);
        for (const [program, output] of await amounts) {
          if (program === direct) straight += amount(output);
          else through += amount(output);
        }
      }
      const each = (rounds * seconds) / 2;
      report({ name: `service-${name}-${where}-node`, value: through / each, unit, baseline: straight / each });
    }
  }
}
