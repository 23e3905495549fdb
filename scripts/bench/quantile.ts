/** Of values in any order, the one that a part of them (0 to 1) lies below. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)]!;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
