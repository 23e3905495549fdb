import type { Benchmark } from "./figure.js";
import { makeServiceLab, openServiceLab, SERVICE_LAB } from "./service-lab.js";
import { measureScale } from "./service-scale.js";
import { measureTraffic } from "./service-traffic.js";
import { withLab } from "./with-lab.js";

export const servicesBenchmark: Benchmark = {
  name: "services",
  description: "traffic through a ClusterIP against straight to the Pod, and 10,000 Services",
  run(report, options) {
    options.progress("a lab of two nodes");
    return withLab(SERVICE_LAB, makeServiceLab, async (lab) => {
      const world = await openServiceLab(lab);
      await measureTraffic(world, report, options);
      await measureScale(world, report, options);
    });
  },
};
