/** Milliseconds since the epoch; 0 for Go's zero time, which the engine writes for what has not happened. */
export function instant(time: string): number {
  return time.startsWith("0001-") ? 0 : Date.parse(time);
}
