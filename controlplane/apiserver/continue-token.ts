/** Where a paged list goes on: the revision of its first page and the first key not yet sent. Opaque to clients. */
import { badRequest, StatusError } from "#api/status-error.js";

export interface ContinueToken {
  /** Undefined: at whatever is newest, since the first page's revision is gone. */
  revision: number | undefined;
  start: string;
}

export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: "berth/v1", rv: revision ?? -1, start })).toString("base64url");
}

/** @throws StatusError 400 */
export function decodeContinue(text: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, "base64url").toString()) as Record<string, unknown>;
    if (v !== "berth/v1" || typeof rv !== "number" || typeof start !== "string") throw new Error("unknown form");
    return { revision: rv < 0 ? undefined : rv, start };
  } catch (error) {
    throw badRequest(`continue key is not valid: ${(error as Error).message}`);
  }
}

/** 410 with a token that lets the client go on inconsistently, if it prefers that to starting again. */
export function expiredContinue(start: string): StatusError {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
    "deleted between the time the first chunk was returned and now may show up in the list.";
  return new ExpiredContinueError(message, encodeContinue({ revision: undefined, start }));
}

class ExpiredContinueError extends StatusError {
  constructor(
    message: string,
    private readonly token: string,
  ) {
    super(410, "Expired", message);
  }

  override toStatus() {
    return { ...super.toStatus(), metadata: { continue: this.token } };
  }
}
