import { labDown } from "#scripts/lab/down.js";
import type { Benchmark } from "./figure.js";
import { openServiceLab } from "./service-lab.js";
import { measureScale } from "./service-scale.js";
import { measureTraffic } from "./service-traffic.js";

export const servicesBenchmark: Benchmark = {
  name: "services",
  description: "traffic through a ClusterIP against straight to the Pod, and 10,000 Services",
  async run(report, options) {
    options.progress("a lab of two nodes");
    const world = await openServiceLab();
    try {
      await measureTraffic(world, report, options);
      await measureScale(world, report, options);
    } finally {
      await labDown(world.lab);
    }
  },
};
