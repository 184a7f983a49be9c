#!/usr/bin/env python3
"""Writes vectors/ehc/*.json. An implementation of its own of the negotiation, on
lists of names, from the drafts and docs/ehc.md; nothing of package ehc is used.

    python3 ehc/testdata/vectors.py hcp | ehc
"""
import json
import struct
import sys

WIDTHS = [str(i) for i in range(33)]
HCP = {  # code point: name, values by number
    0: ("dscp_action", ["not_compressed", "lower", "sa"]),
    1: ("ecn_action", ["not_compressed", "lower"]),
    2: ("flow_label_action", ["not_compressed", "lower", "generated", "zero"]),
    3: ("alignment", ["8 bit", "16 bit", "32 bit", "64 bit"]),
    4: ("esp_spi_lsb", WIDTHS),
    5: ("esp_sn_lsb", WIDTHS),
}
TRAILER = ("esp_trailer", ["Mandatory", "Optional"])
HCP_DEFAULT = {"dscp_action": "not_compressed", "ecn_action": "not_compressed", "flow_label_action": "not_compressed",
               "alignment": "64 bit", "esp_spi_lsb": "32", "esp_sn_lsb": "32", "esp_trailer": "Optional"}
EHC = {  # code point: name, values by bit from the right, widths in bytes
    1: ("alignment", ["32 bit", "8 bit"]),
    2: ("esp_spi_lsb", ["4", "3", "2", "1", "0"]),
    3: ("esp_sn_lsb", ["4", "3", "2", "1", "0"]),
    4: ("flow_label_action", ["lower", "not_compressed"]),
}
EHC_DEFAULT = {"alignment": "32 bit", "esp_spi_lsb": "4", "esp_sn_lsb": "4", "flow_label_action": "lower"}
NUMBERS = {"hcp_proposal": 0xEC00, "ehc_supported": 0xEC01, "ehc_unacceptable_parameter": 0x2EC1, "range_afrg_proposal": 0x7FFF, "esp_trailer": 0}
NO_PROPOSAL_CHOSEN = 14
MAX_PROPOSALS, MAX_ATTRIBUTES = 16, 64


class Refused(Exception):
    """What package ehc has as class."""
    def __init__(self, cls):
        self.cls = cls


class Policy:
    def __init__(self, d):
        self.ehc = d.get("dialect") == "ehc"
        self.zero = d.get("zero_bytes", True)
        self.dscps = d.get("dscp_list", [])
        self.n = dict(NUMBERS, **d.get("numbers", {}))
        self.type = self.n["ehc_supported" if self.ehc else "hcp_proposal"]
        self.table = dict(EHC) if self.ehc else dict(HCP)
        self.default = EHC_DEFAULT if self.ehc else HCP_DEFAULT
        if not self.ehc and self.n["esp_trailer"]:
            self.table[self.n["esp_trailer"]] = TRAILER
        self.sets = [self.read(s) for s in d.get("proposals", [d])]

    def read(self, s):
        r = {}
        for name, values in self.table.values():
            v = s.get(name, self.default[name])
            out = []
            for x in v if isinstance(v, list) else [v]:
                x = str(x)
                if x == "*":
                    out += values
                elif name.endswith("lsb") and "-" in x:
                    lo, hi = x.split("-")
                    out += [str(i) for i in range(int(lo), int(hi) + 1) if str(i) not in out]
                else:
                    out.append(x)
            r[name] = out
        if not self.dscps and "dscp_action" in r:
            r["dscp_action"] = [x for x in r["dscp_action"] if x != "sa"]
        return r

    # every value that an offer allows where it says nothing
    def silent(self, name, values):
        if name == "esp_trailer":
            return ["Optional"]
        if self.ehc and name.endswith("lsb"):
            return [v for v in values if v != "0"]
        return values


def payload(typ, data):
    return struct.pack(">BBHBBH", 0, 0, 8 + len(data), 0, 0, typ) + data


def short(typ, v):
    return struct.pack(">HH", 0x8000 | typ, v)


def attribute(p, code, values, allowed):
    if p.ehc:
        return short(code, sum(1 << values.index(v) for v in allowed))
    numbers, out = sorted(values.index(v) for v in allowed), b""
    while numbers:
        run = 1
        while run < len(numbers) and numbers[run] == numbers[0] + run:
            run += 1
        if run < 3:
            run = 1
            out += short(code, numbers[0])
        else:
            out += struct.pack(">HH", p.n["range_afrg_proposal"], 8) + short(code, numbers[0]) + short(code, numbers[run - 1])
        numbers = numbers[run:]
    return out


def proposal(p, num, body):
    return (b"" if p.ehc else bytes([num, 0])) + struct.pack(">H", len(body)) + body


def offer(p, typ=None):
    data = b""
    for i, s in enumerate(p.sets):
        body = b""
        for code, (name, values) in sorted(p.table.items()):
            if set(s[name]) != set(p.silent(name, values)) or name == "esp_trailer":
                body += attribute(p, code, values, s[name])
        data += proposal(p, i + 1, body)
    return payload(typ or p.type, data)


def unpack(b):
    """The type and the data of a Notify payload."""
    if len(b) < 4:
        raise Refused("truncated")
    n = struct.unpack(">H", b[2:4])[0]
    if n < 4:
        raise Refused("malformed")
    if n > len(b):
        raise Refused("truncated")
    if n < len(b):
        raise Refused("malformed")
    if n < 8 or n < 8 + b[5]:
        raise Refused("truncated")
    return struct.unpack(">H", b[6:8])[0], b[5], b[8:]


class Proposal:
    def __init__(self, num):
        self.num, self.allows, self.bad = num, {}, set()
        self.ours = self.others = self.unknown = 0

    def add(self, name, values):
        if name in self.allows:
            self.bad.add("repeated")
        self.allows[name] = self.allows.get(name, []) + values


def parse(p, data):
    r = []
    if p.ehc and not data:
        return [Proposal(1)]
    head = 2 if p.ehc else 4
    while data or not r:
        if len(r) == MAX_PROPOSALS:
            raise Refused("refused")
        if not data:
            raise Refused("malformed")
        if len(data) < head:
            raise Refused("truncated")
        size = struct.unpack(">H", data[head - 2:head])[0]
        if size > len(data) - head:
            raise Refused("truncated")
        q = Proposal(len(r) + 1 if p.ehc else data[0])
        if not p.ehc and q.num in [o.num for o in r]:
            raise Refused("malformed")
        if not p.ehc and data[1] != 0:
            q.bad.add("unknown")
        else:
            attributes(p, q, data[head:head + size])
        r.append(q)
        data = data[head + size:]
    return r


def attributes(p, q, b):
    count = 0
    while b:
        if count == MAX_ATTRIBUTES:
            raise Refused("refused")
        count += 1
        n = ranged(p, q, b)
        if n:
            b = b[n:]
            continue
        if len(b) < 4:
            q.bad.add("format")
            return
        typ, v = struct.unpack(">HH", b[:4])
        af, typ = typ >> 15, typ & 0x7FFF
        n = 4 if af else 4 + v
        if n > len(b):
            q.bad.add("format")
            return
        b = b[n:]
        if p.ehc and typ == 0 and af:
            if v == 0:
                q.ours += 1
            else:
                q.others += 1
        elif typ == p.n["range_afrg_proposal"] and not p.ehc:
            q.bad.add("format")
        elif typ not in p.table and not (p.ehc and typ == 0):
            q.unknown += 1
        elif not af:
            q.bad.add("format")
        else:
            name, values = p.table[typ]
            if p.ehc:
                q.add(name, [x for i, x in enumerate(values) if v >> i & 1 and (x != "0" or p.zero)])
            else:
                q.add(name, values[v:v + 1])
    if p.ehc and (q.ours > 1):
        q.bad.add("repeated")
    if p.ehc and (q.others and not q.ours or q.unknown and not q.others) or not p.ehc and q.unknown:
        q.bad.add("unknown")


def ranged(p, q, b):
    """Takes a range off b and returns its bytes, 0 if there is none."""
    if p.ehc or len(b) < 12:
        return 0
    t, length, t1, lo, t2, hi = struct.unpack(">6H", b[:12])
    if t & 0x7FFF != p.n["range_afrg_proposal"] or length not in (4, 8) or t1 != t2 or t1 < 0x8000:
        return 0
    q.bad.add("range")
    if t1 & 0x7FFF not in p.table:
        q.bad.add("unknown")
    elif lo > hi:
        q.bad.add("format")
    else:
        name, values = p.table[t1 & 0x7FFF]
        q.add(name, values[lo:hi + 1])
    return 12


def discarded(p, q):
    return bool(q.bad if p.ehc else q.bad - {"repeated", "range"})


def allowed(p, q, name, values):
    return q.allows[name] if name in q.allows else p.silent(name, values)


def fits(p, v):
    return (int(v["esp_spi_lsb"]) + int(v["esp_sn_lsb"])) % 8 == 0 or p.ehc


def choose(p, s, q):
    """The first values of s that q allows, the width of the SPI first."""
    v = {}
    for code, (name, values) in sorted(p.table.items()):
        may = [x for x in s[name] if x in allowed(p, q, name, values)]
        if not may:
            return None
        v[name] = may
    for spi in v["esp_spi_lsb"]:
        for sn in v["esp_sn_lsb"]:
            one = {k: x[0] for k, x in v.items()}
            one["esp_spi_lsb"], one["esp_sn_lsb"] = spi, sn
            if fits(p, one):
                return one
    return None


def select(p, b):
    typ, spi, data = unpack(b)
    if typ != p.type or spi:
        raise Refused("malformed")
    offered = parse(p, data)
    for s in p.sets:
        for q in offered:
            v = None if discarded(p, q) else choose(p, s, q)
            if v is None:
                continue
            body = short(0, 0) if p.ehc else b""
            for code, (name, values) in sorted(p.table.items()):
                if p.ehc or name in q.allows or v[name] != p.default[name]:
                    body += attribute(p, code, values, [v[name]])
            return payload(p.type, proposal(p, q.num, body)), diet(p, v)
    raise Refused("refused")


def accept(p, sent, b):
    offered = parse(p, unpack(sent)[2])
    typ, spi, data = unpack(b)
    if typ < 16384 and typ != p.type:
        raise Refused("refused")
    if typ != p.type or spi:
        raise Refused("malformed")
    if p.ehc and 0 < len(data) <= 4 * MAX_ATTRIBUTES and data[0] >= 0x80:
        data = struct.pack(">H", len(data)) + data  # without a Proposal around it
    got = parse(p, data)
    if len(got) != 1:
        raise Refused("refused")
    q, v = got[0], {}
    if q.bad or p.ehc and (not q.ours or q.others):
        raise Refused("refused")
    for name, values in p.table.values():
        if name in q.allows:
            if len(q.allows[name]) != 1:
                raise Refused("refused")
            v[name] = q.allows[name][0]
        elif p.ehc:
            raise Refused("refused")
        else:
            v[name] = p.default[name]
    ok = any(all(v[name] in allowed(p, o, name, values) for name, values in p.table.values()) and not discarded(p, o)
             for o in offered if p.ehc or o.num == q.num)
    ok = ok and any(all(v[name] in s[name] for name in v) for s in p.sets)
    if not ok or not fits(p, v):
        raise Refused("refused")
    return diet(p, v)


def diet(p, v):
    r = {"profile": "ehc-2023" if p.ehc else "diet-esp-10", "dscp_action": "lower", "ecn_action": "lower", "esp_trailer": "Optional"}
    if p.ehc and p.dscps:
        r["dscp_action"] = "sa"
    r.update(v)
    if r["dscp_action"] == "sa":
        r["dscp_list"] = p.dscps
    for name in ("esp_spi_lsb", "esp_sn_lsb"):
        r[name] = int(r[name])
    return dict(sorted(r.items()))


# ---- the vectors

class File:
    def __init__(self, spec):
        self.spec, self.groups, self.id = spec, [], 0

    def group(self, comment, policy, source="independent"):
        self.groups.append({"source": source, "comment": comment, "policy": policy, "tests": []})
        self.p = Policy(policy)

    def test(self, kind, comment, flags=(), result=None, **kw):
        self.id += 1
        t = {"id": self.id, "comment": comment}
        if flags:
            t["flags"] = list(flags)
        t["kind"] = kind
        t.update({k: v.hex() if isinstance(v, bytes) else v for k, v in kw.items()})
        try:
            got = "valid"
            if kind == "offer":
                t["offer"] = offer(self.p).hex()
            elif kind == "select":
                answer, t["attributes"] = select(self.p, bytes.fromhex(t["offer"]))
                t["answer"] = answer.hex()
            else:
                t["attributes"] = accept(self.p, bytes.fromhex(t["offer"]), bytes.fromhex(t["answer"]))
        except Refused as e:
            got = e.cls
            if kind == "select" and got == "refused":
                t["answer"] = (offer(self.p, self.p.n["ehc_unacceptable_parameter"]) if self.p.ehc else payload(NO_PROPOSAL_CHOSEN, b"")).hex()
        t["result"] = result or got
        if result and result != "acceptable" and result != got:
            raise SystemExit("%s: %s, but %s is written down" % (comment, got, result))
        self.groups[-1]["tests"].append(t)

    def offers(self, comment="what the policy allows"):
        self.test("offer", comment)
        self.sent = offer(self.p)

    def select(self, comment, data, result, flags=()):
        self.test("select", comment, flags, result, offer=notify(self.p.type, data))

    def accept(self, comment, data, result, flags=()):
        self.test("accept", comment, flags, result, offer=self.sent, answer=notify(self.p.type, data))

    def write(self):
        out = ['{"schema": "ehc-1", "spec": %s, "numberOfTests": %d,' % (json.dumps(self.spec), self.id)]
        used = sorted({f for g in self.groups for t in g["tests"] for f in t.get("flags", [])})
        out.append(' "notes": {%s},' % ",".join("\n  %s: %s" % (json.dumps(f), json.dumps(NOTES[f])) for f in used))
        out.append(' "groups": [')
        for i, g in enumerate(self.groups):
            out.append('  {"source": %s, "comment": %s,' % (json.dumps(g["source"]), json.dumps(g["comment"])))
            out.append('   "policy": %s,' % json.dumps(g["policy"]))
            out.append('   "tests": [')
            for j, t in enumerate(g["tests"]):
                out.append("    " + json.dumps(t, separators=(",", ":")) + ("," if j < len(g["tests"]) - 1 else ""))
            out.append("  ]}" + ("," if i < len(self.groups) - 1 else ""))
        out.append(" ]}")
        sys.stdout.write("\n".join(out) + "\n")



def notify(typ, data):
    return payload(typ, bytes.fromhex(data.replace(" ", "")))


NOTES = {
    "AFOfRange": "a range whose AF bit is set, as the code point 65535 in 16 bits sets it",
    "Bare": "an answer without a Proposal around the parameters, as Figure 1 shows it",
    "Figure5Length": "a range with an Attribute Length of 4, as Figure 5 prints it, though its data have 8 bytes",
    "Trailer": "esp_trailer has code point 6, which the draft does not assign",
    "ZeroBytes": "bit 4 of a width is 0 bytes, for which the draft has no bit",
}


def hcp():
    f = File("draft-ietf-ipsecme-ikev2-diet-esp-extension-04")
    every = {"dscp_action": ["not_compressed", "lower", "sa"], "dscp_list": [10, 46], "ecn_action": ["not_compressed", "lower"],
             "flow_label_action": ["not_compressed", "lower", "generated", "zero"], "alignment": ["8 bit", "16 bit", "32 bit", "64 bit"],
             "esp_spi_lsb": "0-32", "esp_sn_lsb": "0-32"}
    f.group("Figure 5: a range of the SPI's width, 6 to 8 bits", dict(every, esp_spi_lsb="6-8"), "rfc")
    f.offers("the range, with code point 32767 for 65535 and 8 bytes of data")
    f.select("the range as the figure prints it", "01 00 000c 7fff 0004 8004 0006 8004 0008", "acceptable", ["Figure5Length"])
    f.select("with the length of its data", "01 00 000c 7fff 0008 8004 0006 8004 0008", "valid")

    f.group("every value is allowed", every)
    f.offers("attributes without limits are left out")
    f.select("no limits", "01 00 0000", "valid")
    f.select("Proposal ID 0", "00 00 0000", "valid")
    f.select("Proposal ID 255", "ff 00 0000", "valid")
    f.select("all defaults", "01 00 0018 8000 0000 8001 0000 8002 0000 8003 0003 8004 0020 8005 0020", "valid")
    for code, (name, values) in HCP.items():
        for v, text in enumerate(values):
            if name.endswith("lsb") and v not in (0, 1, 7, 8, 31, 32):
                continue
            f.select("%s %s" % (name, text), "01 00 0004 %04x %04x" % (0x8000 | code, v), "valid")
        f.select("%s: the next free value" % name, "01 00 0004 %04x %04x" % (0x8000 | code, len(values)), "refused")
        f.select("%s: 65535" % name, "01 00 0004 %04x ffff" % (0x8000 | code), "refused")
    f.select("an unknown value beside a known one", "01 00 0008 8003 0009 8003 0001", "valid")
    f.select("a list", "01 00 000c 8004 0018 8004 0010 8004 0014", "valid")
    f.select("a value twice", "01 00 0008 8004 0018 8004 0018", "valid")
    f.select("a range of alignments", "01 00 000c 7fff 0008 8003 0001 8003 0002", "valid")
    f.select("a range beyond the last value", "01 00 000c 7fff 0008 8003 0002 8003 ffff", "valid")
    f.select("two ranges and a value", "01 00 001c 7fff 0008 8004 0006 8004 0007 8004 0009 7fff 0008 8004 0011 8004 0012", "valid")
    f.select("a range of one", "01 00 000c 7fff 0008 8005 0010 8005 0010", "valid")
    f.select("a range with the AF bit", "01 00 000c ffff 0008 8004 0006 8004 0008", "acceptable", ["AFOfRange"])
    f.select("a range upside down", "01 00 000c 7fff 0008 8004 0008 8004 0006", "refused")
    f.select("a range of two attributes", "01 00 000c 7fff 0008 8004 0006 8005 0008", "refused")
    f.select("a range of an unknown attribute", "01 00 000c 7fff 0008 8009 0006 8009 0008", "refused")
    f.select("a range of ranges", "01 00 000c 7fff 0008 ffff 0006 ffff 0008", "refused")
    f.select("an empty range", "01 00 0004 7fff 0000", "refused")
    f.select("widths that never add up to a multiple of 8", "01 00 0008 8004 0003 8005 0004", "refused")
    f.select("widths that do", "01 00 0010 8004 0003 8005 0004 8005 0005 8005 000d", "valid")
    f.select("the SPI's width comes first", "01 00 0010 8004 0003 8004 0004 8005 0004 8005 000c", "valid")
    f.select("an unknown HCP Name", "01 01 0000", "refused")
    f.select("an unknown HCP Name, then a known one", "01 01 0004 8003 0000 02 00 0004 8003 0000", "valid")
    f.select("an unknown attribute", "01 00 0008 8003 0000 8007 0000", "refused")
    f.select("an unknown attribute with AF=0", "01 00 0009 8003 0000 0007 0001 00", "refused")
    f.select("esp_trailer, which has no code point", "01 00 0004 8006 0001", "refused")
    f.select("a known attribute with AF=0", "01 00 0008 0003 0004 0000 0000", "refused")
    f.select("half an attribute", "01 00 0002 8003", "refused")
    f.select("an attribute longer than its Proposal", "01 00 0004 0007 0001", "refused")
    f.select("the first of two that are acceptable", "07 00 0004 8003 0003 03 00 0004 8003 0000", "valid")
    f.select("no Proposal", "", "malformed")
    f.select("a Proposal ID twice", "01 00 0000 01 00 0000", "malformed")
    f.select("a Proposal longer than the notify", "01 00 0004", "truncated")
    f.select("half the head of a Proposal", "01 00 0000 02 00 00", "truncated")
    f.select("sixteen Proposals", "".join("%02x 00 0004 8007 0000" % i for i in range(15)) + "0f 00 0000", "valid")
    f.select("seventeen Proposals", "".join("%02x 00 0000" % i for i in range(17)), "refused")
    f.select("sixty-four attributes", "01 00 0100" + "8003 0001" * 64, "valid")
    f.select("sixty-five attributes", "01 00 0104" + "8003 0001" * 65, "refused")
    f.test("select", "another notify", (), "malformed", offer=notify(0xEC01, "01 00 0000"))
    f.test("select", "a notify with an SPI", (), "malformed", offer=bytes.fromhex("000000100304ec0000001001" + "01000000"))
    f.test("select", "bytes behind the payload", (), "malformed", offer=notify(0xEC00, "01 00 0000") + b"\0")
    f.test("select", "the payload ends early", (), "truncated", offer=notify(0xEC00, "01 00 0000")[:-1])
    f.test("select", "Next Payload and the critical bit do not matter", (), "valid", offer=b"\x2c\x80" + notify(0xEC00, "01 00 0000")[2:])

    f.group("the defaults alone", {})
    f.offers("what is the default is stated, as leaving it out would mean any value")
    f.select("no limits", "01 00 0000", "valid")
    f.select("another alignment", "01 00 0004 8003 0000", "refused")
    f.accept("an empty answer is all defaults", "01 00 0000", "valid")
    f.accept("a default stated", "01 00 0004 8003 0003", "valid")
    f.accept("another value", "01 00 0004 8003 0002", "refused")

    two = {"proposals": [{"alignment": ["8 bit", "16 bit"], "esp_spi_lsb": [8, 4], "esp_sn_lsb": [8, "12-16"], "ecn_action": ["lower", "not_compressed"]},
                         {"alignment": "32 bit", "esp_spi_lsb": 0, "esp_sn_lsb": 16}]}
    f.group("two proposals", two)
    f.offers()
    f.select("the preference is the responder's", "01 00 0004 8003 0002 02 00 0004 8003 0001", "valid")
    f.select("the second", "01 00 0008 8003 0002 8004 0000", "valid")
    f.select("neither", "01 00 0004 8003 0003", "refused")
    good = "8003 0000 8004 0004 8005 000c 8001 0001"
    f.accept("one of those offered", "01 00 0010" + good, "valid")
    f.accept("without what has its default", "01 00 000c 8003 0000 8004 0008 8005 0008", "valid")
    f.accept("the other Proposal", "02 00 000c 8003 0002 8004 0000 8005 0010", "valid")
    f.accept("the values of one under the ID of the other", "02 00 0010" + good, "refused")
    f.accept("an ID that was not offered", "03 00 0010" + good, "refused")
    f.accept("two values", "01 00 0014" + good + "8004 0008", "refused")
    f.accept("the same value twice", "01 00 0014" + good + "8004 0004", "refused")
    f.accept("a value that was not offered", "01 00 000c 8003 0000 8004 0010 8005 0008", "refused")
    f.accept("a default that was not offered", "01 00 0008 8004 0008 8005 0008", "refused")
    f.accept("widths that do not add up", "01 00 000c 8003 0000 8004 0004 8005 0008", "refused")
    f.accept("a range", "01 00 0014 8003 0000 8004 0008 7fff 0008 8005 0008 8005 0008", "refused")
    f.accept("an unknown attribute", "01 00 0014" + good + "8007 0000", "refused")
    f.accept("an unknown value", "01 00 0014" + good + "8000 0003", "refused")
    f.accept("an unknown HCP Name", "01 01 0010" + good, "refused")
    f.accept("two Proposals", "01 00 0010" + good + "02 00 000c 8003 0002 8004 0000 8005 0010", "refused")
    f.accept("no Proposal", "", "malformed")
    f.accept("a Proposal longer than the notify", "01 00 0014" + good, "truncated")
    f.test("accept", "NO_PROPOSAL_CHOSEN", (), "refused", offer=f.sent, answer=notify(14, ""))
    f.test("accept", "an error that is not known", (), "refused", offer=f.sent, answer=notify(16383, ""))
    f.test("accept", "another status", (), "malformed", offer=f.sent, answer=notify(16384, ""))

    f.group("esp_trailer is negotiated", {"esp_trailer": ["Mandatory", "Optional"], "numbers": {"esp_trailer": 6}})
    f.offers("it is stated even though both values are allowed")
    f.select("an offer that says nothing of it", "01 00 0000", "valid", ["Trailer"])
    f.select("both", "01 00 0008 8006 0000 8006 0001", "valid", ["Trailer"])
    f.select("Optional", "01 00 0004 8006 0001", "valid", ["Trailer"])
    f.select("the next free value", "01 00 0004 8006 0002", "refused", ["Trailer"])
    f.accept("Mandatory", "01 00 0004 8006 0000", "valid", ["Trailer"])
    f.accept("not in the answer: Optional", "01 00 0000", "valid", ["Trailer"])

    f.group("esp_trailer has a code point, and its default alone is allowed", {"numbers": {"esp_trailer": 6}})
    f.offers("it is stated all the same")
    f.select("Mandatory alone", "01 00 0004 8006 0000", "refused", ["Trailer"])

    f.group("other numbers", {"alignment": "8 bit", "esp_spi_lsb": "6-8", "esp_sn_lsb": "16-24", "numbers": {"hcp_proposal": 0xA123, "range_afrg_proposal": 100}})
    f.offers()
    f.select("under the default number", "", "malformed")
    f.select("a range of another code point", "01 00 000c 0064 0008 8004 0006 8004 0008", "valid")
    return f


def ehc():
    f = File("draft-mglt-ipsecme-ikev2-diet-esp-extension-04")
    every = {"dialect": "ehc", "alignment": ["8 bit", "32 bit"], "esp_spi_lsb": [1, 0, 2, 3, 4], "esp_sn_lsb": [1, 2, 0, 3, 4], "flow_label_action": ["lower", "not_compressed"]}
    f.group("every value is allowed", every)
    f.offers("only the widths are stated, for the sake of 0 bytes")
    f.select("no Proposal: any value", "", "valid")
    f.select("an empty Proposal: any value", "0000", "valid")
    f.select("Diet-ESP named", "0004 8000 0000", "valid")
    for code, (name, values) in EHC.items():
        for bit, text in enumerate(values):
            f.select("%s %s" % (name, text), "0004 %04x %04x" % (0x8000 | code, 1 << bit), "valid", ["ZeroBytes"] if text == "0" else [])
        f.select("%s: no bit" % name, "0004 %04x 0000" % (0x8000 | code), "refused")
        f.select("%s: unknown bits alone" % name, "0004 %04x %04x" % (0x8000 | code, 0xFFFF & ~((1 << len(values)) - 1)), "refused")
        f.select("%s: all bits" % name, "0004 %04x ffff" % (0x8000 | code), "valid")
    f.select("another EHC Context", "0004 8000 0001", "refused")
    f.select("another one and Diet-ESP, with parameters of both", "0014 8000 0001 8000 0000 8001 0001 9000 1234 1001 0000", "valid")
    f.select("Diet-ESP twice", "0008 8000 0000 8000 0000", "refused")
    f.select("an unknown parameter", "0008 8001 0001 8005 0001", "refused")
    f.select("a parameter with AF=0", "0004 0001 0000", "refused")
    f.select("a parameter twice", "0008 8001 0001 8001 0002", "refused")
    f.select("the second Proposal", "0004 8005 0001 0004 8001 0001", "valid")
    f.select("the first of two", "0004 8001 0001 0004 8001 0002", "valid")
    f.select("half a parameter", "0002 8001", "refused")
    f.select("a Proposal longer than the notify", "0008 8001 0001", "truncated")
    f.select("half a Proposal Length", "0000 00", "truncated")
    f.select("sixteen Proposals", "0004 8005 0000" * 15 + "0000", "valid")
    f.select("seventeen Proposals", "0000" * 17, "refused")
    f.select("sixty-five parameters", "0104" + "8000 0001" * 65, "refused")
    f.test("select", "another notify", (), "malformed", offer=notify(0xEC00, ""))

    f.group("the defaults alone", {"dialect": "ehc"})
    f.offers()
    f.select("any value", "", "valid")
    f.select("another width", "0004 8002 0002", "refused")

    some = {"dialect": "ehc", "alignment": "8 bit", "esp_spi_lsb": [0, 1], "esp_sn_lsb": [1, 2], "flow_label_action": ["lower", "not_compressed"]}
    f.group("short widths", some)
    f.offers()
    good = "8001 0002 8002 0008 8003 0004 8004 0001"
    f.accept("one of those offered", "0014 8000 0000" + good, "valid")
    f.accept("0 bytes", "0014 8000 0000 8001 0002 8002 0010 8003 0008 8004 0002", "valid", ["ZeroBytes"])
    f.accept("unknown bits are ignored", "0014 8000 0000 8001 fff2 8002 ffe8 8003 ffe4 8004 fffd", "valid")
    f.accept("without a Proposal", "8000 0000" + good, "acceptable", ["Bare"])
    f.accept("two bits", "0014 8000 0000 8001 0002 8002 0008 8003 000c 8004 0001", "refused")
    f.accept("no bit", "0014 8000 0000 8001 0002 8002 0008 8003 0000 8004 0001", "refused")
    f.accept("a width that was not offered", "0014 8000 0000 8001 0002 8002 0004 8003 0004 8004 0001", "refused")
    f.accept("an alignment that was not offered", "0014 8000 0000 8001 0001 8002 0008 8003 0004 8004 0001", "refused")
    f.accept("no ehc_context_id", "0010" + good, "refused")
    f.accept("another EHC Context", "0014 8000 0001" + good, "refused")
    f.accept("two EHC Contexts", "0018 8000 0001 8000 0000" + good, "refused")
    f.accept("a parameter is missing", "0010 8000 0000 8001 0002 8002 0008 8003 0004", "refused")
    f.accept("a parameter twice", "0018 8000 0000" + good + "8004 0001", "refused")
    f.accept("an unknown parameter", "0018 8000 0000" + good + "8005 0001", "refused")
    f.accept("two Proposals", "0014 8000 0000" + good + "0014 8000 0000" + good, "refused")
    f.accept("no Proposal", "", "refused")
    f.test("accept", "EHC_UNACCEPTABLE_PARAMETER", (), "refused", offer=f.sent, answer=notify(0x2EC1, "0000"))
    f.select("nothing acceptable: the refusal says what would be", "0004 8001 0001", "refused")

    f.group("no width of 0 bytes", {"dialect": "ehc", "zero_bytes": False, "esp_spi_lsb": [1, 4], "esp_sn_lsb": [1, 2, 3, 4]})
    f.offers("four widths are all that there are")
    f.select("bit 4 is one of the unknown ones", "0004 8002 0011", "valid")
    f.select("bit 4 alone", "0004 8002 0010", "refused")
    f.accept("bit 4 alone in an answer", "0014 8000 0000 8001 0001 8002 0010 8003 0001 8004 0001", "refused")

    f.group("a list of DSCPs, and another number", dict(some, dscp_list=[10, 46], numbers={"ehc_supported": 0xA001}))
    f.offers()
    f.select("the list comes into the attributes", "", "valid")
    return f


if __name__ == "__main__":
    {"hcp": hcp, "ehc": ehc}[sys.argv[1]]().write()
