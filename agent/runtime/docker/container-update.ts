import type { ContainerResources } from "../runtime.js";
import { call, type Engine } from "./engine.js";

/** Changes what a container may use, while it runs. Zero would mean "as it was" to the engine: -1 takes a quota away. */
export async function updateContainer(engine: Engine, id: string, resources: ContainerResources): Promise<void> {
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimit } = resources;
  await engine.slots.run(() =>
    call(() =>
      engine.docker.getContainer(id).update({
        CpuShares: cpuShares,
        CpuQuota: cpuQuota ?? -1,
        CpuPeriod: cpuPeriod,
        Memory: memoryLimit,
        MemorySwap: memoryLimit,
      }),
    ),
  );
}
