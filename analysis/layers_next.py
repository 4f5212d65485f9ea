"""Which header comes next. Decided by tables of ours and, within one of Scapy's modules, by Scapy.

What Scapy guesses depends on which of its modules happen to be loaded; a packet must read the same whatever
was looked at before it. So a guess counts only if it lies in a module that is always loaded, or in the module of
the header that guessed it.
"""

from __future__ import annotations

from typing import Any, Final

from analysis.layers_scapy import scapy_class

LINK_TYPES: Final = {
    1: ("layers.l2", "Ether"),
    9: ("layers.ppp", "PPP"),
    50: ("layers.ppp", "HDLC"),
    51: ("layers.ppp", "PPPoE"),
    104: ("contrib.chdlc", "CHDLC"),
    105: ("layers.dot11", "Dot11"),
    113: ("layers.l2", "CookedLinux"),
    117: ("layers.pflog", "PFLog"),
    119: ("layers.dot11", "PrismHeader"),
    127: ("layers.dot11", "RadioTap"),
    163: ("contrib.avs", "AVSWLANHeader"),
    187: ("layers.bluetooth", "HCI_Hdr"),
    189: ("layers.usb", "USBpcap"),
    192: ("layers.ppi", "PPI"),
    195: ("layers.dot15d4", "Dot15d4FCS"),
    201: ("layers.bluetooth", "HCI_PHDR_Hdr"),
    227: ("layers.can", "CAN"),
    228: ("layers.inet", "IP"),
    229: ("layers.inet6", "IPv6"),
    230: ("layers.dot15d4", "Dot15d4"),
    248: ("layers.sctp", "SCTP"),
    251: ("layers.bluetooth4LE", "BTLE"),
    276: ("layers.l2", "CookedLinuxV2"),
}
"""Link types of the tcpdump.org registry that Scapy dissects; BSD loopback and raw IP are read by us."""

LINK_NAMES: Final = {
    0: "BSD loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    50: "PPP in HDLC",
    51: "PPPoE",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "802.11",
    108: "OpenBSD loopback",
    113: "Linux cooked",
    127: "802.11 with radiotap",
    192: "PPI",
    228: "raw IPv4",
    229: "raw IPv6",
    276: "Linux cooked v2",
}

_BY_TYPE: Final = {
    0x0800: ("layers.inet", "IP"),
    0x0806: ("layers.l2", "ARP"),
    0x86DD: ("layers.inet6", "IPv6"),
    0x8100: ("layers.l2", "Dot1Q"),
    0x88A8: ("layers.l2", "Dot1AD"),
    0x9100: ("layers.l2", "Dot1Q"),
    0x6558: ("layers.l2", "Ether"),
    0x8847: ("contrib.mpls", "MPLS"),
    0x8848: ("contrib.mpls", "MPLS"),
    0x8863: ("layers.ppp", "PPPoED"),
    0x8864: ("layers.ppp", "PPPoE"),
    0x880B: ("layers.ppp", "PPP"),
    0x888E: ("layers.eap", "EAPOL"),
    0x88CC: ("contrib.lldp", "LLDPDU"),
    0x8809: ("contrib.slowprot", "SlowProtocol"),
}
_BY_PROTOCOL: Final = {
    1: ("layers.inet", "ICMP"),
    2: ("contrib.igmp", "IGMP"),
    4: ("layers.inet", "IP"),
    6: ("layers.inet", "TCP"),
    17: ("layers.inet", "UDP"),
    41: ("layers.inet6", "IPv6"),
    47: ("layers.l2", "GRE"),
    50: ("layers.ipsec", "ESP"),
    51: ("layers.ipsec", "AH"),
    89: ("contrib.ospf", "OSPF_Hdr"),
    103: ("contrib.pim", "PIMv2Hdr"),
    112: ("layers.vrrp", "VRRP"),
    132: ("layers.sctp", "SCTP"),
    137: ("contrib.mpls", "MPLS"),
}
_BY_PPP: Final = {0x0021: ("layers.inet", "IP"), 0x0057: ("layers.inet6", "IPv6"), 0x0281: ("contrib.mpls", "MPLS")}
_BY_UDP_PORT: Final = {
    67: ("layers.dhcp", "BOOTP"),
    68: ("layers.dhcp", "BOOTP"),
    69: ("layers.tftp", "TFTP"),
    123: ("layers.ntp", "NTP"),
    161: ("layers.snmp", "SNMP"),
    162: ("layers.snmp", "SNMP"),
    520: ("layers.rip", "RIP"),
    546: ("layers.dhcp6", "DHCP6"),
    547: ("layers.dhcp6", "DHCP6"),
    1701: ("layers.l2tp", "L2TP"),
    1812: ("layers.radius", "Radius"),
    1813: ("layers.radius", "Radius"),
    1985: ("layers.hsrp", "HSRP"),
    2152: ("contrib.gtp", "GTP_U_Header"),
    3478: ("contrib.stun", "STUN"),
    4789: ("layers.vxlan", "VXLAN"),
    6081: ("contrib.geneve", "GENEVE"),
    6635: ("contrib.mpls", "MPLS"),
    8472: ("layers.vxlan", "VXLAN"),
}
_TYPE_FIELDS: Final = {
    "Ether": "type",
    "Dot1Q": "type",
    "Dot1AD": "type",
    "CookedLinux": "proto",
    "CookedLinuxV2": "proto",
    "SNAP": "code",
    "GRE": "proto",
    "GENEVE": "proto",
    "CHDLC": "proto",
}
_ALWAYS_LOADED: Final = frozenset(f"scapy.layers.{name}" for name in ("l2", "inet", "inet6"))
_NEVER: Final = frozenset({"Raw", "Padding", "NoPayload", "DNS"})


def raw_ip(data: bytes) -> Any:
    """IPv4 or IPv6 by the version in the first four bits, else None."""
    if data[:1] and data[0] >> 4 == 4:
        return scapy_class("layers.inet", "IP")
    if data[:1] and data[0] >> 4 == 6:
        return scapy_class("layers.inet6", "IPv6")
    return None


def link_class(link_type: int, data: bytes) -> Any:
    """Scapy's class for the first header, None for a link type that is not dissected."""
    if link_type in (12, 14, 101):
        return raw_ip(data)
    place = LINK_TYPES.get(link_type)
    return scapy_class(*place) if place else None


def _tabled(packet: Any, name: str) -> tuple[str, str] | None:
    if name in _TYPE_FIELDS:
        return _BY_TYPE.get(packet.fields.get(_TYPE_FIELDS[name]))
    if name == "IP" and not packet.fields["frag"]:
        return _BY_PROTOCOL.get(packet.fields["proto"])
    if name in ("IPv6", "AH") or name.startswith("IPv6ExtHdr"):
        # 58 (ICMPv6) and the extension headers are Scapy's: it looks into them to choose the class.
        return None if packet.fields.get("offset") else _BY_PROTOCOL.get(packet.fields["nh"])
    if name == "PPP":
        return _BY_PPP.get(packet.fields["proto"])
    return None


def datagram_class(source: int, destination: int) -> Any:
    """Scapy's class for a UDP payload by the port of a well-known service, the destination's first."""
    place = _BY_UDP_PORT.get(destination) or _BY_UDP_PORT.get(source)
    return scapy_class(*place) if place else None


def next_class(packet: Any, payload: bytes) -> Any:
    """Scapy's class for what follows `packet`, None for raw bytes."""
    name = type(packet).__name__
    place = _tabled(packet, name)
    if place:
        return scapy_class(*place)
    guess = packet.guess_payload_class(payload)
    if guess is None or guess.__name__ in _NEVER:
        return None
    own = guess.__module__ == type(packet).__module__
    return guess if own or guess.__module__ in _ALWAYS_LOADED else None
