/** The floor: a sandbox and an nginx container per "Pod", started and removed by hand through dockerode. */
import Docker from "dockerode";

export interface RawTimes {
  /** Seconds until all containers run. */
  ready: number;
  /** Seconds until all are removed. */
  gone: number;
}

async function inParallel(count: number, parallelism: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: parallelism }, worker));
}

async function startPair(docker: Docker, pauseImage: string, index: number): Promise<Docker.Container[]> {
  const pause = await docker.createContainer({
    name: `raw-pause-${index}`,
    Image: pauseImage,
    HostConfig: { IpcMode: "shareable" },
  });
  await pause.start();
  const nginx = await docker.createContainer({
    name: `raw-nginx-${index}`,
    Image: "nginx:latest",
    HostConfig: { NetworkMode: `container:${pause.id}`, IpcMode: `container:${pause.id}` },
  });
  await nginx.start();
  return [nginx, pause];
}

const seconds = (began: number) => (performance.now() - began) / 1000;

export async function measureRaw(
  socketPath: string,
  pauseImage: string,
  count: number,
  parallelism: number,
): Promise<RawTimes> {
  const docker = new Docker({ socketPath });
  const pairs: Docker.Container[][] = [];
  let began = performance.now();
  await inParallel(count, parallelism, async (index) => {
    pairs.push(await startPair(docker, pauseImage, index));
  });
  const ready = seconds(began);
  began = performance.now();
  await inParallel(count, parallelism, async (index) => {
    for (const container of pairs[index]!) await container.remove({ force: true });
  });
  return { ready, gone: seconds(began) };
}
