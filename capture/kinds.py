"""The kinds of headers that the bulk decoder can walk through, one small number each."""

from __future__ import annotations

from enum import IntEnum, auto, unique


@unique
class Header(IntEnum):
    """What stands at a packet's cursor. `DONE` ends the walk; the others name the handler to call."""

    DONE = 0

    # Link types and what they wrap.
    ETHERNET = auto()
    VLAN = auto()
    PBB = auto()
    CMD = auto()
    LLC = auto()
    SNAP = auto()
    SLL = auto()
    SLL2 = auto()
    NULL = auto()
    LOOP = auto()
    ENC = auto()
    RAW_IP = auto()
    FDDI = auto()
    TOKEN_RING = auto()
    SUN_ATM = auto()
    IEEE1394 = auto()
    IPNET = auto()
    JUNIPER = auto()
    NFLOG = auto()
    PPI = auto()
    PKTAP = auto()
    RADIOTAP = auto()
    PRISM = auto()
    AVS = auto()
    WLAN = auto()
    PPP = auto()
    PPP_DIRECTION = auto()
    PPPOE = auto()
    HDLC = auto()
    FRAME_RELAY = auto()
    SLIP = auto()

    # Named, not walked through.
    LLDP = auto()
    EAPOL = auto()
    PPPOE_DISCOVERY = auto()

    # Networks.
    ARP = auto()
    MPLS = auto()
    NSH = auto()
    IPV4 = auto()
    IPV6 = auto()
    IPV6_EXTENSION = auto()
    IPV6_FRAGMENT = auto()
    AH = auto()
    FRAGMENT = auto()  # a piece of a datagram, waiting for the others

    # Tunnels.
    GRE = auto()
    ERSPAN = auto()
    VXLAN = auto()
    VXLAN_GPE = auto()
    GENEVE = auto()
    GTP = auto()
    TEREDO = auto()
    L2TP = auto()
    AYIYA = auto()
    GRE_IN_UDP = auto()

    # Transports.
    TCP = auto()
    UDP = auto()
    ICMP = auto()
    ICMPV6 = auto()
    SCTP = auto()
    DCCP = auto()
    IGMP = auto()
    OSPF = auto()
    VRRP = auto()
    ESP = auto()
    PIM = auto()

    @property
    def label(self) -> str:
        """Its name in a path: "ethernet", "pppoe-discovery"."""
        return self.name.lower().replace("_", "-")
