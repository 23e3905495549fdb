import { badRequest } from "#api/status-error.js";

export interface ExecOptions {
  command: readonly string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** From the kubelet's query names (`input`, `output`, `error`). @throws StatusError 400 */
export function parseExecOptions(query: URLSearchParams): ExecOptions {
  const options: ExecOptions = {
    command: query.getAll("command"),
    stdin: isSet(query, "input"),
    stdout: isSet(query, "output"),
    stderr: isSet(query, "error"),
    tty: isSet(query, "tty"),
  };
  if (options.command.length === 0) throw badRequest("you must specify at least 1 command for the container");
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
  }
  return options;
}

const isSet = (query: URLSearchParams, name: string) => ["1", "true"].includes(query.get(name) ?? "");
