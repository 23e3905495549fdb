/**
 * The places of a frontend's backends, 0 to n-1 without a gap: a random number is the place. Whoever stays keeps his place where
 * that can be, so that a change touches few elements: one that leaves is replaced by a newcomer, else by the last.
 */
export function arrange(previous: readonly string[], wanted: ReadonlySet<string>): string[] {
  const places: (string | undefined)[] = previous.map((backend) => (wanted.has(backend) ? backend : undefined));
  const known = new Set(previous);
  const newcomers = [...wanted].filter((backend) => !known.has(backend));
  for (let i = 0; i < places.length && newcomers.length > 0; i++) places[i] ??= newcomers.shift();
  places.push(...newcomers);
  for (let i = 0; i < places.length; i++) {
    while (places.length > i && places.at(-1) === undefined) places.pop();
    if (i < places.length && places[i] === undefined) places[i] = places.pop();
  }
  return places as string[];
}
