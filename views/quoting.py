"""The beginning of a packet that an ICMP error quotes, in a few words (RFC 792; RFC 4443 section 3)."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Final

from views.wording import _

PORTS: Final = {6: "TCP", 17: "UDP"}
NAMES: Final = {1: "ICMP", 58: "ICMPv6", **PORTS}
FIXED: Final = 40  # bytes of an IPv6 header


def quoted(data: bytes) -> str:
    """`UDP from 10.0.0.1:40001 to 10.0.0.2:33434`; "" where less than an IP header is quoted."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        protocol, ends, rest = data[9], (data[12:16], data[16:20]), data[(data[0] & 15) * 4 :]
        rest = rest if not int.from_bytes(data[6:8], "big") & 0x1FFF else b""  # a later fragment has no ports
    elif version == 6 and len(data) >= FIXED:
        protocol, ends, rest = data[6], (data[8:24], data[24:40]), data[FIXED:]
    else:
        return ""
    names = [str(ip_address(end)) for end in ends]
    if protocol in PORTS and len(rest) >= 4:
        ports = struct.unpack(">HH", rest[:4])
        shown = [
            f"[{name}]:{port}" if version == 6 else f"{name}:{port}" for name, port in zip(names, ports, strict=True)
        ]
        names = shown
    what = NAMES.get(protocol) or _("IP protocol {number}").format(number=protocol)
    return _("{what} from {source} to {target}").format(what=what, source=names[0], target=names[1])
