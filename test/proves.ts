import type { Test } from "tap";

/**
 * Says that the running test proves a Kubernetes conformance test, by its exact upstream name (see
 * fixtures/conformance-v1.35.txt). scripts/run-tests.mjs collects these lines into the ledger, with the test's result.
 */
export function proves(t: Test, ...upstreamNames: string[]): void {
  for (const name of upstreamNames) t.comment(`proves: ${name}`);
}
