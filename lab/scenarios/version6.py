"""The same over IPv6: who has this address is asked by ICMPv6 in place of ARP, and TCP does not notice."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from lab.headers import checksum
from lab.netlink import mac_bytes, packed
from lab.network import End, Lan, Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.neighbours import echo_datagrams
from lab.scenarios.opening import ANSWERED, play_handshake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.stage import Stage

ICMPV6: Final = 58
ADVERTISEMENT: Final = 136
OVERRIDE: Final = 0x20
TARGET_LINK_LAYER: Final = 2
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
SECOND, NOBODY = "fd00::2", "fd00::99"


def lan(options: Mapping[str, float]) -> Network:
    """Three hosts on a switch, who do not know one another yet."""
    del options
    hosts = tuple(End(f"host{letter}", f"fd00::{number}/64") for number, letter in enumerate("ABC", 1))
    # Not a second: there are three questions into silence.
    return Network(lans=(Lan("LAN", hosts),), arp=True, settings={"ipv6/neigh/eth0/retrans_time_ms": "150"})


def advertisement(sender: str, mac: str) -> bytes:
    """A neighbour advertisement to all, unasked, for the sender's own address (RFC 4861 sections 4.4, 7.2.6)."""
    source, everyone = packed(sender), packed(ALL_NODES)
    body = struct.pack("!BBHB3x", ADVERTISEMENT, 0, 0, OVERRIDE) + source
    body += bytes([TARGET_LINK_LAYER, 1]) + mac_bytes(mac)
    total = checksum(source + everyone + struct.pack("!II", len(body), ICMPV6) + body)
    body = body[:2] + struct.pack("!H", total) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + source + everyone
    return mac_bytes(ALL_NODES_MAC) + mac_bytes(mac) + b"\x86\xdd" + head + body


def play_ndp(stage: Stage) -> None:
    """A asks for B and talks to it, asks in vain for nobody, and learns that C has taken B's place."""
    first, second, third = (stage[f"host{letter}"] for letter in "ABC")
    second.start(echo_datagrams, second.bound(7, socket.SOCK_DGRAM), b"this is B", 1)
    with first.bound(40_001, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"who is there?", (SECOND, 7))
        stage.answer(asking.recvfrom(100)[0].decode())
        try:
            first.connect(NOBODY, 7)
        except OSError as error:
            stage.answer(error.strerror)
        take_over(stage)
        third.start(echo_datagrams, third.bound(7, socket.SOCK_DGRAM), b"this is C", 1)
        asking.sendto(b"who is there?", (SECOND, 7))
        stage.answer(asking.recvfrom(100)[0].decode())


def take_over(stage: Stage) -> None:
    """B goes; C takes its address and announces so: an unsolicited advertisement, which who knew B believes."""
    with stage["hostB"].netlink() as netlink:
        netlink.set_up("eth0", up=False)
    third = stage["hostC"]
    with third.netlink() as netlink:
        netlink.add_address("eth0", f"{SECOND}/64")
    stage.quiet()  # C tells twice that it is in the multicast group of that address now
    third.addresses.insert(0, SECOND)
    with third.wire() as wire:
        wire.send(advertisement(SECOND, third.devices["eth0"].mac))


def wired6(options: Mapping[str, float]) -> Network:
    """A client and a server with IPv6 addresses, and the delay between them that was asked for."""
    return two_hosts(Wire(delay_ms=options["delay"]), ipv6=True)


SCENARIOS = (
    Scenario(
        name="handshake6",
        topics=(2, 4),
        line="The three-way handshake over IPv6: another header below it, and TCP is the same.",
        network=wired6,
        play=play_handshake,
        options=(delay(10),),
        only_ipv4="it is over IPv6 as it is",
        story=ANSWERED,
    ),
    Scenario(
        name="ndp",
        topics=(8,),
        line="Neighbour discovery, ARP's part in IPv6: an answer, no answer, and a takeover.",
        network=lan,
        play=play_ndp,
        points=("hostA:eth0",),
        only_ipv4="it is over IPv6 as it is",
        story=Story(
            connections=(Told("icmpv6"), Told("icmpv6"), Told("udp"), *(Told("icmpv6"),) * 4),
            answers=("this is B", "No route to host", "this is C"),
            same=Level.ORDER,
        ),
    ),
)
