"""Runs a static x86-64 Linux program on the CPU that Bochs emulates: python tests/tools/bochs.py PROGRAM [ARGUMENT...]

For instruction sets that the machine at hand does not have.  BOCHS_CPU says which CPU: corei7_skylake_x has AVX-512,
arrow_lake AVX-VNNI, sapphire_rapids AVX-512 with VNNI, and AMX, whose instructions for bytes are carried out here: the
package does not know them.  It needs bochscpu-python 0.4 (and numpy for AMX), and a C compiler once, for bochs_cpu.c.

Memory is one block in which virtual and physical addresses are the same; a system call halts the CPU and is carried
out here.  Only what a program needs that reads files, prints and computes, on one thread, is there.
"""
import ctypes
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import time


def with_library():
    """Starts again with bochs_cpu.c loaded, unless it is."""
    if os.environ.get("LD_PRELOAD", "").endswith("bochs_cpu.so"):
        return
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bochs_cpu.c")
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "bochs_cpu.so")
        subprocess.check_call(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"])
        environment = dict(os.environ, LD_PRELOAD=library)
        raise SystemExit(subprocess.call([sys.executable] + sys.argv, env=environment))


with_library()
try:
    import bochscpu
    import bochscpu.cpu
    import bochscpu.memory
except ImportError as error:
    raise SystemExit("bochs: %s" % error)

MEMORY = 1 << 30
TABLES, HALT = 0x10000, 0x8000
STACK_TOP, FIRST_MAP = MEMORY - (1 << 20), 0x18000000
PAGE = 4096
CR0 = 0x80000033                    # paging, protected mode, no emulated coprocessor
CR4 = 0x20 | 0x600 | 0x10000 | 0x40000  # PAE; SSE; FSGSBASE; OSXSAVE
EFER = 0xD01                        # system calls, long mode, no-execute
XCR0 = 0x600E7                      # x87, SSE, AVX, AVX-512, AMX
ENOSYS, EBADF, ENOENT, EINVAL = 38, 9, 2, 22


class Machine:
    def __init__(self, path, arguments):
        self.block = mmap.mmap(-1, MEMORY)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.block))
        self.view = memoryview(self.block)
        self.files, self.code, self.next_map = {}, None, FIRST_MAP
        self.tiles, self.after_tile = Tiles(self), None
        self.trace = os.environ.get("BOCHS_TRACE")
        self.session = bochscpu.Session()
        self.session.missing_page_handler = self.give_page
        self.make_tables()
        self.write(HALT, b"\xf4")
        entry = self.load(path)
        self.start(entry, self.make_stack([path] + arguments))

    # ---- memory
    def give_page(self, address):
        address &= ~(PAGE - 1)
        if address >= MEMORY:
            raise RuntimeError("the program touched %#x" % address)
        bochscpu.memory.page_insert(address, self.base + address)

    def write(self, at, data):
        self.view[at:at + len(data)] = data

    def read(self, at, n):
        return bytes(self.view[at:at + n])

    def text(self, at):
        return self.read(at, self.block.find(b"\0", at) - at).decode()

    def make_tables(self):
        """Addresses as they are, in pages of 2 MiB."""
        for i, entry in enumerate([TABLES + PAGE, TABLES + 2 * PAGE]):
            self.write(TABLES + i * PAGE, struct.pack("<Q", entry | 7))
        for i in range(MEMORY >> 21):
            self.write(TABLES + 2 * PAGE + 8 * i, struct.pack("<Q", i << 21 | 0x87))

    def load(self, path):
        with open(path, "rb") as file:
            data = file.read()
        kind, machine, entry, headers = struct.unpack_from("<HH4xQQ", data, 16)
        size, count = struct.unpack_from("<HH", data, 54)
        if data[:4] != b"\x7fELF" or machine != 62 or kind != 2:
            raise SystemExit(path + " is not a static x86-64 program (-static -no-pie)")
        self.headers, end = (0, size, count), 0
        for i in range(count):
            kind, _, offset, at, _, length, room = struct.unpack_from("<IIQQQQQ", data, headers + i * size)
            if kind != 1:
                continue
            self.write(at, data[offset:offset + length])
            if offset <= headers < offset + length:
                self.headers = (at + headers - offset, size, count)
            end = max(end, at + room)
        self.brk = (end + PAGE - 1) // PAGE * PAGE
        return entry

    def make_stack(self, arguments):
        at, pointers = STACK_TOP, []
        for text in arguments:
            data = text.encode() + b"\0"
            at -= len(data)
            self.write(at, data)
            pointers.append(at)
        at = at // 64 * 64 - 64
        auxiliary = [3, self.headers[0], 4, self.headers[1], 5, self.headers[2], 6, PAGE, 25, at, 0, 0]
        words = [len(pointers)] + pointers + [0, 0] + auxiliary
        at -= (len(words) * 8 + 63) // 64 * 64
        self.write(at, struct.pack("<%dQ" % len(words), *words))
        return at

    # ---- the CPU
    def start(self, entry, stack):
        state = bochscpu.State()
        state.cr0, state.cr3, state.cr4, state.efer, state.xcr0 = CR0, TABLES, CR4, EFER, XCR0
        state.mxcsr, state.mxcsr_mask, state.fpcw, state.fptw = 0x1F80, 0xFFFF, 0x37F, 0xFFFF
        state.rip, state.rsp, state.rflags = entry, stack, 2
        state.lstar, state.star, state.sfmask = HALT, 8 << 32, 0
        state.cs, state.ss = segment(8, 0xA09B), segment(16, 0xC093)
        state.ds = state.es = state.fs = state.gs = segment(16, 0xC093)
        self.session.cpu.state = state
        self.hook = bochscpu.Hook()
        self.hook.hlt = lambda session, cpu: session.stop()
        self.hook.exception = self.exception

    def exception(self, session, cpu, vector, error):
        c = session.cpu
        if self.after_tile:
            return
        if vector == 6 and self.tiles.run(c):
            self.after_tile = c.state  # what the CPU does about the exception is undone
            session.stop()
            return
        print("bochs: exception %d at %#x, address %#x" % (vector, c.rip, c.cr2), file=sys.stderr)
        self.code = 128 + vector
        session.stop()

    def run(self):
        cpu = self.session.cpu
        while self.code is None:
            self.session.run([self.hook])
            if self.code is not None:
                break
            if self.after_tile:
                cpu.state, self.after_tile = self.after_tile, None
                continue
            number, before = cpu.rax, (cpu.rdi, cpu.rsi, cpu.rdx, cpu.r10, cpu.r8, cpu.r9)
            result = self.call(number, *before)
            if self.trace:
                print("bochs: call %d%s = %d" % (number, before, result), file=sys.stderr)
            cpu.rax = result & (1 << 64) - 1
            cpu.rip = cpu.rcx
        return self.code

    # ---- system calls, by their numbers
    def call(self, number, a, b, c, d, e, f):
        name = NAMES.get(number)
        return getattr(self, name)(a, b, c, d, e, f) if name else -ENOSYS

    def sys_read(self, fd, at, n, *_):
        if fd not in self.files:
            return 0 if fd == 0 else -EBADF
        data = self.files[fd].read(n)
        self.write(at, data)
        return len(data)

    def sys_write(self, fd, at, n, *_):
        if fd not in (1, 2):
            return -EBADF
        return os.write(fd, self.read(at, n))

    def sys_writev(self, fd, at, n, *_):
        total = 0
        for i in range(n):
            base, length = struct.unpack("<QQ", self.read(at + 16 * i, 16))
            total += self.sys_write(fd, base, length)
        return total

    def sys_open(self, folder, path, flags, *_):
        if flags & 3:
            return -EINVAL
        try:
            file = open(self.text(path), "rb")
        except OSError as error:
            return -(error.errno or ENOENT)
        fd = 3 + len(self.files)
        while fd in self.files:
            fd += 1
        self.files[fd] = file
        return fd

    def sys_close(self, fd, *_):
        file = self.files.pop(fd, None)
        if file:
            file.close()
        return 0

    def sys_seek(self, fd, offset, whence, *_):
        if fd not in self.files:
            return -EBADF
        return self.files[fd].seek(offset - (offset >> 63 << 64), whence)

    def put_stat(self, at, mode, size):
        blocks = (size + 511) // 512
        self.write(at, struct.pack("<QQQIIIIQqqq", 1, 1, 1, mode, 0, 0, 0, 0, size, PAGE, blocks) + bytes(72))
        return 0

    def sys_stat(self, folder, path, at, *_):
        name = self.text(path)
        if not name and folder in self.files:
            name = self.files[folder].name
        elif not name:
            return self.put_stat(at, 0o020620, 0)
        try:
            s = os.stat(name)
        except OSError as error:
            return -(error.errno or ENOENT)
        return self.put_stat(at, s.st_mode, s.st_size)

    def sys_fstat(self, fd, at, *_):
        if fd not in self.files:
            return self.put_stat(at, 0o020620, 0)
        s = os.fstat(self.files[fd].fileno())
        return self.put_stat(at, s.st_mode, s.st_size)

    def sys_brk(self, at, *_):
        if self.brk <= at < FIRST_MAP:
            self.write(self.brk, bytes(at - self.brk))
            self.brk = at
        return self.brk

    def sys_mmap(self, at, n, protection, flags, fd, offset):
        n = (n + PAGE - 1) // PAGE * PAGE
        if self.next_map + n > STACK_TOP - (8 << 20):
            return -12
        at, self.next_map = self.next_map, self.next_map + n
        fd &= 0xFFFFFFFF
        if fd in self.files:
            data = os.pread(self.files[fd].fileno(), n, offset)
            self.write(at, data)
        return at

    def sys_fine(self, *_):
        return 0

    def sys_arch_prctl(self, code, value, *_):
        if code == 0x1002:  # ARCH_SET_FS
            fs = segment(16, 0xC093)
            fs.base = value
            self.session.cpu.fs = fs
        elif code != 0x1023:  # ARCH_REQ_XCOMP_PERM
            return -EINVAL
        return 0

    def sys_clock(self, which, at, *_):
        now = time.time_ns()
        self.write(at, struct.pack("<qq", now // 10**9, now % 10**9))
        return 0

    def sys_random(self, at, n, *_):
        self.write(at, os.urandom(n))
        return n

    def sys_exit(self, code, *_):
        self.code = code & 255
        return 0


NAMES = {0: "sys_read", 1: "sys_write", 3: "sys_close", 5: "sys_fstat", 8: "sys_seek", 9: "sys_mmap", 10: "sys_fine",
         11: "sys_fine", 12: "sys_brk", 13: "sys_fine", 14: "sys_fine", 20: "sys_writev", 28: "sys_fine",
         60: "sys_exit", 158: "sys_arch_prctl", 218: "sys_fine", 228: "sys_clock", 231: "sys_exit", 257: "sys_open",
         262: "sys_stat", 273: "sys_fine", 318: "sys_random"}


class Tiles:
    """AMX: eight tiles of up to 16 rows of 64 bytes, and the instructions that the kernels use."""

    def __init__(self, machine):
        self.machine, self.shapes, self.data = machine, None, {}

    def run(self, cpu):
        """Carries out the instruction that ends where the CPU is; False: it is none of these."""
        for length in (5, 6, 7, 9, 10, 11):
            code = self.machine.read(cpu.rip - length, length)
            if code[0] == 0xC4 and code[1] & 0x1F == 2 and code[3] in (0x49, 0x4B, 0x5E):
                size, address = self.operand(cpu, code)
                if size == length:
                    self.carry_out(cpu, code, address)
                    return True
        return False

    def operand(self, cpu, code):
        """The instruction's length, and the address of what is in memory: a base, perhaps an index, and a distance."""
        mode, base = code[4] >> 6, code[4] & 7
        if mode == 3:
            return 5, None
        at, index, scale = 5, 4, 0
        if base == 4:
            if len(code) < 6:
                return 0, None
            scale, index, base, at = code[5] >> 6, code[5] >> 3 & 7, code[5] & 7, 6
        index += 0 if code[1] & 0x40 else 8
        base += 0 if code[1] & 0x20 else 8
        size = at + (0, 1, 4)[mode]
        if size != len(code) or (mode == 0 and base & 7 == 5):
            return 0, None
        distance = int.from_bytes(code[at:], "little", signed=True)
        self.stride = register(cpu, index) << scale if index != 4 else 0
        if self.stride >> 63:
            self.stride -= 1 << 64
        return size, register(cpu, base) + distance

    def carry_out(self, cpu, code, address):
        kind, prefix, tile = code[3], code[2] & 3, code[4] >> 3 & 7
        if kind == 0x49 and prefix == 0 and address is not None:
            self.configure(self.machine.read(address, 64))
        elif kind == 0x49 and prefix == 0:
            self.shapes = None
        elif kind == 0x49 and prefix == 3:
            rows, bytes_ = self.shape(tile)
            self.data[tile] = [bytes(bytes_)] * rows
        elif kind == 0x4B and prefix == 3:
            rows, bytes_ = self.shape(tile)
            self.data[tile] = [self.machine.read(address + r * self.stride, bytes_) for r in range(rows)]
        elif kind == 0x4B and prefix == 2:
            for r, row in enumerate(self.data[tile]):
                self.machine.write(address + r * self.stride, row)
        elif kind == 0x5E and prefix == 3:
            self.multiply(tile, code[4] & 7, ~(code[2] >> 3) & 7)
        else:
            raise RuntimeError("an AMX instruction that is not there: " + code.hex())

    def configure(self, config):
        if config[0] != 1 or any(config[2:16]) or any(config[32:48]):
            raise RuntimeError("a wrong tile configuration")
        self.shapes = [(config[48 + i], struct.unpack_from("<H", config, 16 + 2 * i)[0]) for i in range(8)]
        if any(rows > 16 or bytes_ > 64 for rows, bytes_ in self.shapes):
            raise RuntimeError("a tile that is too large")
        self.data = {}

    def shape(self, tile):
        if not self.shapes or not all(self.shapes[tile]):
            raise RuntimeError("a tile that is not configured")
        return self.shapes[tile]

    def multiply(self, to, first, second):
        """to[m][n] += first[m][4 k + j] second[k][4 n + j], signed bytes"""
        import numpy as np
        rows, bytes_ = self.shape(to)
        inner = self.shape(first)[1]
        if self.shape(first)[0] != rows or self.shape(second) != (inner // 4, bytes_) or inner % 4:
            raise RuntimeError("tiles that do not fit")
        a = np.frombuffer(b"".join(self.data[first]), np.int8).reshape(rows, inner).astype(np.int32)
        b = np.frombuffer(b"".join(self.data[second]), np.int8).reshape(inner // 4, bytes_ // 4, 4).astype(np.int32)
        b = b.transpose(0, 2, 1).reshape(inner, bytes_ // 4)
        c = np.frombuffer(b"".join(self.data[to]), np.int32).reshape(rows, bytes_ // 4) + a @ b
        self.data[to] = [row.tobytes() for row in c.astype(np.int32)]


def register(cpu, n):
    names = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")
    return getattr(cpu, names[n] if n < 8 else "r%d" % n)


def segment(selector, attributes):
    s = bochscpu.Segment()
    s.base, s.limit, s.selector, s.attr, s.present = 0, 0xFFFFFFFF, selector, attributes, True
    return s


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    code = Machine(sys.argv[1], sys.argv[2:]).run()
    sys.stdout.flush()
    os._exit(code)
