"""What ICMP tells: an echo, time exceeded, a packet that does not fit, a port and a network that are closed."""

from __future__ import annotations

import socket
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.network import Cable, End, Network, Wire
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.losing import send
from lab.scenarios.opening import wired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.stage import Stage

ECHO_REQUEST, ECHO_REPLY, UNREACHABLE, TIME_EXCEEDED = 8, 0, 3, 11
FIRST_PROBE = 33_434
NARROW = 1300
COUNT = 3
ROUTERS = ("router1", "router2", "router3")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(number: int) -> bytes:
    """An ICMP echo request with 32 bytes (RFC 792)."""
    head, payload = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 1, number), bytes(range(32))
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


def icmp_of(packet: bytes) -> tuple[int, int]:
    """Type and code of the ICMP message in an IPv4 packet."""
    at = 4 * (packet[0] & 0x0F)
    return packet[at], packet[at + 1]


def play_ping(stage: Stage) -> None:
    """Three echo requests; the kernel of the other host answers."""
    with stage["client"].new_socket(socket.SOCK_RAW, socket.IPPROTO_ICMP) as endpoint:
        answered = 0
        for number in range(1, COUNT + 1):
            endpoint.sendto(echo_request(number), (stage["server"].address, 0))
            packet, _ = endpoint.recvfrom(100)
            answered += icmp_of(packet) == (ECHO_REPLY, 0)
            stage.quiet(0.05)
        stage.answer(f"{answered} of {COUNT} answered")


def chain(options: Mapping[str, float]) -> Network:
    """A client, three routers in a row, and a server, each on a network of its own with the next."""
    hosts = ("client", *ROUTERS, "server")
    wire = Wire(delay_ms=options["delay"])
    cables = tuple(
        Cable(End(left, f"10.0.{number}.1/24"), End(right, f"10.0.{number}.2/24"), wire)
        for number, (left, right) in enumerate(pairwise(hosts))
    )
    back = tuple((host, "10.0.0.0/24", f"10.0.{number}.1") for number, host in enumerate(ROUTERS[1:], 1))
    onward = {host: f"10.0.{number}.2" for number, host in enumerate(hosts[:-1])}
    return Network(
        cables=cables,
        gateways=onward | {"server": f"10.0.{len(ROUTERS)}.1"},
        routers=frozenset(ROUTERS),
        routes=back,
    )


def play_traceroute(stage: Stage) -> None:
    """Datagrams that may make one step, two, three, four; whoever ends their way says so."""
    client = stage["client"]
    with (
        client.new_socket(socket.SOCK_RAW, socket.IPPROTO_ICMP) as hearing,
        client.bound(40_001, socket.SOCK_DGRAM) as probing,
    ):
        for steps in range(1, len(ROUTERS) + 2):
            probing.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, steps)
            probing.sendto(b"how far?", (stage["server"].address, FIRST_PROBE + steps - 1))
            packet, (sender, _) = hearing.recvfrom(200)
            meaning = {TIME_EXCEEDED: "time exceeded", UNREACHABLE: "port unreachable"}[icmp_of(packet)[0]]
            stage.answer(f"{steps} {sender} {meaning}")


def narrow(options: Mapping[str, float]) -> Network:
    """Two routers with a cable between them that takes no more than 1300 bytes, which neither end can know."""
    ends = (("client", "router1"), ("router1", "router2"), ("router2", "server"))
    wire = Wire(delay_ms=options["delay"])
    cables = tuple(
        Cable(
            End(left, f"10.0.{number}.1/24"), End(right, f"10.0.{number}.2/24"), wire, NARROW if number == 1 else 1500
        )
        for number, (left, right) in enumerate(ends)
    )
    return Network(
        cables=cables,
        gateways={"client": "10.0.0.2", "router1": "10.0.1.2", "router2": "10.0.1.1", "server": "10.0.2.1"},
        routers=frozenset({"router1", "router2"}),
    )


def guarded(options: Mapping[str, float]) -> Network:
    """A client and a router that refuses to forward to one network."""
    cable = Cable(End("client", "10.0.0.1/24"), End("router", "10.0.0.2/24"), Wire(delay_ms=options["delay"]))
    return Network(
        cables=(cable,),
        gateways={"client": "10.0.0.2"},
        routers=frozenset({"router"}),
        routes=(("router", "10.9.9.0/24", ""),),
    )


def play_icmp(stage: Stage) -> None:
    """Connect to where the router does not forward; send a datagram to a port where nobody listens."""
    client = stage["client"]
    try:
        client.connect("10.9.9.9", 80)
    except OSError as error:
        stage.answer(f"TCP: {error.strerror}")
    stage.quiet()
    with client.bound(40_002, socket.SOCK_DGRAM) as endpoint:
        endpoint.connect((stage["router"].address, 9))
        endpoint.send(b"anyone?")
        try:
            endpoint.recv(100)
        except ConnectionRefusedError as error:
            stage.answer(f"UDP: {error.strerror}")


SCENARIOS = (
    Scenario(
        name="ping",
        topics=(7,),
        line="Ping: three ICMP echo requests and their replies.",
        network=wired,
        play=play_ping,
        options=(delay(5),),
        only_ipv4="it writes ICMP by hand",
        story=Story(connections=(Told("icmp"),), answers=(f"{COUNT} of {COUNT} answered",), same=Level.ORDER),
    ),
    Scenario(
        name="traceroute",
        topics=(7,),
        line="Traceroute: datagrams that live for one, two, three, four steps, and who tells of their end.",
        network=chain,
        play=play_traceroute,
        options=(delay(5),),
        points=("client:eth0", *(f"{router}:eth{side}" for router in ROUTERS for side in (0, 1)), "server:eth0"),
        only_ipv4="it reads ICMP by hand",
        story=Story(
            connections=(
                Told("udp"),
                Told("icmp"),
                Told("udp"),
                Told("icmp"),
                Told("udp"),
                Told("icmp"),
                Told("udp"),
                Told("icmp"),
            ),
            answers=(
                "1 10.0.0.2 time exceeded",
                "2 10.0.1.2 time exceeded",
                "3 10.0.2.2 time exceeded",
                "4 10.0.3.2 port unreachable",
            ),
            same=Level.ORDER,
        ),
    ),
    Scenario(
        name="pmtu",
        topics=(7,),
        line="Path MTU: a segment does not fit on the way, a router says what does, and smaller ones follow.",
        network=narrow,
        play=send(6000),
        points=("client:eth0", "router1:eth0", "router1:eth1", "server:eth0"),
        options=(delay(5),),
        story=Story(
            connections=(Told(outcome="closed normally", marks={"retransmission": 1}), Told("icmp")),
            answers=("6000",),
            same=Level.OUTCOME,
        ),
    ),
    Scenario(
        name="icmp",
        topics=(7,),
        line="Unreachable: a router that may not forward, and a port where nobody listens; TCP and UDP are told.",
        network=guarded,
        play=play_icmp,
        points=("client:eth0", "router:eth0"),
        options=(delay(5),),
        only_ipv4="its refusals are those of ICMP",
        story=Story(
            connections=(Told(), Told("icmp"), Told("udp")),
            answers=("TCP: No route to host", "UDP: Connection refused"),
            same=Level.ORDER,
        ),
    ),
)
