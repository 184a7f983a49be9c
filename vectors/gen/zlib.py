#!/usr/bin/env python3
"""Writes zlib.json: raw DEFLATE by zlib, for the vectors of gpcomp/deflate.json.

  vectors/gen/zlib.py        in the root of the repository

Other versions of zlib may write other codes, which are as good.
"""
import hashlib
import json
import zlib

DICT = open("gpcomp/deflate/iot-1.dict", "rb").read()


def noise(n):
    out, i = b"", 0
    while len(out) < n:
        out += hashlib.sha256(b"%d" % i).digest()
        i += 1
    return out[:n]


def lines(name):
    return [bytes.fromhex(x) for x in open("testdata/payloads/test/%s.hex" % name).read().split()]


def raw(p, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, zdict=None, flush=None, wbits=-15):
    c = zlib.compressobj(level, zlib.DEFLATED, wbits, 9, strategy, zdict) if zdict else zlib.compressobj(level, zlib.DEFLATED, wbits, 9, strategy)
    if flush is None:
        return c.compress(p) + c.flush()
    half = len(p) // 2
    return c.compress(p[:half]) + c.flush(flush) + c.compress(p[half:]) + c.flush()


out = []


def add(comment, p, **how):
    code = raw(p, **how)
    d = zlib.decompressobj(-15, zdict=how["zdict"]) if "zdict" in how else zlib.decompressobj(-15)
    assert d.decompress(code) == p and d.eof
    out.append({"comment": comment, "dict": "zdict" in how, "payload": p.hex(), "code": code.hex()})


text = lines("senml-json")[0]
add("nothing", b"")
add("one byte", b"a")
add("a long copy that overlaps itself", b"\0" * 1000)
add("noise, which is stored", noise(100))
add("text, level 1", text, level=1)
add("text, level 9", text)
add("text, the fixed code", text, strategy=zlib.Z_FIXED)
add("text, literals only", text, strategy=zlib.Z_HUFFMAN_ONLY)
add("text, runs only", text, strategy=zlib.Z_RLE)
add("text, not compressed", text, level=0)
add("text in two parts with an empty block between them", text, flush=zlib.Z_SYNC_FLUSH)
add("text in two parts that do not refer to each other", text, flush=zlib.Z_FULL_FLUSH)
add("text, a window of 512 bytes", text * 3, wbits=-9)
for name in ["linkformat", "coap", "cbor-maps", "lwm2m", "recorded-gpsd", "recorded-rtl433", "unseen-cwt"]:
    add("testdata/payloads/test/%s.hex, line 1" % name, lines(name)[0])
add("nothing", b"", zdict=DICT)
add("the dictionary itself", DICT[-258:], zdict=DICT)
add("the beginning of the dictionary", DICT[:64], zdict=DICT)
for name in ["linkformat", "senml-json", "senml-cbor", "coap", "cbor-maps", "lwm2m", "lwm2m-tlv", "json-telemetry", "json-events", "json-ocf",
             "recorded-libcoap", "recorded-gpsd", "recorded-rtl433", "unseen-cwt", "unseen-oscore", "unseen-ngsild"]:
    add("testdata/payloads/test/%s.hex, line 1" % name, lines(name)[0], zdict=DICT)
add("literals only", text, zdict=DICT, strategy=zlib.Z_HUFFMAN_ONLY)
add("the fixed code", text, zdict=DICT, strategy=zlib.Z_FIXED)
json.dump({"zlib": zlib.ZLIB_RUNTIME_VERSION, "tests": out}, open("vectors/gen/zlib.json", "w"), indent=1)
