"""Makes the network of a plan real: a namespace for each host, veth pairs, bridges, wires, addresses, neighbours."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.namespaces import inside, new_network
from lab.netlink import PROHIBIT, Netlink, link_local
from lab.network import devices
from lab.settings import planned, set_in, settle
from lab.wire import Relay, packet_socket

if TYPE_CHECKING:
    from lab.network import Cable, Device, Lan, Network

NO_QUEUE_YET: Final = "noop"
PATIENCE: Final = 3.0
SILENCE: Final = 0.06
"""Seconds: longer than a host waits between its multicast reports (`lab.settings`)."""
SIOCETHTOOL: Final = 0x8946
# ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO: with all of them off, checksums are valid and no frame is too long.
OFFLOADS: Final = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)
UNSUPPORTED: Final = frozenset({95, 22})  # EOPNOTSUPP, EINVAL: this kernel has no such offload to turn off


@dataclass(slots=True)
class Built:
    """A network that is there: the namespace of each host, its devices, and the relays of its cables with wires."""

    namespaces: dict[str, int] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    relays: dict[int, Relay] = field(default_factory=dict)
    laid: list[tuple[int, str]] = field(default_factory=list)  # namespace and name of every device there is


def build(network: Network) -> Built:
    """Make everything. Raises OSError, `LabError`."""
    built = Built(devices=devices(network))
    for host in dict.fromkeys(device.host for device in built.devices):
        built.namespaces[host] = new_network()
        settle(built.namespaces[host], host, network)
        with inside(built.namespaces[host]), Netlink() as netlink:
            netlink.set_up("lo")
    for number, cable in enumerate(network.cables):
        _lay(built, number, cable)
    for lan in network.lans:
        _switch(built, lan)
    for host, namespace in built.namespaces.items():
        with inside(namespace), Netlink() as netlink:
            _configure(netlink, host, built, network)
        for name, value in planned(host, network).items():
            if "/eth" in name:
                set_in(namespace, name, value)
    for namespace, device in built.laid:
        _await_queue(namespace, device)
    if network.ipv6:
        _await_silence(built)
    return built


def _await_silence(built: Built) -> None:
    """Return when no host has sent anything for a while: each tells twice of its IPv6 groups (RFC 9777 section 6.1)."""
    last, since = "", time.monotonic()
    end = since + PATIENCE
    while (now := time.monotonic()) - since < SILENCE and now < end:
        sent = "".join(map(_counters, built.namespaces.values()))
        if sent != last:
            last, since = sent, now
        time.sleep(0.005)


def _counters(namespace: int) -> str:
    with inside(namespace):
        return Path("/proc/thread-self/net/dev").read_text("ascii")


def _await_queue(namespace: int, device: str) -> None:
    """A device gets its queue a moment after both ends are up; what is sent before is lost without a word."""
    end = time.monotonic() + PATIENCE
    with inside(namespace), Netlink() as netlink:
        while time.monotonic() < end:
            if netlink.queue_of(device) != NO_QUEUE_YET:
                return
            time.sleep(0.001)
    raise LabError(f"The network device {device} was not ready after {PATIENCE:g} s.")


def _lay(built: Built, number: int, cable: Cable) -> None:
    left, right = (device for device in built.devices if device.segment == f"cable {number}")
    if cable.wire is None:
        peer = (right.name, right.mac, built.namespaces[right.host])
        with inside(built.namespaces[left.host]), Netlink() as netlink:
            netlink.add_veth(left.name, left.mac, peer, cable.mtu)
        return
    middle = new_network()
    with inside(middle), Netlink() as netlink:
        for side, device in enumerate((left, right)):
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1", "ascii")
            peer = (device.name, device.mac, built.namespaces[device.host])
            netlink.add_veth(f"side{side}", f"02:00:00:00:{number:02x}:f{side}", peer, cable.mtu)
            netlink.set_up(f"side{side}")
            built.laid.append((middle, f"side{side}"))
            _no_offloads(f"side{side}")
        sides = packet_socket("side0", ignore_outgoing=True), packet_socket("side1", ignore_outgoing=True)
    built.relays[number] = Relay(cable.wire, sides, (left.host, right.host))


def _switch(built: Built, lan: Lan) -> None:
    switch = new_network()
    ports = [device for device in built.devices if device.segment == lan.name]
    with inside(switch), Netlink() as netlink:
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1", "ascii")
        netlink.add_bridge("switch")
        netlink.set_up("switch")
        for number, device in enumerate(ports):
            peer = (device.name, device.mac, built.namespaces[device.host])
            netlink.add_veth(f"port{number}", f"02:00:00:00:ff:{number:02x}", peer)
            netlink.plug(f"port{number}", "switch")
            netlink.set_up(f"port{number}")
            built.laid.append((switch, f"port{number}"))
            netlink.teach(f"port{number}", device.mac)
            _no_offloads(f"port{number}")


def _configure(netlink: Netlink, host: str, built: Built, network: Network) -> None:
    for device in built.devices:
        if device.host == host:
            _no_offloads(device.name)
            if device.address:
                netlink.add_address(device.name, device.address)
            if network.ipv6 and network.arp and host in network.routers:
                # It asks from here for the neighbours of those it forwards for, and without it not at all (RFC 4861).
                netlink.add_address(device.name, f"{link_local(device.mac)}/64")
            netlink.set_up(device.name)
            built.laid.append((built.namespaces[host], device.name))
            if not network.arp:
                _introduce(netlink, device, built)
    if host in network.gateways:
        gateway = network.gateways[host]
        netlink.add_route("::/0" if ":" in gateway else "0.0.0.0/0", gateway)
    for owner, destination, gateway in network.routes:
        if owner == host and gateway:
            netlink.add_route(destination, gateway)
        elif owner == host:
            netlink.add_route(destination, None, kind=PROHIBIT)


def _introduce(netlink: Netlink, device: Device, built: Built) -> None:
    """Tell a host the MAC addresses of all others on the segment of one of its devices."""
    for other in built.devices:
        if other.segment == device.segment and other != device and other.address:
            netlink.add_neighbour(device.name, other.address.partition("/")[0], other.mac)


def _no_offloads(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS:
            _ethtool(any_socket, device, bytearray(struct.pack("=II", command, 0)))


def _ethtool(any_socket: socket.socket, device: str, value: bytearray) -> None:
    """One SIOCETHTOOL request: struct ifreq is the device's name and a pointer to the value."""
    memory = (ctypes.c_char * len(value)).from_buffer(value)
    request = struct.pack("16sP16x", device.encode(), ctypes.addressof(memory))
    try:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
