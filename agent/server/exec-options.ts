import { badRequest } from "#api/status-error.js";

export interface ExecOptions {
  /** Absent: the streams are those of the container's own process. */
  command?: readonly string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** From the kubelet's query names (`input`, `output`, `error`). @throws StatusError 400 */
export function parseExecOptions(query: URLSearchParams, verb: "exec" | "attach" = "exec"): ExecOptions {
  const command = query.getAll("command");
  const options: ExecOptions = {
    command: verb === "exec" ? command : undefined,
    stdin: isSet(query, "input"),
    stdout: isSet(query, "output"),
    stderr: isSet(query, "error"),
    tty: isSet(query, "tty"),
  };
  if (verb === "exec" && command.length === 0)
    throw badRequest("you must specify at least 1 command for the container");
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
  }
  return options;
}

const isSet = (query: URLSearchParams, name: string) => ["1", "true"].includes(query.get(name) ?? "");
