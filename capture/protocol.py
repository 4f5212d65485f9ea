"""What a packet is, in one byte, and the bits of its flags column."""

from __future__ import annotations

from enum import IntEnum, IntFlag, unique


@unique
class Protocol(IntEnum):
    """The innermost protocol that the bulk decoder recognised. The number is what the packet table stores.

    Values of one tens-row belong together; within IP, an even value is IPv4 and the odd one after it is IPv6.
    """

    UNKNOWN = 0  # a link type that is not decoded, or a header that is not whole
    ETHERNET = 1  # a frame of an EtherType that is not decoded further
    LLC = 2
    ARP = 3
    STP = 4
    LLDP = 5
    EAPOL = 6
    WLAN = 7  # 802.11 management, control, or protected data
    PPP = 8  # PPP control protocols
    MPLS = 9  # labels with nothing recognised below
    PPPOE = 10  # discovery

    IPV4 = 20  # a transport that is not decoded
    IPV6 = 21
    TCP4 = 22
    TCP6 = 23
    UDP4 = 24
    UDP6 = 25
    ICMP4 = 26
    ICMP6 = 27
    FRAGMENT4 = 28  # a piece of a datagram that this packet does not complete
    FRAGMENT6 = 29
    IGMP4 = 30
    SCTP4 = 32
    SCTP6 = 33
    OSPF4 = 34
    OSPF6 = 35
    VRRP4 = 36
    VRRP6 = 37
    ESP4 = 38
    ESP6 = 39
    PIM4 = 40
    PIM6 = 41
    DCCP4 = 42
    DCCP6 = 43
    CUT_TCP4 = 44  # a TCP header that ends before its window does: its ports are known, but not its stream
    CUT_TCP6 = 45
    CUT_UDP4 = 46  # a UDP header that is not whole, or ends by its own length before it does
    CUT_UDP6 = 47


class Flag(IntFlag):
    """The packet table's `flags` column (uint16): the TCP flags as on the wire, then what netviz adds."""

    FIN = 1 << 0
    SYN = 1 << 1
    RST = 1 << 2
    PSH = 1 << 3
    ACK = 1 << 4
    URG = 1 << 5
    ECE = 1 << 6
    CWR = 1 << 7
    AE = 1 << 8  # RFC 9768; NS before
    FROM_B = 1 << 9  # sent by the endpoint that did not send the connection's first packet
    NOT_ANALYSED = 1 << 10  # a TCP segment whose length is not known: counted, but not judged
    REASSEMBLED = 1 << 11  # this packet completed an IP datagram sent in fragments
    MALFORMED = 1 << 12  # a header contradicts itself or ends too early
    SEEN_AGAIN = 1 << 13  # the same packet at another capture point: neither judged nor counted


TCP_FLAGS = 0x1FF
