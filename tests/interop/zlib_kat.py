# SPDX-License-Identifier: ISC
"""zlib as a second opinion: random streams, good and damaged, through build/kat and through zlib.

zlib_kat.py KAT raw|packets|deflate SECONDS [SEED]
    raw      what becomes of DEFLATE streams of zlib's: the same output, or both refuse
    packets  the same for zlib streams that come in pieces
    deflate  zlib inflates what kat compresses, each packet at once
"""

import random
import subprocess
import sys
import time
import zlib

MAX = 1 << 20
WORDS = [b"channel", b"window ", b"the ", b"packet", b"of ", b"key", b"exchange ", b"SSH_MSG_", b"\n"]


class Kat:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        """The outputs, or None for a refusal."""
        self.p.stdin.write(" ".join(w if isinstance(w, str) else w.hex() or "-" for w in words).encode() + b"\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline().decode().split()
        if answer == ["reject"]:
            return None
        if answer[:1] != ["ok"]:
            sys.exit(f"kat answers {answer}")
        return [bytes.fromhex("" if w == "-" else w) for w in answer[1:]]


def some_data(r):
    n, out = r.choice([0, 1, 5, 60, 500, 4000, 40000, 70000]), b""
    while len(out) < n:
        k = r.random()
        if k < 0.8:
            out += r.choice(WORDS)
        elif k < 0.9:
            out += r.randbytes(r.randrange(60))
        elif k < 0.95 and out:
            at = r.randrange(len(out))
            out += out[at:at + r.randrange(1, 400)]
        else:
            out += bytes([r.randrange(256)]) * r.randrange(400)
    return out[:n]


def compressed(r, data, wbits):
    """Pieces of a stream of any level, strategy and memory, cut at flushes; the last ends it."""
    c = zlib.compressobj(r.randrange(10), zlib.DEFLATED, wbits, r.randrange(1, 10), r.randrange(5))
    pieces = []
    while data:
        n = r.randrange(1, len(data) + 1)
        flush = r.choice([zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
        pieces.append(c.compress(data[:n]) + c.flush(flush))
        data = data[n:]
    return pieces + [c.flush()]


def damaged(r, s):
    s = bytearray(s)
    k = r.random()
    if k < 0.6 and s:
        for _ in range(r.randrange(1, 4)):
            s[r.randrange(min(len(s), r.choice([4, 40, 100000])))] ^= 1 << r.randrange(8)
    elif k < 0.7:
        del s[r.randrange(len(s) + 1):]
    elif k < 0.75:
        s += r.randbytes(3)
    return bytes(s)


def raw(r, kat):
    s = damaged(r, b"".join(compressed(r, some_data(r), -r.randrange(9, 16))))
    d = zlib.decompressobj(-15)
    try:
        want = [d.decompress(s)]
    except zlib.error:
        want = None
    if not d.eof or d.unused_data:
        want = None
    return kat.ask("inflate", str(MAX), s), want, s


def packets(r, kat):
    pieces = compressed(r, some_data(r), r.randrange(9, 16))[:-1] or [b""]
    at = r.randrange(len(pieces))
    pieces[at] = damaged(r, pieces[at])
    d = zlib.decompressobj()
    try:
        want = [d.decompress(p) for p in pieces]
    except zlib.error:
        want = None
    if d.unused_data:
        want = None
    return kat.ask("zlib-inflate", str(MAX), *pieces), want, b"|".join(pieces)


def deflate(r, kat):
    want = [some_data(r) for _ in range(r.randrange(1, 8))]
    d = zlib.decompressobj()
    return [d.decompress(p) for p in kat.ask("zlib-deflate", *want)], want, b"|".join(want)


def main():
    what = {"raw": raw, "packets": packets, "deflate": deflate}[sys.argv[2]]
    end = time.monotonic() + float(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 32)
    r, kat, n = random.Random(seed), Kat(sys.argv[1]), 0
    while time.monotonic() < end:
        got, want, stream = what(r, kat)
        if got != want:
            sys.exit(f"seed {seed}, number {n}: kat and zlib differ about {stream.hex()[:4000]}")
        n += 1
    print(f"{n} streams, seed {seed}")


main()
