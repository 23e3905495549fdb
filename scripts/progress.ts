/** Steps of long work, for a person watching: a spinner on a terminal, one line a step elsewhere, each with its seconds. */
import ora from "ora";

/** Runs one step and prints its tick or cross. `detail` adds what is worth knowing to the line. */
export async function step<T>(name: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T> {
  const began = process.hrtime.bigint();
  const spinner = ora({ text: name, stream: process.stderr, isSilent: !process.stderr.isTTY }).start();
  const seconds = () => `${(Number(process.hrtime.bigint() - began) / 1e9).toFixed(1)} s`;
  const finish = (mark: string, text: string) => {
    spinner.stop();
    process.stderr.write(`${mark} ${text}\n`);
  };
  try {
    const result = await work();
    const extra = detail?.(result);
    finish("✔", `${name}${extra ? ` ${extra}` : ""} (${seconds()})`);
    return result;
  } catch (error) {
    finish("✘", `${name} (${seconds()})`);
    throw error;
  }
}
