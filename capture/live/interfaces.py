"""The machine's network interfaces, as Linux tells of them to anyone: names, kinds, states, addresses.

Kinds and states come by ioctl (netdevice(7)), IPv4 addresses from an rtnetlink dump (rtnetlink(7)), IPv6 addresses from
/proc/net/if_inet6. All of these are those of the process's own network namespace, which /sys/class/net need not be.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

IPV6: Final = Path("/proc/net/if_inet6")
LINK_TYPES: Final = {1: 1, 772: 1, 65534: 101, 65535: 101, 768: 101, 776: 101, 778: 101}
"""LINKTYPE_ numbers of the kernel's ARPHRD_ types (if_arp.h) whose packets netviz takes itself.

Ethernet and loopback have Ethernet headers; tun, IPIP, SIT and GRE interfaces hand over IP without any.
"""
UP, LOOPBACK, RUNNING = 0x1, 0x8, 0x40
FLAGS, MTU, HARDWARE = 0x8913, 0x8921, 0x8927  # SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR
ETHERNET: Final = 1
RTM_GETADDR, NLM_F_DUMP_REQUEST = 22, 0x301
IFA_ADDRESS, IFA_LOCAL = 1, 2
NLMSG_DONE, NLMSG_ERROR = 3, 2


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """One interface. `link_type` is a LINKTYPE_ number, None where netviz itself cannot capture from its kind."""

    name: str
    number: int
    link_type: int | None
    loopback: bool
    up: bool
    running: bool  # up, and the link works
    mac: str | None
    mtu: int
    addresses: tuple[str, ...]  # with prefix length: 127.0.0.1/8


def interfaces() -> list[NetworkInterface]:
    """All interfaces of this network namespace, by number. Raises OSError where the system does not tell of them.

    Elsewhere than on Linux only their names are known, and the others' programs may know better.
    """
    if sys.platform != "linux":
        return [_named(number, name) for number, name in sorted(socket.if_nameindex())]
    addresses: dict[int, list[str]] = {}
    for number, address in (*_ipv4(), *_ipv6()):
        addresses.setdefault(number, []).append(address)
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for number, name in sorted(socket.if_nameindex()):
            with suppress(OSError):  # it may go away at any moment
                found.append(_interface(asked, number, name, addresses.get(number, [])))
    return found


def _named(number: int, name: str) -> NetworkInterface:
    loopback = name.startswith("lo")
    return NetworkInterface(name, number, None, loopback, up=True, running=True, mac=None, mtu=0, addresses=())


def _interface(asked: socket.socket, number: int, name: str, addresses: list[str]) -> NetworkInterface:
    def ask(what: int) -> bytes:
        return fcntl.ioctl(asked, what, struct.pack("16s24x", name.encode()))[16:]

    (flags,), (mtu,) = struct.unpack_from("=H", ask(FLAGS)), struct.unpack_from("=i", ask(MTU))
    kind, mac = struct.unpack_from("=H6s", ask(HARDWARE))
    return NetworkInterface(
        name=name,
        number=number,
        link_type=LINK_TYPES.get(kind),
        loopback=bool(flags & LOOPBACK),
        up=bool(flags & UP),
        running=bool(flags & UP and flags & RUNNING),
        mac=mac.hex(":") if kind == ETHERNET and any(mac) else None,
        mtu=mtu,
        addresses=tuple(addresses),
    )


def _ipv6() -> Iterator[tuple[int, str]]:
    if not IPV6.exists():
        return  # a system without IPv6
    for line in IPV6.read_text().splitlines():
        digits, number, prefix = line.split()[:3]
        yield int(number, 16), f"{ipaddress.IPv6Address(int(digits, 16))}/{int(prefix, 16)}"


def _ipv4() -> Iterator[tuple[int, str]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        body = struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0)
        kernel.send(struct.pack("=IHHII", 16 + len(body), RTM_GETADDR, NLM_F_DUMP_REQUEST, 1, 0) + body)
        while True:
            data, at = kernel.recv(1 << 16), 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return
                yield from _address(data[at + 16 : at + length])
                at += (length + 3) & ~3


def _address(body: bytes) -> Iterator[tuple[int, str]]:
    """An ifaddrmsg and its attributes; of a point-to-point link the local end is meant."""
    _, prefix, _, _, number = struct.unpack_from("=BBBBI", body)
    found, at = {}, 8
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        found[kind] = body[at + 4 : at + size]
        at += max((size + 3) & ~3, 4)
    value = found.get(IFA_LOCAL, found.get(IFA_ADDRESS))
    if value is not None and len(value) == 4:
        yield number, f"{ipaddress.IPv4Address(value)}/{prefix}"


def may_capture() -> bool:
    """Whether this process may open packet sockets (CAP_NET_RAW, capability 13)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return os.geteuid() == 0
    effective = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> 13 & 1)
