/**
 * The shapes of names. Each function returns what is wrong with a value, in the API server's words; nothing when it is fine.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
import type { FieldError } from "../field-error.js";
import { invalid } from "../field-error.js";
import { canonicalIP } from "./network.js";

export type NameRule = "dns-subdomain" | "dns-label" | "dns-1035-label" | "path-segment" | "ip-address";

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`;
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${QUALIFIED})?`;
const ENV_VAR = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const CONFIG_KEY = "[-._a-zA-Z0-9]+";

const whole = (source: string) => new RegExp(`^${source}$`);
const labelPattern = whole(LABEL);
const subdomainPattern = whole(SUBDOMAIN);
const subdomainUnderscorePattern = whole(SUBDOMAIN_UNDERSCORE);
const wildcardPattern = whole(WILDCARD);
const label1035Pattern = whole(LABEL_1035);
const qualifiedPattern = whole(QUALIFIED);
const labelValuePattern = whole(LABEL_VALUE);
const configKeyPattern = whole(CONFIG_KEY);

/** Lengths count bytes, as in Go. The patterns admit ASCII only, so they agree for every value that is fine. */
const byteLength = (value: string) => Buffer.byteLength(value);

export const maxLengthMessage = (max: number) => `must be no more than ${max} characters`;

export function patternMessage(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

export function dns1123Label(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 63) problems.push(maxLengthMessage(63));
  if (!labelPattern.test(value)) {
    problems.push(
      subdomainPattern.test(value)
        ? "must not contain dots"
        : patternMessage(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            LABEL,
            "my-name",
            "123-abc",
          ),
    );
  }
  return problems;
}

export function dns1123Subdomain(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 253) problems.push(maxLengthMessage(253));
  if (!subdomainPattern.test(value)) {
    problems.push(
      patternMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN,
        "example.com",
      ),
    );
  }
  return problems;
}

/** As people's search domains are, which need not be names of hosts. */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 253) problems.push(maxLengthMessage(253));
  if (!subdomainUnderscorePattern.test(value)) {
    problems.push(
      patternMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN_UNDERSCORE,
        "example.com",
      ),
    );
  }
  return problems;
}

/** A host name whose first label is `*`: it stands for exactly one label. */
export function wildcardDns1123Subdomain(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 253) problems.push(maxLengthMessage(253));
  if (!wildcardPattern.test(value)) {
    const message =
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
    problems.push(patternMessage(message, WILDCARD, "*.example.com"));
  }
  return problems;
}

export function dns1035Label(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 63) problems.push(maxLengthMessage(63));
  if (!label1035Pattern.test(value)) {
    problems.push(
      patternMessage(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        LABEL_1035,
        "my-name",
        "abc-123",
      ),
    );
  }
  return problems;
}

/** A name that can stand in a URL path. */
export function pathSegmentName(value: string): string[] {
  if (value === ".") return ["may not be '.'"];
  if (value === "..") return ["may not be '..'"];
  return pathSegmentPrefix(value);
}

function pathSegmentPrefix(value: string): string[] {
  return ["/", "%"].filter((char) => value.includes(char)).map((char) => `may not contain '${char}'`);
}

const qualifiedNameMessage = patternMessage(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED,
  "MyName",
  "my.name",
  "123-abc",
);

/** A label key: `name` or `prefix.example.com/name`. */
export function qualifiedName(value: string): string[] {
  const problems: string[] = [];
  const parts = value.split("/");
  if (parts.length > 2) {
    const optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`a valid label key ${qualifiedNameMessage} ${optional}`];
  }
  const name = parts.at(-1) as string;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...dns1123Subdomain(prefix).map((problem) => `prefix part ${problem}`));
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (byteLength(name) > 63) problems.push(`name part ${maxLengthMessage(63)}`);
  if (!qualifiedPattern.test(name)) problems.push(`name part ${qualifiedNameMessage}`);
  return problems;
}

export function labelValue(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 63) problems.push(maxLengthMessage(63));
  if (!labelValuePattern.test(value)) {
    problems.push(
      patternMessage(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        LABEL_VALUE,
        "MyValue",
        "my_value",
        "12345",
      ),
    );
  }
  return problems;
}

function pathTraversal(value: string): string[] {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}

/** An environment variable's name, by the rule in force since Kubernetes 1.34: printable ASCII but '='. */
export function envVarName(value: string): string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[ -<>-~]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** The older, narrower rule, which shells can live with. */
export function shellEnvVarName(value: string): string[] {
  const problems = pathTraversal(value);
  if (whole(ENV_VAR).test(value)) return problems;
  const message =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
  return [patternMessage(message, ENV_VAR, "my.env-name", "MY_ENV.NAME", "MyEnvName1"), ...problems];
}

/** A key of a ConfigMap or Secret: it becomes a file name. */
export function configMapKey(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > 253) problems.push(maxLengthMessage(253));
  if (!configKeyPattern.test(value)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    problems.push(patternMessage(message, CONFIG_KEY, "key.name", "KEY_NAME", "key-name"));
  }
  return [...problems, ...pathTraversal(value)];
}

const maskTrailingDash = (value: string) =>
  value.length > 1 && value.endsWith("-") ? `${value.slice(0, -1)}a` : value;

/** `prefix` is true for metadata.generateName, which may end with a dash. */
export function objectName(rule: NameRule, value: string, prefix = false): string[] {
  if (rule === "path-segment") return prefix ? pathSegmentPrefix(value) : pathSegmentName(value);
  if (rule === "ip-address") return canonicalIP(value);
  const name = prefix ? maskTrailingDash(value) : value;
  if (rule === "dns-label") return dns1123Label(name);
  return rule === "dns-1035-label" ? dns1035Label(name) : dns1123Subdomain(name);
}

/** One error for each problem of one value. */
export function invalidEach(field: string, value: unknown, problems: readonly string[]): FieldError[] {
  return problems.length === 0 ? [] : problems.map((problem) => invalid(field, value, problem));
}
