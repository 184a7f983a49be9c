#!/usr/bin/env python3
"""Writes vectors/dietesp/*.json: Diet-ESP from the drafts' text, on strings of bits.

    python3 vectors/gen/dietesp.py vectors/dietesp

It shares no code with the packages under test, and needs python3-cryptography.
draft-ietf-ipsecme-diet-esp-10 is "-10" here, draft-mglt-ipsecme-diet-esp-10 of June
2023 is "2023". docs/diet-esp.md has the decisions where they leave room.
"""

import hashlib
import hmac
import ipaddress
import json
import os
import struct
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

TCP, UDP, SCTP, UDPLITE = 6, 17, 132, 136


# Bits and checksums.

def bits(value, width):
    return format(value, "0%db" % width) if width else ""


def to_bytes(s):
    assert len(s) % 8 == 0
    return bytes(int(s[i:i + 8], 2) for i in range(0, len(s), 8))


def from_bytes(b):
    return "".join(bits(x, 8) for x in b)


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# Packets.

def addr(text):
    return ipaddress.ip_address(text).packed


def sum_l4(src, dst, proto, segment, at):
    """Writes the checksum of a segment at an offset."""
    src, dst = addr(src), addr(dst)
    if len(src) == 16:
        pseudo = src + dst + struct.pack(">II", len(segment), proto)
    else:
        pseudo = src + dst + struct.pack(">BBH", 0, proto, len(segment))
    value = checksum(pseudo + segment)
    if value == 0 and proto in (UDP, UDPLITE):
        value = 0xFFFF
    return segment[:at] + struct.pack(">H", value) + segment[at + 2:]


def udp(src, dst, sport, dport, data, proto=UDP):
    return sum_l4(src, dst, proto, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data, 6)


def tcp(src, dst, sport, dport, data, options=b""):
    offset = (5 + len(options) // 4) << 4
    head = struct.pack(">HHIIBBHHH", sport, dport, 0x01020304, 0x05060708, offset, 0x18, 0xFAF0, 0, 0)
    return sum_l4(src, dst, TCP, head + options + data, 16)


def sctp(sport, dport, tag, chunks):
    p = struct.pack(">HHII", sport, dport, tag, 0) + chunks
    return p[:8] + struct.pack("<I", crc32c(p)) + p[12:]


def ipv6(src, dst, proto, rest, tc=0, label=0, hops=64):
    return struct.pack(">IHBB", 6 << 28 | tc << 20 | label, len(rest), proto, hops) + addr(src) + addr(dst) + rest


def sum_ipv4(header):
    return header[:10] + struct.pack(">H", checksum(header[:10] + b"\0\0" + header[12:])) + header[12:]


def ipv4(src, dst, proto, rest, tos=0, ident=0, flags=0x4000, ttl=64, options=b""):
    n = 20 + len(options)
    h = struct.pack(">BBHHHBBH", 0x40 | n // 4, tos, n + len(rest), ident, flags, ttl, proto, 0)
    return sum_ipv4(h + addr(src) + addr(dst) + options) + rest


def version(pkt):
    return pkt[0] >> 4


def header_len(pkt):
    return 40 if version(pkt) == 6 else (pkt[0] & 15) * 4


def protocol(pkt):
    return pkt[6] if version(pkt) == 6 else pkt[9]


def with_protocol(header, n):
    at = 6 if version(header) == 6 else 9
    return header[:at] + bytes([n]) + header[at + 1:]


def join(header, body):
    """header and body with the length and the IPv4 checksum of the whole."""
    if version(header) == 6:
        return header[:4] + struct.pack(">H", len(header) - 40 + len(body)) + header[6:] + body
    return sum_ipv4(header[:2] + struct.pack(">H", len(header) + len(body)) + header[4:]) + body


class SA:
    """An entry of an SA file with attributes."""

    def __init__(self, entry):
        self.entry, d = entry, entry["diet"]
        self.diet = d
        self.spi = int(entry["spi"], 16)
        self.key = bytes.fromhex(entry["key"])
        self.encr = entry["encr"]
        self.tunnel = entry["mode"] == "tunnel"
        self.old = d.get("profile") == "ehc-2023"
        unit = 8 if self.old else 1
        self.spi_lsb = d.get("esp_spi_lsb", 32 // unit) * unit
        self.sn_lsb = d.get("esp_sn_lsb", 32 // unit) * unit
        self.align = int(d.get("alignment", "32 bit" if self.old else "64 bit").split()[0]) // 8
        self.block = 16 if "cbc" in self.encr else 1
        self.mandatory = d.get("esp_trailer") == "Mandatory"
        self.sent_ids = d.get("rule_id") == "sent"
        self.whole = d.get("iipc_profile") == "iipc_not_compressed"
        protos = d.get("ts_proto_list", d.get("ts_proto", []))
        names = {"UDP": UDP, "TCP": TCP, "SCTP": SCTP, "UDP-Lite": UDPLITE}
        self.protos = [names.get(p, p) for p in (protos if isinstance(protos, list) else [protos])]
        self.label = d.get("flow_label_action", "not_compressed")
        if self.old:
            self.label = "lower" if d.get("ts_flow_label", True) else "not_compressed"

    # ESP itself (RFC 4303, 4106, 4309, 7634, 8750).

    def iv(self, seq):
        if self.encr.endswith("iiv") or self.encr == "null":
            return b""
        if "cbc" in self.encr:
            return Cipher(algorithms.AES(self.key), modes.ECB()).encryptor().update(struct.pack(">QQ", 0, seq))
        return struct.pack(">Q", seq)

    def seal(self, seq, iv, clear):
        esn = self.entry.get("esn", False)
        aad = struct.pack(">I", self.spi) + struct.pack(">Q" if esn else ">I", seq)
        nonce = iv or struct.pack(">Q", seq)
        name = self.encr.replace("iiv", "")
        if "gcm" in name:
            icv = int(name.split("gcm")[1])
            return AESGCM(self.key[:-4]).encrypt(self.key[-4:] + nonce, clear, aad)[:len(clear) + icv]
        if "ccm" in name:
            icv = int(name.split("ccm")[1])
            return AESCCM(self.key[:-3], tag_length=icv).encrypt(self.key[-3:] + nonce, clear, aad)
        if "chacha" in name:
            return ChaCha20Poly1305(self.key[:-4]).encrypt(self.key[-4:] + nonce, clear, aad)
        text = clear
        if "cbc" in name:
            text = Cipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor().update(clear)
        mac = struct.pack(">II", self.spi, seq & 0xFFFFFFFF) + iv + text + (struct.pack(">I", seq >> 32) if esn else b"")
        return text + hmac.new(bytes.fromhex(self.entry["auth_key"]), mac, hashlib.sha256).digest()[:16]

    # IIPC (-10, Section 6.1).

    def low(self, value, start, end):
        """The bits behind the common prefix of a range."""
        n = (start ^ end).bit_length()
        assert value >> n == start >> n
        return bits(value & (1 << n) - 1, n)

    def address(self, value, which):
        start = self.diet.get("ts_ip_%s_start" % which)
        if start is None:
            return from_bytes(value)
        end = self.diet.get("ts_ip_%s_end" % which, start)
        return self.low(int.from_bytes(value, "big"), int.from_bytes(addr(start), "big"), int.from_bytes(addr(end), "big"))

    def port(self, value, which):
        start = self.diet.get("ts_port_%s_start" % which, 0)
        end = self.diet.get("ts_port_%s_end" % which, start)
        n = int.from_bytes(value, "big")
        return self.low(n, start, end) if end else bits(n, 16)

    def one_of(self, values, value):
        return bits(values.index(value), (len(values) - 1).bit_length())

    def dscp(self, value):
        values = self.diet.get("dscp_list", self.diet.get("ts_dsp_list"))
        if values:
            return self.one_of(values, value)
        lower = self.old or self.diet.get("dscp_action") == "lower"
        return "" if lower else bits(value, 6)

    def ecn(self, value):
        lower = self.old or self.diet.get("ecn_action") == "lower"
        return "" if lower else bits(value, 2)

    def next(self, value):
        return self.one_of(self.protos, value) if self.protos else bits(value, 8)

    def hops(self, value):
        return bits(value, 8) if self.diet.get("hop_limit") == "value-sent" else ""

    def ip(self, pkt):
        """The residue of the IP header."""
        if version(pkt) == 6:
            word, _, proto, hops = struct.unpack(">IHBB", pkt[:8])
            tc = word >> 20 & 255
            s = self.dscp(tc >> 2) + self.ecn(tc & 3)
            if self.label == "not_compressed":
                s += bits(word & 0xFFFFF, 20)
            s += self.next(proto) + self.hops(hops)
            return s + self.address(pkt[8:24], "src") + self.address(pkt[24:40], "dst")
        first, tos, _, ident, flags, ttl, proto, _ = struct.unpack(">BBHHHBBH", pkt[:12])
        s = bits(first & 15, 4) + self.dscp(tos >> 2) + self.ecn(tos & 3)
        if self.label == "not_compressed":
            s += bits(ident, 16)
        s += bits(flags, 16) + self.hops(ttl) + self.next(proto)
        return s + self.address(pkt[12:16], "src") + self.address(pkt[16:20], "dst")

    def transport(self, proto, segment):
        """The residue of the transport header, and what follows it."""
        if len(self.protos) != 1 and not self.old:
            return "", segment  # any: IP alone
        if proto not in (TCP, UDP, SCTP, UDPLITE):
            return "", segment
        s = self.port(segment[:2], "src") + self.port(segment[2:4], "dst")
        if proto == TCP:
            return s + from_bytes(segment[4:16] + segment[18:20]), segment[20:]
        if proto == SCTP:
            return s + from_bytes(segment[4:8]), segment[12:]
        return s, segment[8:]

    def inner(self, pkt):
        """What IIPC makes of a packet: the residue and what follows it."""
        n = header_len(pkt)
        if self.whole:
            return None, pkt if self.tunnel else pkt[n:]
        if self.tunnel:
            head = self.ip(pkt)
            residue, rest = self.transport(protocol(pkt), pkt[40 if version(pkt) == 6 else 20:])
            return head + residue, rest
        if not self.old and (len(self.protos) != 1 or protocol(pkt) not in (TCP, UDP, SCTP, UDPLITE)):
            return None, pkt[n:]
        return self.transport(protocol(pkt), pkt[n:])

    # CTEC (-10, Section 6.2).

    def clear(self, pkt):
        residue, payload = self.inner(pkt)
        last = protocol(pkt)
        if self.tunnel:
            last = 41 if version(pkt) == 6 else 4
        if self.mandatory:
            next_header = bits(last, 8)
        else:
            next_header = "" if self.tunnel else self.next(last)
        align = max(self.align, self.block)
        if self.old:
            return self.clear2023(residue or "", payload, next_header, align)
        if residue is not None and self.sent_ids:
            residue = bits(1, 8) + residue
        residue = residue or ""
        text = to_bytes(residue + "0" * (-len(residue) % 8)) + payload
        rule_id = b"\2" if self.sent_ids else b""
        if align == 1 and not self.mandatory:
            return text + rule_id + to_bytes(next_header)
        pad = -(len(text) + len(rule_id) + 1 + len(next_header) // 8) % align
        return text + rule_id + bytes(range(1, pad + 1)) + bytes([pad]) + to_bytes(next_header)

    def clear2023(self, residue, payload, next_header, align):
        """2023, "ESP Compression": zero bits, then how many there are."""
        size = (align * 8).bit_length() - 1
        if align == 1 and (len(residue) + len(next_header)) % 8 == 0:
            size = 0  # nothing ever needs padding
        s = residue + from_bytes(payload) + next_header
        pad = -(len(s) + size) % (align * 8)
        return to_bytes(s + "0" * pad + bits(pad, size))

    # EEC (-10, Section 6.3), and the whole packet.

    def outer(self, pkt):
        if version(pkt) == 6:
            word = struct.unpack(">I", pkt[:4])[0]
            tc, label = word >> 20 & 255, word & 0xFFFFF
        else:
            tc, label = pkt[1], struct.unpack(">H", pkt[4:6])[0]
        if self.label != "lower" or self.whole:
            label = 0
        src, dst = self.entry["src"], self.entry["dst"]
        if ":" in src:
            return ipv6(src, dst, 0, b"", tc=tc, label=label)
        return ipv4(src, dst, 0, b"", tos=tc, ident=label & 0xFFFF)

    def front(self, pkt, proto):
        header = self.outer(pkt) if self.tunnel else pkt[:header_len(pkt)]
        return with_protocol(header, proto)

    def packet(self, pkt, seq, clear=None):
        if clear is None:
            clear = self.clear(pkt)
        head = bits(3, 8) if self.sent_ids else ""
        head += bits(self.spi & (1 << self.spi_lsb) - 1, self.spi_lsb) + bits(seq & (1 << self.sn_lsb) - 1, self.sn_lsb)
        iv = self.iv(seq)
        return join(self.front(pkt, 145), to_bytes(head) + iv + self.seal(seq, iv, clear))

    def standard(self, pkt, seq):
        """The packet as standard ESP, with the least padding."""
        text, last = pkt, 41 if version(pkt) == 6 else 4
        if not self.tunnel:
            text, last = pkt[header_len(pkt):], protocol(pkt)
        pad = -(len(text) + 2) % max(4, self.block)
        clear = text + bytes(range(1, pad + 1)) + bytes([pad, last])
        iv = self.iv(seq)
        body = struct.pack(">II", self.spi, seq & 0xFFFFFFFF) + iv + self.seal(seq, iv, clear)
        return join(self.front(pkt, 50), body)


# The tests.

AES = "000102030405060708090a0b0c0d0e0f"
CHACHA = bytes(range(36)).hex()
KEYS = {"gcm": AES + "10111213", "ccm": AES + "101112", "chacha": CHACHA, "cbc": AES, "null": ""}
A, B, GA, GB = "2001:db8:1::2", "2001:db8:2::1", "2001:db8::1", "2001:db8::2"
A4, B4, HA, HB = "10.1.0.2", "10.2.0.1", "192.0.2.1", "192.0.2.2"
APP = b"application"
NOTES = {"OpenOnly": "a sender makes another packet", "Dummy": "opens to nothing: a dummy packet (RFC 4303, 2.6)"}


class Group:
    """The packets that one receiver gets."""

    def __init__(self, groups, encr, diet, mode="tunnel", src=GA, dst=GB, **more):
        key = next(k for name, k in KEYS.items() if name in encr)
        self.entry = {"spi": "0x1001", "src": src, "dst": dst, "mode": mode, "encr": encr, "key": key}
        if encr in ("aes128cbc", "null"):
            self.entry.update(auth="sha256", auth_key=bytes(range(0x80, 0xA0)).hex())
        self.entry.update(more, diet=diet)
        self.sa = SA(self.entry)
        self.seq = more.get("seq", 0)
        self.tests = []
        groups.append(self)

    def add(self, comment, result, seq, **keys):
        self.tests.append(dict(keys, comment=comment, seq=seq, result=result))
        return self

    def ok(self, comment, pkt, seq=None, standard=True):
        self.seq = seq or self.seq + 1
        self.last = self.sa.packet(pkt, self.seq)
        keys = {"inner": pkt.hex(), "clear": self.sa.clear(pkt).hex(), "packet": self.last.hex()}
        if standard:
            keys["standard"] = self.sa.standard(pkt, self.seq).hex()
        return self.add(comment, "valid", self.seq, **keys)

    def refused(self, comment, pkt, standard=True, result="no-rule"):
        keys = {"inner": pkt.hex()}
        if standard:
            keys["standard"] = self.sa.standard(pkt, self.seq + 1).hex()
        return self.add(comment, result, self.seq + 1, **keys)

    def bad(self, comment, packet, result, seq=0):
        return self.add(comment, result, seq, packet=packet.hex())


def u6(data=APP, sport=5001, dport=4500, src=A, dst=B, **ip):
    return ipv6(src, dst, UDP, udp(src, dst, sport, dport, data), **ip)


def t6(data=APP, sport=5001, dport=4500, src=A, dst=B, options=b"", **ip):
    return ipv6(src, dst, TCP, tcp(src, dst, sport, dport, data, options), **ip)


def drafts():
    """The drafts' examples, with 11 bytes of payload."""
    gs = []
    iot = {"profile": "ehc-2023", "alignment": "8 bit", "esp_spi_lsb": 0, "esp_sn_lsb": 2, "ts_flow_label": True,
           "ts_ip_src_start": A, "ts_ip_dst_start": B, "ts_proto_list": ["UDP"], "ts_port_src_start": 5001,
           "ts_port_dst_start": 4500, "ts_dsp_list": [0]}
    g = Group(gs, "aes128ccm8iiv", iot)
    g.ok("June 2023, single UDP session: 59 bytes less", u6())
    g.ok("a flow label, in the outer header", u6(b"x" * 7, label=0xABCDE))
    g.ok("ECN, in the outer header", u6(b"", tc=1))
    g.refused("a DSCP that is not listed", u6(tc=0xB8))
    g = Group(gs, "aes128ccm8iiv", dict(iot, ts_proto_list=["TCP"]))
    g.ok("June 2023, single TCP session: 57 bytes less", t6())
    g.ok("with options, which are payload", t6(options=b"\1\1\x08\x0a12345678"))
    vpn = {"profile": "ehc-2023", "alignment": "8 bit", "esp_spi_lsb": 2, "esp_sn_lsb": 2, "ts_flow_label": True,
           "ts_ip_src_start": A, "ts_ip_version": "IPv6-only", "ts_dsp_list": [0]}
    g = Group(gs, "aes128gcm16", vpn)
    g.ok("June 2023, VPN, IPv6 in IPv6, TCP: 34 bytes less", t6(sport=40000, dport=443))
    g.ok("UDP in the same SA", u6(sport=40000, dport=443))
    g.ok("ICMPv6 in the same SA: nothing but IPv6 is compressed", ipv6(A, B, 58, b"\x80\0\x12\x34abcdefgh"))
    vpn4 = {"profile": "ehc-2023", "alignment": "8 bit", "esp_spi_lsb": 2, "esp_sn_lsb": 2, "ts_flow_label": True,
            "ts_ip_src_start": A4, "ts_dsp_list": [0]}
    g = Group(gs, "aes128gcm16", vpn4, src=HA, dst=HB)
    segment = tcp(A4, B4, 40000, 443, APP)
    g.ok("June 2023, VPN, IPv4 in IPv4, TCP: 23 bytes less", ipv4(A4, B4, TCP, segment))
    g.ok("with an identification", ipv4(A4, B4, TCP, segment, ident=0x1234))
    g.ok("SCTP in the same SA", ipv4(A4, B4, SCTP, sctp(40000, 443, 0xDEADBEEF, b"\0\3\0\x10abcdefghijkl")))
    a1 = {"dscp_action": "lower", "ecn_action": "lower", "alignment": "8 bit", "esp_spi_lsb": 8, "esp_sn_lsb": 8,
          "ts_ip_src_start": A, "ts_ip_dst_start": B, "ts_proto": "UDP", "ts_port_src_start": 5001,
          "ts_port_dst_start": 4500}
    g = Group(gs, "aes128ccm8iiv", a1)
    g.ok("-10, Appendix A.1 with 8 bit alignment: 56 bytes less", u6())
    g.ok("a traffic class and a flow label", u6(tc=0xB9, label=0x12345))
    plain = udp(A, B, 5001, 4500, APP)
    g.refused("a checksum of zero", ipv6(A, B, UDP, plain[:6] + b"\0\0" + APP))
    g.refused("a wrong checksum", ipv6(A, B, UDP, plain[:6] + b"\1\1" + APP))
    g.refused("a wrong length", ipv6(A, B, UDP, plain[:4] + b"\0\x12" + plain[6:]))
    g.refused("bytes behind the UDP datagram", ipv6(A, B, UDP, plain + b"x"))
    g.refused("a hop limit that is not that of the outer header", u6(hops=63))
    g.refused("another port", u6(sport=5002))
    g.refused("another address", u6(src="2001:db8:1::3"))
    g.refused("TCP", t6())
    g.refused("behind an extension header", ipv6(A, B, 60, b"\x11\0\1\4\0\0\0\0" + plain))
    g = Group(gs, "aes128ccm8iiv", dict(a1, alignment="64 bit"))
    g.ok("-10, Appendix A.1 with 64 bit alignment as in its JSON: 54 bytes less", u6())
    a2 = dict(a1, ts_ip_src_start=GA, ts_ip_dst_start=GB, ts_port_src_start=1234, ts_port_dst_start=5678)
    g = Group(gs, "aes128ccm8iiv", a2, mode="transport")
    to = dict(src=GA, dst=GB, sport=1234, dport=5678)
    g.ok("-10, Appendix A.2, transport mode: 19 bytes less", u6(**to))
    g.ok("any traffic class, flow label and hop limit: the header stays", u6(tc=0xFF, label=0xFFFFF, hops=3, **to))
    g.refused("TCP", t6(**to))
    return "draft-mglt-ipsecme-diet-esp-10 (June 2023), Appendix; draft-ietf-ipsecme-diet-esp-10, Appendix A", gs


BASE = {"esp_spi_lsb": 8, "esp_sn_lsb": 16, "ts_ip_version": "IPv6-only", "hop_limit": "value-sent", "alignment": "8 bit"}
ONE = dict(BASE, ts_proto="UDP")


def attributes():
    """Every attribute with its values."""
    gs = []
    for align in ("8 bit", "16 bit", "32 bit", "64 bit"):
        for trailer in ("Optional", "Mandatory"):
            g = Group(gs, "aes128gcm16", dict(ONE, alignment=align, esp_trailer=trailer))
            for n in (0, 1, 2, 7, 8):
                g.ok("%s, %s trailer, %d bytes of payload" % (align, trailer, n), u6(bytes(range(97, 97 + n))))
    g = Group(gs, "aes128cbc", ONE)
    g.ok("a cipher of blocks: padding to 16 bytes in spite of 8 bit", u6()).ok("none is needed", u6(b"abcde"))
    Group(gs, "null", ONE).ok("NULL with HMAC", u6())
    for encr in ("aes128gcm8", "aes128ccm12", "chacha20poly1305", "chacha20poly1305iiv", "aes128gcm16iiv"):
        Group(gs, encr, ONE).ok(encr, u6()).ok(encr, u6(bytes(20), tc=1, label=5))
    for spi, sn in ((0, 0), (0, 8), (8, 0), (3, 5), (12, 12), (32, 32), (0, 32), (32, 0), (1, 31), (31, 9)):
        g = Group(gs, "aes128gcm16", dict(ONE, esp_spi_lsb=spi, esp_sn_lsb=sn))
        g.ok("%d bits of SPI, %d of Sequence Number" % (spi, sn), u6()).ok("the next", u6())
    g = Group(gs, "aes128gcm16", ONE, esn=True, seq=0xFFFFFFFE)
    g.ok("ESN: the last number of 32 bits", u6()).ok("ESN: 33 bits", u6())
    Group(gs, "aes128gcm16", dict(ONE, rule_id="sent")).ok("RuleIDs 1, 2 and 3", u6())
    Group(gs, "aes128gcm16", dict(ONE, rule_id="sent", alignment="32 bit")).ok("RuleIDs, with padding", u6())
    g = Group(gs, "aes128gcm16", dict(ONE, dscp_action="sa", dscp_list=[0, 46, 10]))
    g.ok("DSCP 0 of three", u6()).ok("DSCP 46", u6(tc=46 << 2 | 3)).ok("DSCP 10", u6(tc=40)).refused("DSCP 11", u6(tc=44))
    g = Group(gs, "aes128gcm16", dict(ONE, dscp_action="sa", dscp_list=[46]))
    g.ok("the one DSCP", u6(tc=46 << 2)).refused("another", u6())
    g = Group(gs, "aes128gcm16", dict(ONE, flow_label_action="zero"))
    g.ok("no flow label", u6()).refused("a flow label", u6(label=1))
    lower = dict(flow_label_action="lower", dscp_action="lower", ecn_action="lower")
    Group(gs, "aes128gcm16", dict(ONE, **lower)).ok("all from the outer header", u6(tc=0xBB, label=0xFEDCB))
    g = Group(gs, "aes128gcm16", dict(ONE, flow_label_action="lower"), src=HA, dst=HB)
    g.ok("IPv6 in IPv4: a flow label of 16 bits is the identification", u6(label=0xFEDC))
    g.refused("one of 17 bits", u6(label=0x1FEDC), standard=False)
    zero = ipv6(A, B, UDP, struct.pack(">HHHH", 5001, 4500, 8, 0))
    g = Group(gs, "aes128gcm16", dict(ONE, iipc_profile="iipc_not_compressed"))
    g.ok("nothing inside is compressed", u6()).ok("a checksum of zero comes back", zero)
    g = Group(gs, "aes128gcm16", dict(ONE, ts_ip_src_start="2001:db8:1::1", ts_ip_src_end="2001:db8:1::6",
                                      ts_port_src_start=5000, ts_port_src_end=5010))
    g.ok("ranges that are no powers of two: 3 bits of address, 5 of port", u6())
    g.refused("outside the prefix of the addresses", u6(src="2001:db8:1::8"))
    g.refused("outside the prefix of the ports", u6(sport=5024))
    g = Group(gs, "aes128gcm16", BASE)
    g.ok("any protocol: UDP stays whole", u6()).ok("with a checksum of zero", zero)
    g.ok("an extension header", ipv6(A, B, 60, b"\x11\0\1\4\0\0\0\0" + udp(A, B, 5001, 4500, APP)))
    g.ok("no next header", ipv6(A, B, 59, b""))
    g = Group(gs, "aes128gcm16", dict(BASE, ts_proto="TCP"))
    g.ok("TCP", t6()).ok("TCP with options", t6(sport=1, dport=2, options=b"\1\1\1\0"))
    g = Group(gs, "aes128gcm16", dict(BASE, ts_proto="UDP-Lite"))
    g.ok("UDP-Lite that covers all", ipv6(A, B, UDPLITE, udp(A, B, 5001, 4500, APP, UDPLITE)))
    g = Group(gs, "aes128gcm16", dict(BASE, ts_proto="SCTP"))
    g.ok("SCTP", ipv6(A, B, SCTP, sctp(5001, 4500, 0xCAFE, b"\0\3\0\x10abcdefghijkl")))
    Group(gs, "aes128gcm16", dict(BASE, ts_proto=58)).ok("ICMPv6", ipv6(A, B, 58, b"\x80\0\x12\x34abcdefgh"))
    four = dict(BASE, ts_ip_version="IPv4-only")
    plain = udp(A4, B4, 5001, 4500, APP)
    g = Group(gs, "aes128gcm16", dict(four, ts_proto="UDP"))
    g.ok("IPv4 in IPv6", ipv4(A4, B4, UDP, plain, tos=0xB9, ident=7, flags=0))
    g.ok("Flags and identification are sent", ipv4(A4, B4, UDP, plain, ident=8))
    g.refused("IPv4 options", ipv4(A4, B4, UDP, plain, options=b"\1\1\1\0"))
    wrong = ipv4(A4, B4, UDP, plain)
    g.refused("a wrong header checksum", wrong[:10] + b"\1\1" + wrong[12:])
    g = Group(gs, "aes128gcm16", dict(four, ts_proto="TCP", ts_ip_src_start=A4, ts_ip_dst_start=B4, **lower), src=HA, dst=HB)
    g.ok("IPv4 in IPv4", ipv4(A4, B4, TCP, tcp(A4, B4, 5001, 4500, APP), tos=3, ident=0xBEEF))
    g = Group(gs, "aes128gcm16", dict(four, ts_proto="UDP"), mode="transport", src=HA, dst=HB)
    g.ok("transport mode, IPv4", ipv4(HA, HB, UDP, udp(HA, HB, 5001, 4500, APP), ident=9, ttl=1))
    g = Group(gs, "aes128gcm16", BASE, mode="transport")
    g.ok("transport mode, any protocol: the Next Header is sent", u6(src=GA, dst=GB))
    g = Group(gs, "aes128gcm16", dict(BASE, ts_proto="TCP", esp_trailer="Mandatory", alignment="32 bit"), mode="transport")
    g.ok("transport mode, mandatory trailer", t6(src=GA, dst=GB))
    old = {"profile": "ehc-2023", "esp_spi_lsb": 1, "esp_sn_lsb": 2, "ts_ip_version": "IPv6-only", "hop_limit": "value-sent"}
    g = Group(gs, "aes128gcm16", dict(old, ts_proto_list=["UDP", "TCP", "SCTP"]))
    for n in range(5):
        g.ok("June 2023, 32 bit, UDP of three protocols, %d bytes" % n, u6(bytes(range(97, 97 + n))))
    g.ok("TCP of three", t6()).refused("a protocol that is not listed", ipv6(A, B, 58, b"\x80\0\x12\x34abcdefgh"))
    g = Group(gs, "aes128gcm16", dict(old, ts_flow_label=False, alignment="8 bit", ts_dsp_list=[0, 46, 10], ts_proto_list=["UDP"]))
    g.ok("June 2023, 8 bit, the flow label sent, 2 bits of DSCP", u6(label=0x54321)).ok("DSCP 10", u6(b"abc", tc=40))
    Group(gs, "aes128cbc", dict(old, ts_proto_list=["UDP"])).ok("June 2023, blocks: 7 bits of size", u6())
    g = Group(gs, "aes128gcm16", dict(old, ts_proto_list=["UDP", "TCP"], alignment="8 bit"), mode="transport")
    g.ok("June 2023, transport mode, UDP of two", u6(src=GA, dst=GB)).ok("TCP of two", t6(src=GA, dst=GB))
    return "draft-ietf-ipsecme-diet-esp-10, Sections 4.2, 6 and 7; draft-mglt-ipsecme-diet-esp-10 (June 2023)", gs


def receiver():
    """What a receiver does with losses, replays and what nobody sends."""
    gs = []
    eight = dict(ONE, esp_sn_lsb=8)
    g = Group(gs, "aes128gcm16", eight)
    sa, pkt = g.sa, u6()

    def verifies(group, comment, seq, clear, result="malformed"):
        group.bad("verifies, " + comment, group.sa.packet(pkt, seq, clear), result, seq)

    g.ok("the first", pkt)
    g.bad("again", g.last, "replay")
    g.ok("one was lost", pkt, seq=3, standard=False)
    third = g.last
    g.ok("the lost one comes late", pkt, seq=2, standard=False)
    g.bad("and again", g.last, "replay").bad("the third again", third, "replay")
    g.ok("200 were lost", pkt, seq=204, standard=False)
    g.ok("255 were lost", pkt, seq=460, standard=False)
    g.ok("1000 were lost", pkt, seq=1461, standard=False)
    g.bad("5120 further: not within 8 verifications", sa.packet(pkt, 1461 + 256 * 20), "auth")
    g.bad("left of the window", sa.packet(pkt, 1461 - 64), "replay")
    g.ok("the oldest in the window", pkt, seq=1461 - 63, standard=False)
    good = sa.packet(pkt, 1462)
    places = {40: "the SPI", 41: "the Sequence Number", 42: "the IV", 50: "the clear text", len(good) - 1: "the ICV"}
    for at, what in places.items():
        flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
        g.bad("a flipped bit of " + what, flipped, "no-sa" if at == 40 else "auth")
    outer = good[:3] + bytes([good[3] ^ 1]) + good[4:7] + bytes([good[7] ^ 1]) + good[8:]
    g.add("the outer hop limit and flow label are not protected: nothing is taken from them here", "valid", 1462,
          flags=["OpenOnly"], inner=pkt.hex(), packet=outer.hex())
    for n in (10, 41, 42, 50, 60):
        g.bad("the first %d bytes" % n, good[:n], "truncated")

    def cut(n):
        return good[:4] + struct.pack(">H", n - 40) + good[6:n]

    g.bad("cut to its SPI, with the length", cut(41), "truncated")
    g.bad("cut into the ICV, with the length", cut(60), "truncated")
    g.bad("one byte less, with the length", cut(len(good) - 1), "auth")
    g.bad("no Diet-ESP but ESP", sa.standard(pkt, 1463), "no-sa")
    g.bad("between other addresses", good[:8] + addr("2001:db8::9") + good[24:], "no-sa")
    verifies(g, "but is empty", 1463, b"")
    verifies(g, "but ends in the residue", 1464, sa.clear(pkt)[:30])
    g = Group(gs, "aes128gcm16", dict(eight, ts_ip_src_start=A, ts_ip_src_end="2001:db8:1::3"))
    g.ok("197 bits of residue, 3 of padding", pkt)
    text = g.sa.clear(pkt)
    verifies(g, "with a bit set in the padding of the residue", 2, text[:24] + bytes([text[24] | 4]) + text[25:])
    g = Group(gs, "aes128gcm16", dict(eight, alignment="64 bit"))
    g.ok("with padding", u6(b"abc"))
    text = g.sa.clear(u6(b"abc"))
    pad = text[-1]
    verifies(g, "with other padding (RFC 4303, Section 2.4)", 2, text[:-1 - pad] + bytes([9] * pad) + text[-1:])
    verifies(g, "with more padding than there is", 3, text[:-1] + b"\xff")
    g = Group(gs, "aes128gcm16", dict(eight, esp_trailer="Mandatory"))
    g.ok("a mandatory trailer", pkt)
    g.add("a dummy packet (RFC 4303, Section 2.6)", "valid", 2, flags=["Dummy"], packet=g.sa.packet(pkt, 2, b"\0\x3b").hex())
    verifies(g, "with the Next Header of IPv4", 3, g.sa.clear(pkt)[:-1] + b"\x04")
    g = Group(gs, "aes128gcm16", dict(eight, esp_spi_lsb=0, esp_sn_lsb=0))
    g.ok("nothing of SPI and Sequence Number: 1", pkt).ok("2", pkt).ok("3", pkt)
    g.bad("and again", g.last, "replay").ok("two were lost: 6", pkt, seq=6, standard=False)
    g = Group(gs, "aes128gcm16", eight, seq=0xFFFFFFFE)
    g.ok("the last number", pkt)
    g.refused("no number is left", pkt, standard=False, result="exhausted")
    return "draft-ietf-ipsecme-diet-esp-10, Section 9; RFC 4303", gs


def write(path, spec, groups):
    count, used = 0, set()
    for g in groups:
        for t in g.tests:
            count += 1
            used.update(t.get("flags", []))
            t["id"] = count
    notes = ",".join("\n  %s: %s" % (json.dumps(f), json.dumps(NOTES[f])) for f in sorted(used))
    out = '{"schema": "diet-esp-1", "spec": %s, "numberOfTests": %d,\n "notes": {%s},\n "groups": [\n' % (json.dumps(spec), count, notes)
    order = ("id", "comment", "flags", "seq", "inner", "clear", "packet", "standard", "result")

    def line(v):
        return json.dumps(v, separators=(",", ":"))

    texts = []
    for g in groups:
        tests = ",\n".join("    " + line({k: t[k] for k in order if k in t}) for t in g.tests)
        texts.append('  {"source": "independent",\n   "sa": %s,\n   "tests": [\n%s\n  ]}' % (line(g.entry), tests))
    with open(path, "w") as f:
        f.write(out + ",\n".join(texts) + "\n ]}\n")


if __name__ == "__main__":
    for name, make in (("drafts.json", drafts), ("attributes.json", attributes), ("receiver.json", receiver)):
        write(os.path.join(sys.argv[1], name), *make())
