const BLOCK = 512;

/** A tar archive (ustar) of one executable file owned by root: what `docker import` needs for an image of one program. */
export function singleFileTar(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(content.length, 11), 124);
  header.write(octal(0, 11), 136); // modification time: fixed, so that the archive is reproducible
  header.write(" ".repeat(8), 148); // the checksum counts itself as spaces
  header.write("0", 156); // a regular file
  header.write("ustar\x0000", 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${octal(checksum, 6)}\0 `, 148);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  const end = Buffer.alloc(2 * BLOCK);
  return Buffer.concat([header, content, padding, end]);
}
