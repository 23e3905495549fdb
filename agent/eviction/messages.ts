/** Why a Pod had to go, in the kubelet's words: people and tools search for them. */
import { formatQuantity, quantityFromBytes } from "#api/quantity.js";
import { type Observations, type Signal, signals } from "./signals.js";
import { amountOf, type Threshold } from "./thresholds.js";

/** What a container uses of what there is too little of, and what it asked for. */
export interface ContainerUse {
  name: string;
  used: number;
  requested: number;
}

export function evictionMessage(
  { signal, amount }: Threshold,
  observations: Observations,
  containers: readonly ContainerUse[],
): string {
  const { resource } = signals[signal];
  const observed = observations.get(signal);
  const quantity = (units: number) => formatUnits(signal, units);
  const limit = observed
    ? `Threshold quantity: ${quantity(amountOf(amount, observed))}, available: ${quantity(observed.available)}. `
    : "";
  const larger = containers
    .filter(({ used, requested }) => used > requested)
    .map(
      ({ name, used, requested }) =>
        `Container ${name} was using ${quantity(used)}, request is ${quantity(requested)}, has larger consumption of ${resource}. `,
    );
  return [`The node was low on resource: ${resource}. `, limit, ...larger].join("");
}

export const conditionMessage = (types: readonly string[]) => `The node had condition: [${types.join(" ")}]. `;

function formatUnits(signal: Signal, units: number): string {
  if (!signals[signal].counted) return formatQuantity(quantityFromBytes(units));
  return formatQuantity({ nano: BigInt(units) * 1_000_000_000n, format: "DecimalSI" });
}
