/** Prometheus' text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */

export interface Metric {
  name: string;
  type: "gauge" | "counter";
  help: string;
  samples: readonly Sample[];
}

export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number;
  /** When it was measured, milliseconds since the epoch; absent: when it is read. */
  at?: number;
}

export function metricText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ({ labels, value, at }) => `${name}${labelText(labels)} ${value}${at === undefined ? "" : ` ${at}`}`,
      );
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`;
    })
    .join("");
}

export const gauge = (name: string, help: string, ...samples: readonly Sample[]): Metric => ({
  ...{ name, help, samples },
  type: "gauge",
});
export const counter = (name: string, help: string, ...samples: readonly Sample[]): Metric => ({
  ...{ name, help, samples },
  type: "counter",
});

function labelText(labels: Sample["labels"] = {}): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

const escaped = (value: string) => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
