import t from "tap";
import {
  configMapKey,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  envVarName,
  labelValue,
  objectName,
  pathSegmentName,
  qualifiedName,
} from "#api/validation/names.js";
import { cidr, ipAddress, portName, portNumber } from "#api/validation/network.js";

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

t.test("names, with Kubernetes' exact messages", async (t) => {
  t.same(dns1123Subdomain("Web_1"), [subdomain]);
  t.same(dns1123Subdomain("web.example.com"), []);
  t.same(dns1123Subdomain("a".repeat(254)), ["must be no more than 253 characters"]);
  t.same(dns1123Label("Web"), [label]);
  t.same(dns1123Label("a.b"), ["must not contain dots"]);
  t.same(dns1035Label("1a"), [
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  ]);
  t.same(pathSegmentName(".."), ["may not be '..'"]);
  t.same(pathSegmentName("a/b%"), ["may not contain '/'", "may not contain '%'"]);
  t.same(objectName("dns-subdomain", "web-", true), [], "a prefix may end with a dash");
  t.same(objectName("dns-subdomain", "web-"), [subdomain]);
});

t.test("keys and values", async (t) => {
  const name =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  t.same(qualifiedName("app.kubernetes.io/name"), []);
  t.same(qualifiedName(""), ["name part must be non-empty", `name part ${name}`]);
  t.same(qualifiedName("/a"), ["prefix part must be non-empty"]);
  t.same(qualifiedName("A_b/a"), [`prefix part ${subdomain}`]);
  t.same(qualifiedName("a/b/c"), [
    `a valid label key ${name} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
  ]);
  t.same(labelValue(""), []);
  t.same(labelValue("a b"), [
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ]);
  t.same(labelValue("a".repeat(64)), ["must be no more than 63 characters"]);
  t.same(configMapKey("a/b"), [
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
  ]);
  t.same(configMapKey(".."), ["must not be '..'"]);
  t.same(envVarName("A B"), []);
  t.same(envVarName("a=b"), [
    "a valid environment variable name must consist only of printable ASCII characters other than '='",
  ]);
});

t.test("ports and addresses", async (t) => {
  t.same(portNumber(0), ["must be between 1 and 65535, inclusive"]);
  t.same(portNumber(80), []);
  t.same(portName("HTTP"), [
    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    "must contain at least one letter (a-z)",
  ]);
  t.same(ipAddress("10.0.0"), ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
  t.same(ipAddress("::1"), []);
  t.same(cidr("10.0.0.0/33"), ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]);
  t.same(cidr("10.0.0.0/24"), []);
});
