/** Which Berth this is, and the Kubernetes version it follows. Server and agents say the same. */
export const VERSION = "0.1.0";
export const GIT_VERSION = `v1.35.0+berth${VERSION}`;
