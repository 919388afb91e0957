"""The frozen encoder of docs/format.md, section 8, and where a deflate stream's last block begins: written
from that page and RFC 1951, and not from the Go code. It is slow."""

import struct

LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
LENGTH_BITS = [0] * 8 + [n for n in range(1, 6) for _ in range(4)] + [0]
DISTANCES = [1, 2, 3, 4] + [(half << n) + 1 for n in range(1, 14) for half in (2, 3)]
DISTANCE_BITS = [0, 0, 0, 0] + [n for n in range(1, 14) for _ in range(2)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
FIXED = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8
FIXED_DISTANCE = [5] * 30
WINDOW, STEP, TOKENS, CANDIDATES = 32768, 262144, 24576, 2


def symbol(table, value):
    return max(s for s, first in enumerate(table) if value >= first)


LENGTH_SYMBOL = [0] * 3 + [symbol(LENGTHS, n) for n in range(3, 259)]


def code_lengths(frequencies, limit):
    """Section 8.4."""
    lengths = [0] * len(frequencies)
    leaves = sorted((f, s) for s, f in enumerate(frequencies) if f)
    if len(leaves) < 2:
        lengths[0] = lengths[leaves[0][1] if leaves and leaves[0][1] else 1] = 1
        return lengths
    weights, parent, leaf, node = [], {}, 0, 0
    for made in range(len(leaves) - 1):
        weight = 0
        for _ in range(2):
            if leaf < len(leaves) and (node == len(weights) or leaves[leaf][0] <= weights[node]):
                weight, leaf = weight + leaves[leaf][0], leaf + 1
            else:
                weight, parent[node], node = weight + weights[node], made, node + 1
        weights.append(weight)
    count, depth = [0] * (limit + 2), {len(weights) - 1: 0}
    count[1] = 2
    for n in range(len(weights) - 2, -1, -1):
        e = depth[n] = depth[parent[n]] + 1
        if e >= limit:
            e = limit - 1
            while not count[e]:
                e -= 1
        count[e] -= 1
        count[e + 1] += 2
    rarest = iter(leaves)
    for length in range(limit, 0, -1):
        for _ in range(count[length]):
            lengths[next(rarest)[1]] = length
    return lengths


def codes(lengths):
    """The codes of RFC 1951, 3.2.2, as numbers whose lowest bit is written first."""
    out, code = [0] * len(lengths), 0
    for length in range(1, 16):
        code <<= 1
        for s, n in enumerate(lengths):
            if n == length:
                out[s] = int(format(code, f"0{length}b")[::-1], 2)
                code += 1
    return out


def runs_of(lengths):
    """The code lengths as (symbol, extra, extra bits)."""
    out, at = [], 0
    while at < len(lengths):
        value, n = lengths[at], 1
        while at + n < len(lengths) and lengths[at + n] == value:
            n += 1
        at += n
        if value:
            out.append((value, 0, 0))
            n -= 1
            while n >= 3:
                out.append((16, min(n, 6) - 3, 2))
                n -= min(n, 6)
        else:
            while n >= 11:
                out.append((18, min(n, 138) - 11, 7))
                n -= min(n, 138)
            if n >= 3:
                out.append((17, n - 3, 3))
                n = 0
        out += [(value, 0, 0)] * n
    return out


class Encoder:
    def __init__(self):
        self.history, self.start, self.block_start = bytearray(), 0, 0
        self.head, self.prev = [0] * 65536, [0] * WINDOW
        self.out, self.bits, self.held, self.tokens = bytearray(), 0, 0, []

    def put(self, value, n):
        self.bits |= value << self.held
        self.held += n
        while self.held >= 8:
            self.out.append(self.bits & 255)
            self.bits >>= 8
            self.held -= 8

    def align(self):
        self.put(0, -self.held % 8)

    # Sections 8.2 and 8.5.

    def write(self, data):
        while data:
            have = len(self.history)
            if have > WINDOW and (have - WINDOW) % STEP == 0:
                self.segment()
            room = (WINDOW + STEP if have < WINDOW else have + STEP - (have - WINDOW) % STEP) - have
            self.history += data[:room]
            data = data[room:]

    def flush(self):
        self.segment()
        if self.held:
            self.put(0, 3)
            self.align()
            self.out += b"\0\0\xff\xff"

    def skip(self, data):
        self.history += data
        self.start = self.block_start = len(self.history)

    def close(self):
        self.segment(final=1)
        self.align()

    def hash(self, i):
        return (int.from_bytes(self.history[i : i + 4], "little") * 0x9E3779B1 & 0xFFFFFFFF) >> 16

    def insert(self, i):
        slot = self.hash(i)
        self.prev[i % WINDOW], self.head[slot] = self.head[slot], i % 65536

    def find(self, i, best, end):
        h, candidate = self.history, self.head[self.hash(i)]
        self.insert(i)
        limit, before, distance = min(258, end - i), 0, 0
        if best >= limit:
            return best, 0
        for _ in range(CANDIDATES):
            back = (i - candidate) % 65536
            if back > min(WINDOW, i) or back <= before:
                break
            before, at = back, i - back
            if h[at : at + 4] == h[i : i + 4] and h[at + best] == h[i + best]:
                length = 0
                while length < limit and h[at + length] == h[i + length]:
                    length += 1
                if length > best:
                    best, distance = length, back
                    if length >= 24 or length == limit:
                        break
            candidate = self.prev[candidate % WINDOW]
        return best, distance

    def segment(self, final=0):
        i, end, h, tokens = self.start, len(self.history), self.history, self.tokens
        if i == end and not final:
            return
        fruitless, last = i, end - 4
        while i <= last:
            if len(tokens) > TOKENS - 32:
                self.block(i)
            length, distance = self.find(i, 3, end)
            if length < 4:
                n = min(1 + ((i - fruitless) >> 6), 16, end - i)
                tokens += h[i : i + n]
                i += n
                continue
            after = i + 1
            while length < 10 and after <= last:
                longer, further = self.find(after, length, end)
                after += 1
                if longer <= length:
                    break
                tokens.append(h[i])
                i, length, distance = i + 1, longer, further
            tokens.append((length, distance))
            i += length
            while after < min(i, last + 1):
                self.insert(after)
                after += 3 if length > 16 else 1
            fruitless = i
        for i in range(i, end):
            if len(tokens) == TOKENS:
                self.block(i)
            tokens.append(h[i])
        self.start = end
        self.block(end, final)

    # Section 8.3.

    def block(self, end, final=0):
        raw, tokens = bytes(self.history[self.block_start : end]), self.tokens[:]
        self.block_start = end
        self.tokens.clear()
        literals, distances = [0] * 286, [0] * 30
        literals[256] = 1
        for t in tokens:
            if isinstance(t, int):
                literals[t] += 1
            else:
                literals[257 + LENGTH_SYMBOL[t[0]]] += 1
                distances[symbol(DISTANCES, t[1])] += 1
        long, far = code_lengths(literals, 15), code_lengths(distances, 15)
        used = lambda lengths, least: max([least, *(s + 1 for s, n in enumerate(lengths) if n)])
        nl, nd = used(long, 257), used(far, 1)
        runs = runs_of(long[:nl] + far[:nd])
        meta = [0] * 19
        for s, _, _ in runs:
            meta[s] += 1
        short = code_lengths(meta, 7)
        nm = used([short[s] for s in ORDER], 4)

        product = lambda a, b: sum(x * y for x, y in zip(a, b))
        extra = product(literals[257:], LENGTH_BITS) + product(distances, DISTANCE_BITS)
        dynamic = 17 + 3 * nm + sum(short[s] + bits for s, _, bits in runs) + product(literals, long) + product(distances, far) + extra
        fixed = 3 + product(literals, FIXED) + product(distances, FIXED_DISTANCE) + extra
        stored = 3 + -(self.held + 3) % 8 + 32 + 8 * len(raw) + (max(1, -(-len(raw) // 65535)) - 1) * 40
        if stored <= min(dynamic, fixed):
            for at in range(0, max(1, len(raw)), 65535):
                part = raw[at : at + 65535]
                self.put(final if at + 65535 >= len(raw) else 0, 3)
                self.align()
                self.out += struct.pack("<HH", len(part), len(part) ^ 65535) + part
            return
        if fixed <= dynamic:
            long, far = FIXED, FIXED_DISTANCE
            self.put(final | 1 << 1, 3)
        else:
            self.put(final | 2 << 1, 3)
            self.put(nl - 257, 5)
            self.put(nd - 1, 5)
            self.put(nm - 4, 4)
            for s in ORDER[:nm]:
                self.put(short[s], 3)
            words = codes(short)
            for s, value, bits in runs:
                self.put(words[s], short[s])
                self.put(value, bits)
        words, steps = codes(long), codes(far)
        for t in tokens:
            if isinstance(t, int):
                self.put(words[t], long[t])
                continue
            s = LENGTH_SYMBOL[t[0]]
            self.put(words[257 + s], long[257 + s])
            self.put(t[0] - LENGTHS[s], LENGTH_BITS[s])
            s = symbol(DISTANCES, t[1])
            self.put(steps[s], far[s])
            self.put(t[1] - DISTANCES[s], DISTANCE_BITS[s])
        self.put(words[256], long[256])


def last_block(raw):
    """The bits at which the last block of a deflate stream begins, and behind which it ends."""
    at = 0

    def take(n):
        nonlocal at
        value = int.from_bytes(raw[at >> 3 : (at + n + 7 >> 3)], "little") >> (at & 7) & (1 << n) - 1
        at += n
        return value

    def reader(lengths):
        table = {(n, code): s for s, (n, code) in enumerate(zip(lengths, codes(lengths))) if n}

        def read():
            n = code = 0
            while (s := table.get((n, code))) is None:
                code |= take(1) << n
                n += 1
            return s

        return read

    while True:
        start, final, kind = at, take(1), take(2)
        if kind == 0:
            at += -at % 8
            n = take(16)
            at += 16 + 8 * n
        else:
            long, far = FIXED, FIXED_DISTANCE
            if kind == 2:
                nl, nd, nm = take(5) + 257, take(5) + 1, take(4) + 4
                meta, lengths = [0] * 19, []
                for s in ORDER[:nm]:
                    meta[s] = take(3)
                word = reader(meta)
                while len(lengths) < nl + nd:
                    s = word()
                    if s < 16:
                        lengths.append(s)
                    elif s == 16:
                        lengths += lengths[-1:] * (take(2) + 3)
                    else:
                        lengths += [0] * (take(3) + 3 if s == 17 else take(7) + 11)
                long, far = lengths[:nl], lengths[nl:]
            word, step = reader(long), reader(far)
            while (s := word()) != 256:
                if s > 256:
                    take(LENGTH_BITS[s - 257])
                    take(DISTANCE_BITS[step()])
        if final:
            return start, at
