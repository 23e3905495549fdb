/**
 * The program in the sandbox image, as machine code: no compiler and no registry is needed to make it.
 *
 * It blocks SIGINT, SIGTERM and SIGCHLD and waits for them. Blocked signals reach even process 1 of a pid namespace,
 * which ignores signals left at their default. SIGCHLD: reap every dead child (the Pod may share the namespace).
 * The others: exit 0. It uses no memory beyond one page of code and the stack.
 */

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
/** The kernel's signal set: bit n-1 stands for signal n. */
const SIGNAL_SET = (1 << (SIGINT - 1)) | (1 << (SIGTERM - 1)) | (1 << (SIGCHLD - 1));

/** Where the file is mapped, and how large the headers before the code are. */
const BASE = 0x400000;
const HEADERS = 64 + 56;

export type PauseArchitecture = "x64" | "arm64";

interface Machine {
  /** ELF e_machine. */
  id: number;
  code: Buffer;
}

const x64: Machine = {
  id: 62,
  code: Buffer.from(
    [
      "b80e000000", //     start: mov eax, 14 (rt_sigprocmask)
      "31ff", //                  xor edi, edi (SIG_BLOCK)
      "488d3550000000", //        lea rsi, [set]
      "31d2", //                  xor edx, edx (no old set)
      "41ba08000000", //          mov r10d, 8 (size of the set)
      "0f05", //                  syscall
      "b880000000", //     wait:  mov eax, 128 (rt_sigtimedwait)
      "488d3d3a000000", //        lea rdi, [set]
      "31f6", //                  xor esi, esi (no siginfo)
      "31d2", //                  xor edx, edx (no time-out)
      "41ba08000000", //          mov r10d, 8
      "0f05", //                  syscall
      "85c0", //                  test eax, eax
      "78e4", //                  js wait (interrupted)
      "83f811", //                cmp eax, SIGCHLD
      "7409", //                  je reap
      "b8e7000000", //            mov eax, 231 (exit_group)
      "31ff", //                  xor edi, edi
      "0f05", //                  syscall
      "b83d000000", //     reap:  mov eax, 61 (wait4)
      "bfffffffff", //            mov edi, -1 (any child)
      "31f6", //                  xor esi, esi
      "ba01000000", //            mov edx, WNOHANG
      "4531d2", //                xor r10d, r10d
      "0f05", //                  syscall
      "85c0", //                  test eax, eax
      "7fe6", //                  jg reap
      "ebba", //                  jmp wait
    ].join(""),
    "hex",
  ),
};

const arm64: Machine = {
  id: 183,
  code: littleEndianWords([
    0xd2800000, // start: mov x0, #0 (SIG_BLOCK)
    0x10000361, //        adr x1, set
    0xd2800002, //        mov x2, #0 (no old set)
    0xd2800103, //        mov x3, #8 (size of the set)
    0xd28010e8, //        mov x8, #135 (rt_sigprocmask)
    0xd4000001, //        svc #0
    0x100002c0, // wait:  adr x0, set
    0xd2800001, //        mov x1, #0 (no siginfo)
    0xd2800002, //        mov x2, #0 (no time-out)
    0xd2800103, //        mov x3, #8
    0xd2801128, //        mov x8, #137 (rt_sigtimedwait)
    0xd4000001, //        svc #0
    0xf100001f, //        cmp x0, #0
    0x54ffff2b, //        b.lt wait (interrupted)
    0xf100441f, //        cmp x0, #SIGCHLD
    0x54000080, //        b.eq reap
    0xd2800000, //        mov x0, #0
    0xd2800bc8, //        mov x8, #94 (exit_group)
    0xd4000001, //        svc #0
    0x92800000, // reap:  mov x0, #-1 (any child)
    0xd2800001, //        mov x1, #0
    0xd2800022, //        mov x2, #WNOHANG
    0xd2800003, //        mov x3, #0
    0xd2802088, //        mov x8, #260 (wait4)
    0xd4000001, //        svc #0
    0xf100001f, //        cmp x0, #0
    0x54ffff2c, //        b.gt reap
    0x17ffffeb, //        b wait
  ]),
};

const machines: Record<PauseArchitecture, Machine> = { x64, arm64 };

function littleEndianWords(words: readonly number[]): Buffer {
  const buffer = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => {
    buffer.writeUInt32LE(word, i * 4);
  });
  return buffer;
}

/** A static ELF executable for Linux on that architecture: headers, code, and the signal set `set` right behind it. */
export function pauseProgram(architecture: PauseArchitecture): Buffer {
  const { id, code } = machines[architecture];
  const set = Buffer.alloc(8);
  set.writeUInt32LE(SIGNAL_SET, 0);
  const size = HEADERS + code.length + set.length;
  return Buffer.concat([fileHeader(id), segmentHeader(size), code, set]);
}

/** Elf64_Ehdr: little-endian executable with one program header, entered at the first instruction. */
function fileHeader(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", 0, "latin1");
  header.writeUInt8(2, 4); // 64 bit
  header.writeUInt8(1, 5); // little-endian
  header.writeUInt8(1, 6); // ELF version
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + HEADERS), 24); // entry point
  header.writeBigUInt64LE(64n, 32); // where the program header is
  header.writeUInt16LE(64, 52); // size of this header
  header.writeUInt16LE(56, 54); // size of a program header
  header.writeUInt16LE(1, 56); // how many of those
  return header;
}

/** Elf64_Phdr: map the whole file, readable and executable. */
function segmentHeader(size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(1, 0); // PT_LOAD
  header.writeUInt32LE(5, 4); // read and execute
  header.writeBigUInt64LE(BigInt(BASE), 16); // virtual address
  header.writeBigUInt64LE(BigInt(BASE), 24);
  header.writeBigUInt64LE(BigInt(size), 32); // bytes in the file
  header.writeBigUInt64LE(BigInt(size), 40); // bytes in memory
  header.writeBigUInt64LE(0x10000n, 48); // alignment: the largest page size of either machine
  return header;
}
