"""The TLS record that a payload begins with, in a few words (RFC 8446 sections 4 to 6, RFC 6066 section 3)."""

from __future__ import annotations

from typing import Final

MAX_RECORD: Final = (1 << 14) + 2048  # RFC 5246 section 6.2.3, the largest of any version
_HANDSHAKE: Final = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
}
_ALERTS: Final = {
    0: "close notify",
    10: "unexpected message",
    20: "bad record MAC",
    22: "record overflow",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown CA",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    90: "user canceled",
    109: "missing extension",
    110: "unsupported extension",
    112: "unrecognized name",
    116: "certificate required",
    120: "no application protocol",
}


def tls_words(payload: bytes) -> str:
    """`TLS ClientHello example.com`, `TLS application data`; "" if no record begins here."""
    if len(payload) < 5 or payload[1] != 3 or payload[2] > 4:
        return ""
    length = int.from_bytes(payload[3:5], "big")
    if not 0 < length <= MAX_RECORD:
        return ""
    body = payload[5 : 5 + length]
    if payload[0] == 20 and length == 1 and body in {b"", b"\x01"}:
        return "TLS ChangeCipherSpec"
    if payload[0] == 21:
        return _alert(body, length)
    if payload[0] == 22:
        return _handshake(body, length)
    return "TLS application data" if payload[0] == 23 else ""


def _alert(body: bytes, length: int) -> str:
    if length == 2 and len(body) == 2 and body[0] in {1, 2}:
        return f"TLS alert: {_ALERTS.get(body[1], body[1])}"
    return "TLS alert, encrypted" if length > 2 else ""


def _handshake(body: bytes, length: int) -> str:
    # After ChangeCipherSpec a handshake record's body is cipher text, whose first bytes mean nothing: the message's
    # own length shows it. One message may span records, hence the comparison with what a message may hold.
    if len(body) < 4:
        return "TLS handshake"
    name = _HANDSHAKE.get(body[0])
    size = int.from_bytes(body[1:4], "big")
    if name is None or (size + 4 > length and not (body[0] == 11 and size < 1 << 18)):
        return "TLS handshake, encrypted"
    server = server_name(body) if body[0] == 1 else ""
    return f"TLS {name} {server}".rstrip()


def server_name(hello: bytes) -> str:
    """The host name that a ClientHello asks for, "" if it names none or is cut before it."""
    at = 4 + 2 + 32  # message header, version, random
    for width in (1, 2, 1):  # session identity, cipher suites, compression methods
        if at + width > len(hello):
            return ""
        at += width + int.from_bytes(hello[at : at + width], "big")
    end = at + 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 2
    while at + 4 <= min(end, len(hello)):
        kind, length = int.from_bytes(hello[at : at + 2], "big"), int.from_bytes(hello[at + 2 : at + 4], "big")
        at += 4
        if kind == 0:  # list length, name type 0, name length, name
            name_length = int.from_bytes(hello[at + 3 : at + 5], "big")
            name = hello[at + 5 : at + 5 + name_length]
            whole = len(name) == name_length and name_length + 5 <= length and hello[at + 2 : at + 3] == b"\x00"
            return name.decode("ascii", "backslashreplace") if whole else ""
        at += length
    return ""
