import t from "tap";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityFromBytes,
  quantityFromMilli,
  quantityMilli,
  quantityValue,
  subtractQuantities,
} from "#api/quantity.js";

t.test("quantities are written in canonical form", async (t) => {
  const table: [string | number, string][] = [
    ["0", "0"],
    ["0m", "0"],
    ["-0", "0"],
    ["100m", "100m"],
    ["0.5", "500m"],
    [0.5, "500m"],
    [2, "2"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["1000", "1k"],
    ["1200", "1200"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["1Ki", "1Ki"],
    ["0.5Ki", "512"],
    ["1.1Ki", "1127"],
    ["0.1Mi", "104858"],
    ["0.5e-12", "1e-9"],
    ["1e3", "1e3"],
    ["12E2", "1200"],
    ["1E", "1E"],
    ["99E", "9223372036854775807"],
    ["-100m", "-100m"],
    ["+5", "5"],
    [".5", "500m"],
    ["5.", "5"],
    ["1u", "1u"],
    ["0.0001m", "100n"],
    ["0.5n", "1n"],
    ["123456789Mi", "123456789Mi"],
  ];
  for (const [input, expected] of table) t.equal(canonicalQuantity(input), expected, String(input));
});

t.test("what is no quantity is refused in the API server's words", async (t) => {
  const shape = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const table: [string, string][] = [
    ["", shape],
    ["abc", shape],
    ["1 Gi", shape],
    ["10x", shape],
    ["1.1.1", "unable to parse numeric part of quantity"],
    [".", "unable to parse numeric part of quantity"],
    ["1ki", "unable to parse quantity's suffix"],
    ["1KI", shape],
    ["1mm", "unable to parse quantity's suffix"],
    ["1e", "unable to parse quantity's suffix"],
  ];
  for (const [input, message] of table) t.throws(() => parseQuantity(input), { message }, input);
});

t.test("quantities compare, add and convert exactly", async (t) => {
  t.equal(compareQuantities("1", "1000m"), 0);
  t.equal(compareQuantities("1Gi", "1G"), 1);
  t.equal(compareQuantities(undefined, "1"), -1);
  t.equal(formatQuantity(addQuantities("100m", "1")), "1100m");
  t.equal(formatQuantity(addQuantities(undefined, "1Gi")), "1Gi");
  t.equal(formatQuantity(addQuantities("512Mi", "0.5Gi")), "1Gi");
  t.equal(formatQuantity(subtractQuantities("2", "100m")), "1900m");
  t.equal(formatQuantity(subtractQuantities("1Gi", "2Gi")), "-1Gi");
  t.equal(quantityMilli("0.1"), 100);
  t.equal(quantityMilli("1u"), 1);
  t.equal(quantityValue("1Gi"), 1073741824);
  t.equal(quantityValue("1m"), 1);
  t.equal(formatQuantity(quantityFromBytes(512 * 1024 * 1024)), "512Mi");
  t.equal(formatQuantity(quantityFromMilli(250)), "250m");
});
