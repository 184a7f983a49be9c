"""Opens ESP packets with scapy and with python3-cryptography.

Standard input: one JSON object a line (oracle_test.go). Standard output: for each
line the packets that scapy and cryptography find, in hex, or "-" where a program
does not have the algorithm, or what it says is wrong.
"""
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation


def trailer(plain):
    """Takes the padding off; returns Next Header and payload."""
    pad, nh = plain[-2], plain[-1]
    end = len(plain) - 2 - pad
    assert plain[end:-2] == bytes(range(1, pad + 1))
    return nh, plain[:end]


def cryptography(v, esp):
    key, salt, iv_len, icv_len = (bytes.fromhex(v["key"]), bytes.fromhex(v["salt"]), v["iv"], v["icv"])
    seq = v["seq"]
    iv, text = esp[8:8 + iv_len], esp[8 + iv_len:]
    aad = esp[:4] + struct.pack(">Q", seq) if v["esn"] else esp[:8]
    nonce = salt + (iv if iv_len else struct.pack(">Q", seq))
    kind = v["kind"]
    if kind == "gcm":
        if icv_len == 16:
            return AESGCM(key).decrypt(nonce, text, aad)
        d = Cipher(algorithms.AES(key), modes.GCM(nonce, text[-icv_len:], min_tag_length=icv_len)).decryptor()
        d.authenticate_additional_data(aad)
        return d.update(text[:-icv_len]) + d.finalize()
    if kind == "gmac":
        AESGCM(key).decrypt(nonce, text[-16:], aad + iv + text[:-16])
        return text[:-16]
    if kind == "ccm":
        return AESCCM(key, tag_length=icv_len).decrypt(nonce, text, aad)
    if kind == "chacha":
        return ChaCha20Poly1305(key).decrypt(nonce, text, aad)
    mac = hmac.HMAC(bytes.fromhex(v["auth_key"]), hashes.SHA256() if v["auth"] == "sha256" else hashes.SHA1())
    mac.update(esp[:-icv_len] + (struct.pack(">I", seq >> 32) if v["esn"] else b""))
    assert mac.finalize()[:icv_len] == esp[-icv_len:], "ICV"
    text = text[:-icv_len]
    if kind == "cbc":
        d = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    elif kind == "ctr":
        d = Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\1")).decryptor()
    else:
        return text
    return d.update(text) + d.finalize()


def scapy(v, pkt):
    if not v["scapy"]:
        return "-"
    p = IPv6(pkt) if pkt[0] >> 4 == 6 else IP(pkt)
    auth = {"": None, "sha1": "HMAC-SHA1-96", "sha256": "SHA2-256-128"}[v["auth"]]
    sa = SecurityAssociation(ESP, spi=v["spi"], crypt_algo=v["scapy"], crypt_key=bytes.fromhex(v["key"] + v["salt"]),
                             auth_algo=auth, auth_key=bytes.fromhex(v["auth_key"]) or None, crypt_icv_size=v["icv"] if not auth else None,
                             esn_en=v["esn"], esn=v["seq"] >> 32,
                             tunnel_header=(IPv6(src="2001:db8::1", dst="2001:db8::2") if p.version == 6 else IP()) if v["tunnel"] else None)
    return bytes(sa.decrypt(p)).hex()


for line in sys.stdin:
    v = json.loads(line)
    pkt = bytes.fromhex(v["packet"])
    out = []
    try:
        out.append(scapy(v, pkt))
    except Exception as e:
        out.append("error:" + type(e).__name__ + ":" + str(e).replace(" ", "_"))
    try:
        nh, payload = trailer(cryptography(v, pkt[v["offset"]:]))
        out.append("%02x%s" % (nh, payload.hex()))
    except Exception as e:
        out.append("error:" + type(e).__name__ + ":" + str(e).replace(" ", "_"))
    print(*out)
