/** For each line "ADDRESS PORT" prints when the first connection there succeeded, in ms since the epoch. Runs on a lab node. */
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const now = () => performance.timeOrigin + performance.now();

function succeeds(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => end(true));
    socket.on("timeout", () => end(false));
    socket.on("error", () => end(false));
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [host = "", port] = line.split(" ");
  console.log("asking");
  while (!(await succeeds(host, Number(port)))) await sleep(1);
  console.log(now());
}
