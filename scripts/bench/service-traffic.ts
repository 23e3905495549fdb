/** What a ClusterIP costs: the same traffic straight to the Pod and through its Service, in turns. */
import type { BenchOptions, Report } from "./figure.js";
import { IPERF_PORT, type ServiceLab } from "./service-lab.js";

/** How often and for how long each way is measured, in turns. */
const STEADY = { rounds: 5, seconds: 2 };
/**
 * A closed connection keeps its ports for a minute and its entry in the tracking table for two: more of them, and what is measured
 * is a full table.
 */
const BRIEF = { rounds: 3, seconds: 1 };
const CONNECTIONS = 16;

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Each way has a Pod of its own: what is left of straight connections in the tracking table would collide with translated ones.
 */
type Client = "straight" | "through";

interface Measured {
  name: string;
  unit: string;
  how: { rounds: number; seconds: number };
  measure(address: string, from: Client): Promise<number>;
}

function measurements({ inClient }: ServiceLab): Measured[] {
  const wrk = (address: string, from: Client, seconds: number, ...headers: string[]) =>
    inClient(from, "/usr/bin/wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, ...headers, `http://${address}/`]);
  const number = (text: string, pattern: RegExp) => Number(text.match(pattern)?.[1] ?? Number.NaN);
  return [
    {
      name: "requests",
      unit: "req/s",
      how: STEADY,
      measure: async (address, from) => number(await wrk(address, from, STEADY.seconds), /Requests\/sec: +([\d.]+)/),
    },
    {
      name: "connections",
      unit: "conn/s",
      how: BRIEF,
      measure: async (address, from) =>
        number(await wrk(address, from, BRIEF.seconds, "-H", "Connection: close"), /Requests\/sec: +([\d.]+)/),
    },
    {
      name: "throughput",
      unit: "Gbit/s",
      how: STEADY,
      measure: async (address, from) => {
        const args = ["-c", address, "-p", String(IPERF_PORT), "-t", String(STEADY.seconds), "-J"];
        const { end } = JSON.parse(await inClient(from, "/usr/bin/iperf3", args)) as {
          end: { sum_received: { bits_per_second: number } };
        };
        return end.sum_received.bits_per_second / 1e9;
      },
    },
  ];
}

export async function measureTraffic(world: ServiceLab, report: Report, { progress }: BenchOptions): Promise<void> {
  for (const where of ["same", "other"] as const) {
    for (const { name, unit, how, measure } of measurements(world)) {
      progress(`${name} to a Pod on the ${where} node, and through its Service`);
      const [straight, through]: [number[], number[]] = [[], []];
      for (let round = 0; round < how.rounds; round++) {
        straight.push(await measure(world.pods[where], "straight"));
        through.push(await measure(world.services[where], "through"));
      }
      report({ name: `service-${name}-${where}-node`, value: median(through), unit, baseline: median(straight) });
    }
  }
}
