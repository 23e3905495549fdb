import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "./if-present.js";

/** How many huge pages this host keeps, by their size in KiB. Empty where the kernel has none. */
export async function hugePages(folder = "/sys/kernel/mm/hugepages"): Promise<Map<number, number>> {
  const pages = new Map<number, number>();
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const size = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (size > 0) pages.set(size, Number(await readFile(join(folder, name, "nr_hugepages"), "utf8")));
  }
  return pages;
}
