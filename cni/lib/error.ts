/** Error codes of the CNI specification (https://www.cni.dev/docs/spec/#error). 100 and above belong to the plugin. */
export const CniCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfig: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  pluginNotAvailable: 50,
  limitedConnectivity: 51,
  /** Ours: the plugin did everything right and the host said no. */
  failed: 100,
  /** Ours: CHECK found the attachment damaged. */
  damaged: 101,
} as const;

/** What a plugin prints instead of a result. */
export interface CniErrorBody {
  cniVersion: string;
  code: number;
  msg: string;
  details?: string;
}

/** The one error of plugins and of the runtime. A runtime may retry only `tryAgainLater`. */
export class CniError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly details?: string,
  ) {
    super(message);
    this.name = "CniError";
  }

  toBody(cniVersion: string): CniErrorBody {
    return { cniVersion, code: this.code, msg: this.message, ...(this.details ? { details: this.details } : {}) };
  }

  /** Any thrown value as a CniError; what a plugin did not foresee is an I/O failure. */
  static from(error: unknown): CniError {
    if (error instanceof CniError) return error;
    return new CniError(CniCode.ioFailure, error instanceof Error ? error.message : String(error));
  }
}
