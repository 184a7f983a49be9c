#!/usr/bin/env python3
"""Writes openconnect.json: LZS by openconnect, for the vectors of gpcomp/lzs.json.

  vectors/gen/openconnect.py LZS_C        in the root of the repository

LZS_C is lzs.c of openconnect's sources (recorded at their commit ca7bc365), which is
compiled with cc. It looks for long copies one after the other, so that its codes are
not always the shortest.
"""
import ctypes
import hashlib
import json
import os
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as tmp:
    open(os.path.join(tmp, "config.h"), "w").close()
    with open(os.path.join(tmp, "openconnect-internal.h"), "w") as f:
        f.write("#include <stddef.h>\nstruct oc_packed_uint16_t { unsigned short d; } __attribute__((packed));\n")
    lib = os.path.join(tmp, "lzs.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-w", "-I", tmp, "-o", lib, sys.argv[1]], check=True)
    lzs = ctypes.CDLL(lib)


def compress(p):
    out = ctypes.create_string_buffer(2 * len(p) + 100)
    n = lzs.lzs_compress(out, len(out), p, len(p))
    assert n > 0
    back = ctypes.create_string_buffer(len(p) + 1)
    assert lzs.lzs_decompress(back, len(p), out.raw[:n] + b"\0", n + 1) == len(p) and back.raw[:len(p)] == p
    return out.raw[:n]


out = []


def add(comment, p):
    out.append({"comment": comment, "payload": p.hex(), "code": compress(p).hex()})


for part, names in [("train", ["linkformat", "coap"]), ("test", sorted(n[:-4] for n in os.listdir("testdata/payloads/test")))]:
    for name in names:
        with open("testdata/payloads/%s/%s.hex" % (part, name)) as f:
            add("testdata/payloads/%s/%s.hex, line 1" % (part, name), bytes.fromhex(f.readline()))
noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40))
add("noise", noise[:200])
add("300 bytes of noise, five times", noise[:300] * 5)
add("1,200 bytes of noise, twice", noise[:1200] * 2)
add("copies at 2040 to 2047 bytes", b"".join(b"%d;" % (i % 409) for i in range(1200))[:4000])
add("one byte, 4,000 times", b"\0" * 4000)
json.dump(out, open("vectors/gen/openconnect.json", "w"), indent=1)
