"""What Scapy's packet classes are called by people: layer, PDU, addresses, and the names of their fields.

A class or field that is not listed is shown under Scapy's own name, made readable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from analysis.layers_build import Kind
from analysis.layers_values import IP_PROTOCOLS, ether_type, hexadecimal, named, tcp_flags

Format = Callable[[Any], str]


def hex16(value: int) -> str:
    """Like "0x00ff"."""
    return f"0x{value:04x}"


def words32(value: int) -> str:
    """Like "20 bytes (5)": a length that counts 32-bit words."""
    return f"{value * 4} bytes ({value})"


def words64(value: int) -> str:
    """Like "1480 bytes (185)": a fragment offset, which counts 8 bytes."""
    return f"{value * 8} bytes ({value})"


def protocol(value: int) -> str:
    """Like "6 (TCP)"."""
    return named(value, IP_PROTOCOLS)


def ipv4_flags(value: int) -> str:
    """Like "Don't Fragment"."""
    said = [name for bit, name in ((2, "Don't Fragment"), (1, "More Fragments"), (4, "Reserved")) if int(value) & bit]
    return ", ".join(said) or "none"


def client_address(value: bytes) -> str:
    """The MAC address in DHCP's sixteen bytes, or all of them."""
    return hexadecimal(value) if value[6:].strip(b"\0") else value[:6].hex(":")


@dataclass(frozen=True, slots=True)
class Header:
    """How a header is shown. `fields` gives a field's name and, if Scapy's own words won't do, its format.

    `main` are the fields (by Scapy's names) that sum it up, `addresses` its source and destination.
    """

    kind: Kind
    fields: Mapping[str, tuple[str, Format | None]] = field(default_factory=dict)
    main: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, str] | None = None


_MACS: Final = {"dst": ("Destination", None), "src": ("Source", None)}
_TYPE: Final = {"type": ("Type", ether_type)}
_PORTS: Final = {"sport": ("Source Port", str), "dport": ("Destination Port", str)}
_CHECKSUM: Final[dict[str, tuple[str, Format | None]]] = {"chksum": ("Checksum", hex16), "cksum": ("Checksum", hex16)}
_VLAN: Final[Mapping[str, tuple[str, Format | None]]] = {
    "prio": ("Priority", str),
    "dei": ("DEI", str),
    "id": ("DEI", str),
    "vlan": ("VLAN ID", str),
    "type": ("Type", ether_type),
}
_IPV4: Final[Mapping[str, tuple[str, Format | None]]] = {
    "version": ("Version", str),
    "ihl": ("Header Length", words32),
    "tos": ("Differentiated Services", None),
    "len": ("Total Length", str),
    "id": ("Identification", hex16),
    "flags": ("Flags", ipv4_flags),
    "frag": ("Fragment Offset", words64),
    "ttl": ("Time to Live", str),
    "proto": ("Protocol", protocol),
    "chksum": ("Header Checksum", hex16),
    "src": ("Source Address", None),
    "dst": ("Destination Address", None),
    "options": ("Options", None),
}
_IPV6: Final[Mapping[str, tuple[str, Format | None]]] = {
    "version": ("Version", str),
    "tc": ("Traffic Class", None),
    "fl": ("Flow Label", "0x{:05x}".format),
    "plen": ("Payload Length", str),
    "nh": ("Next Header", protocol),
    "hlim": ("Hop Limit", str),
    "src": ("Source Address", None),
    "dst": ("Destination Address", None),
}
_TCP: Final[Mapping[str, tuple[str, Format | None]]] = {
    **_PORTS,
    "seq": ("Sequence Number", str),
    "ack": ("Acknowledgment Number", str),
    "dataofs": ("Data Offset", words32),
    "reserved": ("Reserved", str),
    "flags": ("Flags", tcp_flags),
    "window": ("Window", str),
    "chksum": ("Checksum", hex16),
    "urgptr": ("Urgent Pointer", str),
    "options": ("Options", None),
}
_UDP: Final[Mapping[str, tuple[str, Format | None]]] = {**_PORTS, "len": ("Length", str), "chksum": ("Checksum", hex16)}
_ICMP: Final[Mapping[str, tuple[str, Format | None]]] = {
    **_CHECKSUM,
    "type": ("Type", None),
    "code": ("Code", None),
    "id": ("Identifier", hex16),
    "seq": ("Sequence Number", str),
    "gw": ("Gateway Address", None),
    "ts_ori": ("Originate Timestamp", None),
    "ts_rx": ("Receive Timestamp", None),
    "ts_tx": ("Transmit Timestamp", None),
    "nexthopmtu": ("Next-Hop MTU", str),
    "ptr": ("Pointer", str),
    "mtu": ("MTU", str),
    "tgt": ("Target Address", None),
    "chlim": ("Current Hop Limit", str),
    "routerlifetime": ("Router Lifetime", None),
    "reachabletime": ("Reachable Time", None),
    "retranstimer": ("Retransmission Timer", None),
    "R": ("Router", None),
    "S": ("Solicited", None),
    "O": ("Override", None),
    "res": ("Reserved", None),
}
_ROUTER: Final[Mapping[str, tuple[str, Format | None]]] = {
    **_ICMP,
    "M": ("Managed Address Configuration", None),
    "O": ("Other Configuration", None),
    "H": ("Home Agent", None),
    "prf": ("Router Preference", None),
    "P": ("Proxy", None),
}
PART: Final[Mapping[str, tuple[str, Format | None]]] = {
    "type": ("Type", None),
    "len": ("Length", str),
    "info": ("Value", None),
    "lladdr": ("Link-Layer Address", None),
    "prefixlen": ("Prefix Length", str),
    "L": ("On-Link", None),
    "A": ("Autonomous Configuration", None),
    "R": ("Router Address", None),
    "validlifetime": ("Valid Lifetime", "{} seconds".format),
    "preferredlifetime": ("Preferred Lifetime", "{} seconds".format),
    "mtu": ("MTU", str),
    "dns": ("DNS Servers", None),
    "lifetime": ("Lifetime", "{} seconds".format),
}
"""Fields of the parts that Scapy chains behind 802.11 management frames and neighbour discovery messages."""

_ARP: Final[Mapping[str, tuple[str, Format | None]]] = {
    "hwtype": ("Hardware Type", None),
    "ptype": ("Protocol Type", ether_type),
    "hwlen": ("Hardware Size", str),
    "plen": ("Protocol Size", str),
    "op": ("Opcode", None),
    "hwsrc": ("Sender Hardware Address", None),
    "psrc": ("Sender Protocol Address", None),
    "hwdst": ("Target Hardware Address", None),
    "pdst": ("Target Protocol Address", None),
}
_COOKED: Final[Mapping[str, tuple[str, Format | None]]] = {
    "pkttype": ("Packet Type", None),
    "lladdrtype": ("Link-Layer Address Type", None),
    "lladdrlen": ("Link-Layer Address Length", str),
    "src": ("Source", hexadecimal),
    "proto": ("Protocol", ether_type),
    "ifindex": ("Interface Index", str),
    "reserved": ("Reserved", str),
}
_DOT11: Final[Mapping[str, tuple[str, Format | None]]] = {
    # Its name depends on the type, which stands behind it: Scapy would name it as if it were a management frame's.
    "subtype": ("Subtype", str),
    "FCfield": ("Flags", None),
    "addr1": ("Address 1 (receiver)", None),
    "addr2": ("Address 2 (transmitter)", None),
    "addr3": ("Address 3", None),
    "addr4": ("Address 4", None),
    "SC": ("Sequence Control", None),
    "ID": ("Duration or ID", None),
}
_IPS: Final = ("src", "dst")
_IPV4_MAIN: Final = {"ttl": "TTL", "proto": "protocol"}
_TCP_MAIN: Final = {"flags": "", "seq": "seq", "ack": "ack", "window": "win"}
_EXTENSION: Final[Mapping[str, tuple[str, Format | None]]] = {
    "nh": ("Next Header", protocol),
    "len": ("Header Extension Length", str),
    "offset": ("Fragment Offset", words64),
    "m": ("More Fragments", None),
    "id": ("Identification", "0x{:08x}".format),
    "res1": ("Reserved", None),
    "res2": ("Reserved", None),
    "segleft": ("Segments Left", None),
    "type": ("Routing Type", None),
}


def _extension(name: str, key: str) -> Header:
    return Header(Kind(3, name, key), _EXTENSION, {"nh": "next"})


HEADERS: Final[Mapping[str, Header]] = {
    "Ether": Header(Kind(2, "Ethernet", "ethernet", "frame"), {**_MACS, **_TYPE}, {"type": "type"}, ("src", "dst")),
    "Dot3": Header(
        Kind(2, "Ethernet (802.3)", "ethernet", "frame"), {**_MACS, "len": ("Length", str)}, {"len": "length"}, _IPS
    ),
    "Dot1Q": Header(Kind(2, "802.1Q", "vlan"), _VLAN, {"vlan": "VLAN", "prio": "priority", "type": "type"}),
    "Dot1AD": Header(Kind(2, "802.1ad", "vlan"), _VLAN, {"vlan": "VLAN", "prio": "priority", "type": "type"}),
    "LLC": Header(Kind(2, "LLC", "llc"), {"dsap": ("DSAP", None), "ssap": ("SSAP", None), "ctrl": ("Control", None)}),
    "SNAP": Header(Kind(2, "SNAP", "snap"), {"OUI": ("Organization Code", None), "code": ("Type", ether_type)}),
    "STP": Header(Kind(2, "STP", "stp", "message")),
    "CookedLinux": Header(Kind(2, "Linux cooked", "sll", "frame"), _COOKED, {"pkttype": "", "proto": "protocol"}),
    "CookedLinuxV2": Header(Kind(2, "Linux cooked v2", "sll2", "frame"), _COOKED, {"pkttype": "", "proto": "protocol"}),
    "ARP": Header(
        Kind(2, "ARP", "arp", "message"), _ARP, {"op": "", "psrc": "sender", "pdst": "target"}, ("hwsrc", "hwdst")
    ),
    "PPP": Header(Kind(2, "PPP", "ppp", "frame"), {"proto": ("Protocol", None)}, {"proto": "protocol"}),
    "HDLC": Header(Kind(2, "HDLC", "hdlc", "frame")),
    "CHDLC": Header(Kind(2, "Cisco HDLC", "chdlc", "frame"), {"proto": ("Protocol", ether_type)}),
    "PPPoE": Header(Kind(2, "PPPoE", "pppoe"), {"sessionid": ("Session ID", hex16)}, {"sessionid": "session"}),
    "PPPoED": Header(Kind(2, "PPPoE discovery", "pppoed", "message"), {"sessionid": ("Session ID", hex16)}),
    "MPLS": Header(
        Kind(2, "MPLS", "mpls"), {"label": ("Label", str), "ttl": ("Time to Live", str)}, {"label": "label"}
    ),
    "RadioTap": Header(Kind(1, "Radiotap", "radiotap")),
    "PrismHeader": Header(Kind(1, "Prism", "prism")),
    "PPI": Header(Kind(1, "PPI", "ppi")),
    "Dot11": Header(
        Kind(2, "802.11", "wlan", "frame"), _DOT11, {"type": "type", "subtype": "subtype"}, ("addr2", "addr1")
    ),
    "Dot11FCS": Header(
        Kind(2, "802.11", "wlan", "frame"), _DOT11, {"type": "type", "subtype": "subtype"}, ("addr2", "addr1")
    ),
    "IP": Header(Kind(3, "IPv4", "ipv4", "packet"), _IPV4, _IPV4_MAIN, _IPS),
    "IPv6": Header(Kind(3, "IPv6", "ipv6", "packet"), _IPV6, {"hlim": "hop limit", "nh": "next"}, _IPS),
    "IPv6ExtHdrHopByHop": _extension("IPv6 Hop-by-Hop Options", "ipv6.hopopts"),
    "IPv6ExtHdrDestOpt": _extension("IPv6 Destination Options", "ipv6.dstopts"),
    "IPv6ExtHdrRouting": _extension("IPv6 Routing", "ipv6.routing"),
    "IPv6ExtHdrSegmentRouting": _extension("IPv6 Segment Routing", "ipv6.routing"),
    "IPv6ExtHdrFragment": _extension("IPv6 Fragment", "ipv6.fragment"),
    "AH": Header(Kind(3, "AH", "ah")),
    "ESP": Header(Kind(3, "ESP", "esp")),
    "GRE": Header(Kind(3, "GRE", "gre"), {"proto": ("Protocol", ether_type)}, {"proto": "carries"}),
    "ICMP": Header(Kind(3, "ICMP", "icmp", "message"), _ICMP, {"type": "", "code": "code"}),
    # What an ICMP error quotes is part of its message, not a layer in use: all of it stays on layer 3.
    "IPerror": Header(Kind(3, "IPv4, quoted", "quoted.ipv4"), _IPV4, _IPV4_MAIN, _IPS),
    "IPerror6": Header(Kind(3, "IPv6, quoted", "quoted.ipv6"), _IPV6, {"nh": "next"}, _IPS),
    "TCPerror": Header(Kind(3, "TCP, quoted", "quoted.tcp"), _TCP, _TCP_MAIN, ("sport", "dport")),
    "UDPerror": Header(Kind(3, "UDP, quoted", "quoted.udp"), _UDP, {"len": "length"}, ("sport", "dport")),
    "ICMPerror": Header(Kind(3, "ICMP, quoted", "quoted.icmp"), _ICMP, {"type": "", "code": "code"}),
    "TCP": Header(Kind(4, "TCP", "tcp", "segment"), _TCP, _TCP_MAIN, ("sport", "dport")),
    "UDP": Header(Kind(4, "UDP", "udp", "datagram"), _UDP, {"len": "length"}, ("sport", "dport")),
    "SCTP": Header(
        Kind(4, "SCTP", "sctp", "packet"), {**_PORTS, "tag": ("Verification Tag", None)}, {}, ("sport", "dport")
    ),
    "VXLAN": Header(Kind(4, "VXLAN", "vxlan"), {"vni": ("VNI", str)}, {"vni": "VNI"}),
    "GENEVE": Header(
        Kind(4, "Geneve", "geneve"), {"vni": ("VNI", str), "proto": ("Protocol", ether_type)}, {"vni": "VNI"}
    ),
    "GTP_U_Header": Header(Kind(4, "GTP-U", "gtp"), {"teid": ("TEID", None)}, {"teid": "TEID"}),
    "BOOTP": Header(
        Kind(7, "DHCP", "dhcp", "message"),
        {
            "op": ("Message Type", None),
            "htype": ("Hardware Type", None),
            "hlen": ("Hardware Address Length", None),
            "hops": ("Hops", None),
            "xid": ("Transaction ID", "0x{:08x}".format),
            "secs": ("Seconds Elapsed", None),
            "ciaddr": ("Client IP Address", None),
            "yiaddr": ("Your (Client) IP Address", None),
            "siaddr": ("Next Server IP Address", None),
            "giaddr": ("Relay Agent IP Address", None),
            "chaddr": ("Client Hardware Address", client_address),
            "sname": ("Server Host Name", None),
            "file": ("Boot File Name", None),
        },
        {"op": "", "xid": "transaction"},
    ),
}

_ICMPV6: Final = "ICMPv6"
_MODULE_LAYERS: Final = {
    **dict.fromkeys(("layers.l2", "layers.ppp", "layers.dot11", "layers.eap", "layers.dot15d4"), 2),
    **dict.fromkeys(("contrib.lldp", "contrib.slowprot", "contrib.lacp", "layers.ppi", "layers.pflog"), 2),
    **dict.fromkeys(("layers.inet", "layers.inet6", "contrib.igmp", "contrib.igmpv3", "contrib.ospf"), 3),
    **dict.fromkeys(("contrib.pim", "layers.vrrp", "layers.ipsec"), 3),
    **dict.fromkeys(("layers.sctp", "layers.l2tp", "contrib.gtp", "contrib.geneve"), 4),
}
"""Where the headers of Scapy's modules belong, for those that are not listed above."""


def header_of(name: str, label: str, module: str, below: int) -> Header:
    """How to show Scapy's class `name` of `module`, which calls itself `label` and stands above OSI layer `below`."""
    known = HEADERS.get(name)
    if known is not None:
        return known
    if name.startswith(_ICMPV6):
        fields = _ROUTER if name == "ICMPv6ND_RA" else _ICMP
        return Header(Kind(3, _ICMPV6, "icmpv6", "message"), fields, {"type": "", "tgt": "target"})
    osi = _MODULE_LAYERS.get(module.removeprefix("scapy."), 7 if below >= 4 else below + 1)
    return Header(Kind(osi, label, name.lower(), "message" if osi == 7 else ""), {}, {})
