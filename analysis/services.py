"""Names of services by their well-known port (IANA Service Name and Transport Protocol Port Number Registry).

A port is a hint and no proof; the names are the registry's, or the commoner one where people know no other.
"""

from __future__ import annotations

from typing import Final

SERVICES: Final = {
    7: "echo",
    20: "ftp-data",
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    43: "whois",
    49: "tacacs",
    53: "dns",
    67: "dhcp",
    68: "dhcp",
    69: "tftp",
    79: "finger",
    80: "http",
    88: "kerberos",
    110: "pop3",
    111: "rpcbind",
    119: "nntp",
    123: "ntp",
    135: "msrpc",
    137: "netbios-ns",
    138: "netbios-dgm",
    139: "netbios-ssn",
    143: "imap",
    161: "snmp",
    162: "snmptrap",
    179: "bgp",
    194: "irc",
    389: "ldap",
    443: "https",
    445: "smb",
    465: "smtps",
    500: "isakmp",
    502: "modbus",
    514: "syslog",
    515: "printer",
    520: "rip",
    546: "dhcpv6",
    547: "dhcpv6",
    554: "rtsp",
    587: "submission",
    631: "ipp",
    636: "ldaps",
    853: "dns-tls",
    873: "rsync",
    993: "imaps",
    995: "pop3s",
    1080: "socks",
    1194: "openvpn",
    1433: "mssql",
    1521: "oracle",
    1701: "l2tp",
    1723: "pptp",
    1812: "radius",
    1813: "radius-acct",
    1883: "mqtt",
    1900: "ssdp",
    2049: "nfs",
    2152: "gtp-u",
    2379: "etcd",
    3128: "http-proxy",
    3268: "ldap-gc",
    3306: "mysql",
    3389: "rdp",
    3478: "stun",
    4500: "ipsec-nat",
    4789: "vxlan",
    5060: "sip",
    5061: "sips",
    5353: "mdns",
    5355: "llmnr",
    5432: "postgresql",
    5672: "amqp",
    5900: "vnc",
    6081: "geneve",
    6379: "redis",
    8080: "http-alt",
    8443: "https-alt",
    9092: "kafka",
    9200: "elastic",
    11211: "memcached",
    27017: "mongodb",
    51820: "wireguard",
}

PIECES: Final = 0x8000
"""Bit in the transport of a conversation that consists of fragments, or of packets cut before their ports."""
CUT: Final = 0x4000
"""Bit in the transport of a conversation that consists of headers cut behind their ports."""

WITH_PORTS: Final = (6, 17, 33, 132)
"""Transports whose headers begin with ports: TCP, UDP, DCCP, SCTP."""

_TRANSPORTS: Final = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    33: "dccp",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    89: "ospf",
    103: "pim",
    112: "vrrp",
    132: "sctp",
    0x0806: "arp",
}

_ETHERTYPES: Final = {0x88CC: "lldp", 0x888E: "eapol", 0x8863: "pppoe", 0x8864: "pppoe", 0x86DD: "ipv6", 0x0800: "ip"}


def service(port: int) -> str | None:
    """The service that is usually found behind a port, None if there is none that people know."""
    return SERVICES.get(port)


def transport_name(family: int, transport: int) -> str:
    """What a conversation is carried by: `tcp`, `udp`, `arp`, or the number where there is no known name."""
    if family in {4, 6}:
        for bit, name in ((PIECES, "pieces"), (CUT, "cut")):
            if transport & bit:
                return f"{transport_name(family, transport & ~bit)} {name}"
        return _TRANSPORTS.get(transport, f"ip proto {transport}")
    if family == 1:
        return _ETHERTYPES.get(transport, f"ethertype 0x{transport:04x}")
    return f"link type {transport}"


def has_ports(family: int, transport: int) -> bool:
    """Whether the ends of such a conversation have ports."""
    return family in {4, 6} and transport & ~CUT in WITH_PORTS


def carried_service(family: int, transport: int, port: int) -> str:
    """The service behind a port of such a conversation, or where there is none, what carries it."""
    named = service(port) if has_ports(family, transport) and not transport & CUT else None
    return named or transport_name(family, transport)
