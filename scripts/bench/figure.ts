/** One measured number. A figure with a baseline was measured beside it, in the same run. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  baseline?: number;
}

export type Report = (figure: Figure) => void;

export interface Benchmark {
  readonly name: string;
  readonly description: string;
  run(report: Report, options: BenchOptions): Promise<void>;
}

export interface BenchOptions {
  /** Size of the work, where the benchmark has one (pods: number of replicas). */
  count?: number;
  /** Says what is being done, for a person waiting. */
  progress(text: string): void;
}

const ratioOf = ({ value, baseline }: Figure) => (baseline ? value / baseline : undefined);
const rounded = (value: number) => Number(value.toPrecision(4));

export function asJson(figure: Figure): string {
  const ratio = ratioOf(figure);
  return JSON.stringify({
    name: figure.name,
    value: rounded(figure.value),
    unit: figure.unit,
    baseline: figure.baseline === undefined ? null : rounded(figure.baseline),
    ratio: ratio === undefined ? null : rounded(ratio),
  });
}

export function asText(figure: Figure): string {
  const ratio = ratioOf(figure);
  const value = `${rounded(figure.value)} ${figure.unit}`.padStart(16);
  const beside =
    ratio === undefined ? "" : `  baseline ${rounded(figure.baseline!)} ${figure.unit}, ratio ${ratio.toFixed(2)}`;
  return `${figure.name.padEnd(28)}${value}${beside}`;
}
