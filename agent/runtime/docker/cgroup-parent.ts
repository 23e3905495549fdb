/**
 * The engine's name for a Pod's cgroup. With the cgroupfs driver it is the path itself. With systemd it is the name of a
 * slice, which spells its ancestors with dashes and escapes dashes of its own as underscores:
 * "/kubepods/burstable/pod12-3" is kubepods-burstable-pod12_3.slice
 * (https://systemd.io/CGROUP_DELEGATION/, "slice units").
 */
export function cgroupParent(path: string, driver: "cgroupfs" | "systemd"): string {
  if (driver === "cgroupfs") return path;
  const parts = path.split("/").filter((part) => part !== "");
  return `${parts.map((part) => part.replaceAll("-", "_")).join("-")}.slice`;
}
