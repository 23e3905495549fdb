/** Indexes of an Indexed Job in text, as its status has them: "0-2,5". */

/** @returns undefined for text that is none, or is not in order */
export function parseIndexes(text: string | undefined): Set<number> | undefined {
  const indexes = new Set<number>();
  if (!text) return indexes;
  let last = -1;
  for (const part of text.split(",")) {
    const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (from === undefined || Number(from) <= last || Number(to) < Number(from)) return undefined;
    last = Number(to);
    for (let index = Number(from); index <= last; index++) indexes.add(index);
  }
  return indexes;
}

export function formatIndexes(indexes: Iterable<number>): string {
  const parts: string[] = [];
  const sorted = [...indexes].sort((a, b) => a - b);
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end++;
    parts.push(end > i ? `${sorted[i]}-${sorted[end]}` : String(sorted[i]));
    i = end + 1;
  }
  return parts.join(",");
}
