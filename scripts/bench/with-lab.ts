/** The life of a benchmark's lab: however the benchmark ends, also by Ctrl-C or a kill, the lab is taken down. */
import { labDown } from "#scripts/lab/down.js";
import { defaultLabRoot, type Lab, loadLab } from "#scripts/lab/state.js";

/** Exit codes of a shell for a program that a signal ended. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * @param make brings the lab of that name up, or as far as it gets
 * @param use the benchmark; its failure is passed on when the lab is down
 */
export async function withLab(name: string, make: () => Promise<Lab>, use: (lab: Lab) => Promise<void>): Promise<void> {
  const making = make();
  making.catch(() => undefined); // reported where it is awaited
  let downing: Promise<void> | undefined;
  const down = () => {
    downing ??= (async () => {
      // What is still being brought up could not be found to be removed.
      await making.catch(() => undefined);
      const lab = await loadLab(defaultLabRoot(), name);
      if (lab) await labDown(lab);
    })();
    return downing;
  };
  const onSignal = (signal: keyof typeof SIGNALS) => {
    process.stderr.write(`  ${signal}: taking the lab down ...\n`);
    down().then(
      () => process.exit(SIGNALS[signal]),
      (error: Error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
      },
    );
  };
  const signals = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await use(await making);
  } finally {
    await down();
    for (const signal of signals) process.off(signal, onSignal);
  }
}
