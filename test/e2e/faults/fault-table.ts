/** The figures of a run with faults: one line for each, printed at its end. */

interface Row {
  fault: string;
  failed: string;
  traffic: string;
  endpoints: string;
  elsewhere: string;
}

/** Seconds, or a dash where the fault concerns nobody. */
const seconds = (ms: number | undefined) => (ms === undefined ? "–" : `${(ms / 1000).toFixed(1)} s`);

const line = (row: Row) =>
  [
    row.fault.padEnd(24),
    ...[row.failed, row.traffic, row.endpoints, row.elsewhere].map((text) => text.padStart(15)),
  ].join("");

export function faultTable() {
  const rows: Row[] = [
    {
      fault: "fault",
      failed: "tries failed",
      traffic: "for",
      endpoints: "endpoints gone",
      elsewhere: "pods elsewhere",
    },
  ];
  return {
    note(
      fault: string,
      seen: { tries: number; failed: number; failedUntil: number },
      endpoints?: number,
      elsewhere?: number,
    ): void {
      const failed = `${seen.failed} of ${seen.tries}`;
      rows.push({
        ...{ fault, failed, traffic: seconds(seen.failedUntil) },
        ...{ endpoints: seconds(endpoints), elsewhere: seconds(elsewhere) },
      });
    },
    print(): void {
      for (const row of rows) process.stderr.write(`  ${line(row)}\n`);
    },
  };
}
