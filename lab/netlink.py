"""Network devices, addresses, routes and neighbours, made by rtnetlink: what `ip` does, without `ip`.

Sources: rtnetlink(7), netlink(7), the kernel's include/uapi/linux/{rtnetlink,if_link,if_addr,neighbour,veth}.h.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Final, Self

NLMSG_ERROR: Final = 2
REQUEST: Final = 0x1
REQUEST_ACK: Final = 0x1 | 0x4
CREATE_NEW: Final = 0x400 | 0x200  # NLM_F_CREATE, NLM_F_EXCL
CREATE_OR_REPLACE: Final = 0x400 | 0x100

RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_DELADDR = 16, 18, 20, 24, 28, 21

IFF_UP: Final = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_QDISC, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 6, 10, 18, 28
INFO_KIND, INFO_DATA, VETH_INFO_PEER, BR_MCAST_SNOOPING = 1, 2, 1, 23
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
NDA_DST, NDA_LLADDR = 1, 2
NUD_PERMANENT, NUD_NOARP, NTF_MASTER = 0x80, 0x40, 0x04
NO_DUPLICATE_DETECTION: Final = 0x02  # IFA_F_NODAD
AF_BRIDGE: Final = 7
TABLE_MAIN, PROTOCOL_STATIC, SCOPE_UNIVERSE, SCOPE_LINK = 254, 4, 0, 253
UNICAST, PROHIBIT = 1, 8


def mac_bytes(mac: str) -> bytes:
    """`02:00:00:00:00:01` as six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def family_of(address: str) -> socket.AddressFamily:
    """AF_INET6 if it has a colon."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def packed(address: str) -> bytes:
    """Four bytes, or sixteen."""
    return socket.inet_pton(family_of(address), address)


def link_local(mac: str) -> str:
    """The link-local IPv6 address that is made of a MAC address (RFC 4291 appendix A)."""
    six = mac_bytes(mac)
    identifier = bytes([six[0] ^ 2]) + six[1:3] + b"\xff\xfe" + six[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + identifier)


def split(cidr: str) -> tuple[bytes, int]:
    """`10.0.0.1/24` as four bytes and 24."""
    address, length = cidr.split("/")
    return packed(address), int(length)


def broadcast(cidr: str) -> bytes:
    """The broadcast address of the network that `10.0.0.1/24` is in."""
    address, length = split(cidr)
    return (int.from_bytes(address, "big") | ((1 << (32 - length)) - 1)).to_bytes(4, "big")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _name(device: str) -> bytes:
    return _attribute(IFLA_IFNAME, device.encode() + b"\0")


class Netlink:
    """Requests to the kernel about the network namespace in which it is made. Every method raises OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)  # NETLINK_ROUTE
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _ask(self, kind: int, flags: int, body: bytes, how: int = REQUEST_ACK) -> bytes:
        self._sequence += 1
        head = struct.pack("=IHHII", 16 + len(body), kind, how | flags, self._sequence, 0)
        self._socket.sendto(head + body, (0, 0))
        answer = self._socket.recv(65_536)
        error = struct.unpack_from("=i", answer, 16)[0]
        if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR and error:
            raise OSError(-error, os.strerror(-error), f"rtnetlink request {kind}")
        return answer

    def add_veth(self, device: str, mac: str, peer: tuple[str, str, int], mtu: int = 1500) -> None:
        """A pair of connected devices; `peer` is the other one's name, MAC address and namespace descriptor."""
        other, other_mac, namespace = peer
        there = _name(other) + _attribute(IFLA_ADDRESS, mac_bytes(other_mac))
        there += _attribute(IFLA_NET_NS_FD, struct.pack("=I", namespace)) + _attribute(IFLA_MTU, struct.pack("=I", mtu))
        data = _attribute(VETH_INFO_PEER, bytes(16) + there)
        info = _attribute(INFO_KIND, b"veth") + _attribute(INFO_DATA, data)
        here = _name(device) + _attribute(IFLA_ADDRESS, mac_bytes(mac)) + _attribute(IFLA_MTU, struct.pack("=I", mtu))
        self._ask(RTM_NEWLINK, CREATE_NEW, bytes(16) + here + _attribute(IFLA_LINKINFO, info))

    def add_bridge(self, device: str) -> None:
        """A switch, without IGMP snooping, whose queries would be frames that no host has sent."""
        data = _attribute(BR_MCAST_SNOOPING, b"\0")
        info = _attribute(INFO_KIND, b"bridge") + _attribute(INFO_DATA, data)
        self._ask(RTM_NEWLINK, CREATE_NEW, bytes(16) + _name(device) + _attribute(IFLA_LINKINFO, info))

    def plug(self, device: str, bridge: str) -> None:
        """Make a device a port of a bridge."""
        master = _attribute(IFLA_MASTER, struct.pack("=I", socket.if_nametoindex(bridge)))
        self._ask(RTM_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(device), 0, 0) + master)

    def set_up(self, device: str, *, up: bool = True) -> None:
        """Turn a device on or off."""
        flags = IFF_UP if up else 0
        self._ask(RTM_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(device), flags, IFF_UP))

    def queue_of(self, device: str) -> str:
        """What kind of queue a device has for frames to send: `noqueue`, `pfifo_fast` …; `noop` drops everything."""
        answer = self._ask(RTM_GETLINK, 0, struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(device), 0, 0), REQUEST)
        at, end = 16 + 16, struct.unpack_from("=I", answer)[0]
        while at + 4 <= end:
            length, kind = struct.unpack_from("=HH", answer, at)
            if kind == IFLA_QDISC:
                return answer[at + 4 : at + length].rstrip(b"\0").decode()
            at += (length + 3) & ~3
        return ""

    def add_address(self, device: str, cidr: str) -> None:
        """Give a device an address."""
        self._ask(RTM_NEWADDR, CREATE_OR_REPLACE, _address(device, cidr))

    def remove_address(self, device: str, cidr: str) -> None:
        """Take an address away from a device."""
        self._ask(RTM_DELADDR, 0, _address(device, cidr))

    def add_route(self, network: str, gateway: str | None, *, kind: int = UNICAST, device: str | None = None) -> None:
        """Send what goes to a network (`0.0.0.0/0`: everything else) by a gateway, out of a device, or nowhere."""
        destination, length = split(network)
        scope = SCOPE_LINK if gateway is None and kind == UNICAST else SCOPE_UNIVERSE
        body = struct.pack("=BBBBBBBBI", family_of(network), length, 0, 0, TABLE_MAIN, PROTOCOL_STATIC, scope, kind, 0)
        body += _attribute(RTA_DST, destination) if length else b""
        body += _attribute(RTA_GATEWAY, packed(gateway)) if gateway else b""
        body += _attribute(RTA_OIF, struct.pack("=I", socket.if_nametoindex(device))) if device else b""
        self._ask(RTM_NEWROUTE, CREATE_OR_REPLACE, body)

    def add_neighbour(self, device: str, address: str, mac: str) -> None:
        """Tell which MAC address an address has, for good: no ARP or neighbour discovery is needed."""
        head = struct.pack("=BxxxiHBB", family_of(address), socket.if_nametoindex(device), NUD_PERMANENT, 0, 0)
        pair = _attribute(NDA_DST, packed(address)) + _attribute(NDA_LLADDR, mac_bytes(mac))
        self._ask(RTM_NEWNEIGH, CREATE_OR_REPLACE, head + pair)

    def teach(self, port: str, mac: str) -> None:
        """Tell a bridge behind which of its ports a MAC address is, so that it floods nothing."""
        # A permanent entry would be an address of the bridge itself.
        head = struct.pack("=BxxxiHBB", AF_BRIDGE, socket.if_nametoindex(port), NUD_NOARP, NTF_MASTER, 0)
        self._ask(RTM_NEWNEIGH, CREATE_OR_REPLACE, head + _attribute(NDA_LLADDR, mac_bytes(mac)))


def _address(device: str, cidr: str) -> bytes:
    address, length = split(cidr)
    six = len(address) == 16
    head = struct.pack(
        "=BBBBI", family_of(cidr), length, NO_DUPLICATE_DETECTION if six else 0, 0, socket.if_nametoindex(device)
    )
    both = _attribute(IFA_LOCAL, address) + _attribute(IFA_ADDRESS, address)
    return head + both + (_attribute(IFA_BROADCAST, broadcast(cidr)) if length < 31 and not six else b"")
