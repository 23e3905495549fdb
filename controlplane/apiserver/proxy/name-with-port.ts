/** "web", "web:80", "https:web:8443": how the name in a proxy's address says scheme and port. Empty scheme and port: not said. */
export interface NameWithPort {
  readonly scheme: "" | "http" | "https";
  readonly name: string;
  /** A number or the name of a port. */
  readonly port: string;
}

/** @returns undefined for what is of no such form */
export function parseNameWithPort(text: string): NameWithPort | undefined {
  const parts = text.split(":");
  if (parts.length > 3) return undefined;
  const [scheme, name, port] = parts.length === 3 ? parts : ["", ...parts];
  if (!name || (scheme !== "" && scheme !== "http" && scheme !== "https")) return undefined;
  return { scheme, name, port: port ?? "" };
}
