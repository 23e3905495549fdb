/** So many, or so many in a hundred of `total`: what Kubernetes calls an IntOrString ("25%"). Absent is 0. */
export function shareOf(
  value: number | string | undefined,
  total: number,
  round: (value: number) => number = Math.ceil,
): number {
  if (typeof value !== "string") return value ?? 0;
  return round((Number.parseInt(value, 10) * total) / 100);
}
