#!/usr/bin/env python3
"""Records test/recorded-*.hex: payloads that real programs make.

  testdata/payloads/record.py          in the root of the repository

Needs rtl_433 and gpsdecode (Debian: rtl-433, gpsd-clients). What they print depends on
the clock and on their version, so that another run writes other payloads.
"""
import functools
import operator
import os
import random
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
R = random.Random(20261126)


def write(name, payloads):
    """Writes the payloads of 20 to 500 bytes, each once."""
    seen = dict.fromkeys(p for p in payloads if 20 <= len(p) <= 500)
    with open(os.path.join(HERE, "test", "recorded-%s.hex" % name), "w") as f:
        f.writelines(p.hex() + "\n" for p in seen)
    print(name, len(seen))


def libcoap():
    """The UDP payloads of ../captures/coap.pcap: libcoap's client and server."""
    data = open(os.path.join(HERE, "..", "captures", "coap.pcap"), "rb").read()
    at = 24
    while at < len(data):
        n = struct.unpack("<I", data[at + 8:at + 12])[0]
        yield data[at + 16 + 14 + 40 + 8:at + 16 + n]
        at += 16 + n


def rtl433():
    """What rtl_433 prints for frames of sensors and remote controls."""
    frames = []
    for _ in range(20):
        temp = R.randrange(-150, 350) & 0xfff
        nexus = "%02x%x%03xf%02x" % (R.randrange(256), 8 | R.randrange(3), temp, R.randrange(20, 96))
        prologue = "9%02x%x%03x%02x" % (R.randrange(256), R.randrange(4), temp, R.randrange(20, 96))
        frames.append("/".join(["{36}" + nexus] * 4))
        frames.append("/".join(["{37}" + prologue + "0"] * 5))
        frames.append("{25}%06x80" % R.randrange(1 << 24))
    for f in frames:
        out = subprocess.run(["rtl_433", "-F", "json", "-M", "time:iso", "-y", f], capture_output=True, text=True).stdout
        for line in out.splitlines():
            yield line.encode()


def gpsd():
    """What gpsd's decoder makes of the sentences of a receiver that moves."""
    def sentence(s):
        return "$%s*%02X\r\n" % (s, functools.reduce(operator.xor, s.encode()))
    lat, lon, text = 4807.1, 1133.9, ""
    for i in range(60):
        time = "%02d%02d%02d.00" % (12, 30 + i // 60, i % 60)
        lat, lon = lat + R.uniform(-.02, .02), lon + R.uniform(0, .03)
        text += sentence("GPGGA,%s,%.4f,N,%09.4f,E,1,%02d,%.1f,%.1f,M,47.0,M,," % (time, lat, lon, R.randrange(5, 13), R.uniform(.8, 3), R.uniform(510, 530)))
        text += sentence("GPGSA,A,3,02,05,12,15,20,24,25,29,,,,,1.8,0.9,1.5")
        text += sentence("GPRMC,%s,A,%.4f,N,%09.4f,E,%.1f,%.1f,140326,,,A" % (time, lat, lon, R.uniform(0, 30), R.uniform(0, 360)))
    return [line.encode() for line in subprocess.run(["gpsdecode", "-j"], input=text, capture_output=True, text=True).stdout.splitlines()]


write("libcoap", libcoap())
write("rtl433", rtl433())
write("gpsd", gpsd())
