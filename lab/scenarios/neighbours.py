"""Near and far: ARP on a LAN, a router between two networks, ping and traceroute."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from lab.network import Cable, End, Lan, Network, Wire
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.opening import answer_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.stage import Stage

ETHERTYPE_ARP = 0x0806
EVERYONE = b"\xff" * 6
REPLY = 2


def lan(options: Mapping[str, float]) -> Network:
    """Three hosts on a switch, who do not know one another yet."""
    del options
    hosts = tuple(End(f"host{letter}", f"192.168.1.{number}/24") for number, letter in enumerate("ABC", 1))
    settings = {
        "ipv4/neigh/eth0/retrans_time_ms": "150",  # not a second: there are three questions into silence
        "ipv4/neigh/eth0/locktime": "0",  # what was learnt within the last second may be told anew
    }
    return Network(lans=(Lan("LAN", hosts),), arp=True, settings=settings)


def echo_datagrams(endpoint: socket.socket, name: bytes, count: int) -> None:
    """Answer `count` datagrams with a name."""
    for _ in range(count):
        _, peer = endpoint.recvfrom(100)
        endpoint.sendto(name, peer)
    endpoint.close()


def arp_frame(sender_mac: bytes, sender: str, target_mac: bytes, target: str, *, operation: int) -> bytes:
    """A broadcast ARP packet for Ethernet and IPv4 (RFC 826)."""
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    body = sender_mac + socket.inet_aton(sender) + target_mac + socket.inet_aton(target)
    return EVERYONE + sender_mac + struct.pack("!H", ETHERTYPE_ARP) + head + body


def play_arp(stage: Stage) -> None:
    """A asks for B and talks to it, asks in vain for nobody, and learns that C has taken B's place."""
    first, second, third = (stage[f"host{letter}"] for letter in "ABC")
    second.start(echo_datagrams, second.bound(7, socket.SOCK_DGRAM), b"this is B", 1)
    with first.bound(40_001, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"who is there?", (second.address, 7))
        stage.answer(asking.recvfrom(100)[0].decode())
        try:
            first.connect("192.168.1.99", 7)
        except OSError as error:
            stage.answer(error.strerror)
        take_over(stage)
        third.start(echo_datagrams, third.bound(7, socket.SOCK_DGRAM), b"this is C", 1)
        asking.sendto(b"who is there?", (second.address, 7))
        stage.answer(asking.recvfrom(100)[0].decode())


def take_over(stage: Stage) -> None:
    """B leaves its address; C takes it and announces so: a gratuitous ARP, which everyone who knew B believes."""
    second, third = stage["hostB"], stage["hostC"]
    with second.netlink() as netlink:
        netlink.remove_address("eth0", "192.168.1.2/24")
    with third.netlink() as netlink:
        netlink.remove_address("eth0", "192.168.1.3/24")
        netlink.add_address("eth0", "192.168.1.2/24")
    third.addresses[:] = ["192.168.1.2"]
    mac = bytes.fromhex(third.devices["eth0"].mac.replace(":", ""))
    with third.wire() as wire:
        wire.send(arp_frame(mac, "192.168.1.2", EVERYONE, "192.168.1.2", operation=REPLY))


def near_and_far(options: Mapping[str, float]) -> Network:
    """A LAN with a client, a near server and a router; behind the router and a long cable, a far server."""
    ends = (End("client", "192.168.1.10/24"), End("near", "192.168.1.20/24"), End("router", "192.168.1.1/24"))
    far = Cable(End("router", "203.0.113.1/24"), End("far", "203.0.113.20/24"), Wire(delay_ms=options["delay"]))
    return Network(
        cables=(far,),
        lans=(Lan("LAN", ends),),
        gateways={"client": "192.168.1.1", "far": "203.0.113.1"},
        routers=frozenset({"router"}),
        arp=True,
    )


def play_lan_wan(stage: Stage) -> None:
    """The same question to the near and to the far server."""
    for name in ("near", "far"):
        server = stage[name]
        server.start(answer_once, server.listen(9999), 5, f"This is {name}.".encode())
        with stage["client"].connect(server.address, 9999) as connection:
            connection.sendall(b"hello")
            stage.answer(connection.recv_all(len(f"This is {name}.")).decode())
        stage.quiet()


SCENARIOS = (
    Scenario(
        name="arp",
        topics=(8,),
        line="ARP: who has this address? An answer, no answer, and a host that takes over another's address.",
        network=lan,
        play=play_arp,
        points=("hostA:eth0",),
        only_ipv4="ARP is of IPv4; ndp shows what IPv6 has for it",
        story=Story(
            connections=(Told("arp"), Told("udp"), Told("arp"), Told("arp")),
            answers=("this is B", "No route to host", "this is C"),
            same=Level.ORDER,
        ),
    ),
    Scenario(
        name="lan-wan",
        topics=(7,),
        line="LAN and WAN: a near server by its own MAC address, a far one through the router: TTL, MAC, delay.",
        network=near_and_far,
        play=play_lan_wan,
        options=(delay(20),),
        points=("client:eth0", "near:eth0", "router:eth0", "router:eth1", "far:eth0"),
        story=Story(
            connections=(
                Told("arp"),
                Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED")),
                Told("arp"),
                Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED")),
                Told("arp"),  # the router asks, in the far net
            ),
            answers=("This is near.", "This is far."),
            same=Level.ORDER,
        ),
    ),
)
