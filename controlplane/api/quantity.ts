/**
 * Kubernetes quantities (`100m`, `1.5Gi`, `1e3`), exact to one nano unit and capped at 2^63 - 1.
 * Format: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Quantity {
  /** The value in billionths. */
  readonly nano: bigint;
  /** How it is written: the family of suffixes its author used. */
  readonly format: QuantityFormat;
}

/** A text that is no quantity. The message is the API server's own. */
export class QuantityError extends Error {}

const NANO = 1_000_000_000n;
const MAX = ((1n << 63n) - 1n) * NANO;
const SHAPE = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?$/;
const DECIMAL_SUFFIXES = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** Already in canonical form, as nearly every quantity in a manifest is: not worth parsing to be written again. */
const CANONICAL = /^(?:0|[1-9]\d{0,2}(?:[numkMGTP]|[KMGTP]i)?)$/;

const ZERO: Quantity = { nano: 0n, format: "DecimalSI" };

function suffixOf(suffix: string): { format: QuantityFormat; base: bigint; exponent: number } {
  const decimal = DECIMAL_SUFFIXES.indexOf(suffix);
  if (decimal >= 0) return { format: "DecimalSI", base: 10n, exponent: (decimal - 3) * 3 };
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary > 0) return { format: "BinarySI", base: 2n, exponent: binary * 10 };
  const exponent = /^[eE]([-+]?\d+)$/.exec(suffix);
  if (exponent) return { format: "DecimalExponent", base: 10n, exponent: Number(exponent[1]) };
  throw new QuantityError("unable to parse quantity's suffix");
}

/** Rounds away from zero: who asks for a little gets the least there is, not nothing. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function scale(digits: bigint, fractionDigits: number, base: bigint, exponent: number): bigint {
  if (base === 2n) return divideUp((digits * NANO) << BigInt(exponent), 10n ** BigInt(fractionDigits));
  const power = exponent + 9 - fractionDigits;
  if (digits === 0n) return 0n;
  if (power > 60) return MAX;
  if (power < -400) return 1n;
  return power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
}

/** @throws QuantityError */
export function parseQuantity(text: string | number): Quantity {
  const match = SHAPE.exec(String(text));
  if (!match) throw new QuantityError(`quantities must match the regular expression '${SHAPE.source}'`);
  const number = NUMBER.exec(match[1] as string);
  const whole = number?.[2] ?? "";
  const fraction = number?.[3] ?? "";
  if (!number || whole + fraction === "") throw new QuantityError("unable to parse numeric part of quantity");
  const suffix = suffixOf(match[2] as string);
  let nano = scale(BigInt(whole + fraction), fraction.length, suffix.base, suffix.exponent);
  if (nano > MAX) nano = MAX;
  const format = suffix.format === "BinarySI" && nano > 0n && nano < NANO ? "DecimalSI" : suffix.format;
  return { nano: number[1] === "-" ? -nano : nano, format };
}

function formatDecimal(nano: bigint, exponentForm: boolean): string {
  let mantissa = nano;
  let exponent = -9;
  while (mantissa % 1000n === 0n && (exponentForm || exponent < 18)) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (exponentForm) return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  return `${mantissa}${DECIMAL_SUFFIXES[exponent / 3 + 3]}`;
}

function formatBinary(nano: bigint): string {
  let mantissa = divideUp(nano, NANO);
  let step = 0;
  while (mantissa % 1024n === 0n && step < 6) {
    mantissa /= 1024n;
    step++;
  }
  return `${mantissa}${BINARY_SUFFIXES[step]}`;
}

/** The canonical text: no fraction, the largest suffix that keeps the value whole. */
export function formatQuantity(quantity: Quantity): string {
  const { nano, format } = quantity;
  if (nano === 0n) return "0";
  if (format === "BinarySI" && (nano >= 1024n * NANO || nano <= -1024n * NANO)) return formatBinary(nano);
  return formatDecimal(nano, format === "DecimalExponent");
}

/** The canonical text of a quantity as a client wrote it: 0.5 → "500m", "1024Mi" → "1Gi". @throws QuantityError */
export function canonicalQuantity(text: string | number): string {
  const trimmed = typeof text === "string" ? text.trim() : String(text);
  if (CANONICAL.test(trimmed)) return trimmed;
  return formatQuantity(parseQuantity(trimmed));
}

const toQuantity = (value: Quantity | string | number | undefined): Quantity => {
  if (value === undefined) return ZERO;
  return typeof value === "object" ? value : parseQuantity(value);
};

type QuantityLike = Quantity | string | number | undefined;

/** Negative, zero or positive, as for sort. Undefined counts as zero. */
export function compareQuantities(a: QuantityLike, b: QuantityLike): number {
  const left = toQuantity(a).nano;
  const right = toQuantity(b).nano;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The sum, written in the way of the first addend that is not zero. */
export function addQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = toQuantity(a);
  const right = toQuantity(b);
  return { nano: left.nano + right.nano, format: left.nano === 0n ? right.format : left.format };
}

export function subtractQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const right = toQuantity(b);
  return addQuantities(a, { nano: -right.nano, format: right.format });
}

/** Whole units (bytes, pods), rounded up. Exact up to 2^53. */
export function quantityValue(value: QuantityLike): number {
  return Number(divideUp(toQuantity(value).nano, NANO));
}

/** Thousandths (CPU millicores), rounded up. */
export function quantityMilli(value: QuantityLike): number {
  return Number(divideUp(toQuantity(value).nano, 1_000_000n));
}

export const quantityFromMilli = (milli: number): Quantity => ({
  nano: BigInt(Math.ceil(milli)) * 1_000_000n,
  format: "DecimalSI",
});

export const quantityFromBytes = (bytes: number): Quantity => ({
  nano: BigInt(Math.ceil(bytes)) * NANO,
  format: "BinarySI",
});
