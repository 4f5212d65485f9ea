"""Machines that stand in for others: a virtual router whose master falls silent, and a balancer that checks servers.

keepalived's and HAProxy's parts are played in Python.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from lab import http
from lab.headers import IPV4, checksum, ipv4
from lab.netlink import mac_bytes
from lab.network import End, Lan, Network
from lab.real import haproxy, keepalived
from lab.scenario import Level, Real, Scenario, Story, Told
from lab.scenarios.neighbours import EVERYONE, REPLY, arp_frame
from lab.scenarios.proxies import EVERYWHERE, NAME, PROXY, Balancer, in_front, outward

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket

    from lab.calls import NotedSocket
    from lab.stage import Host, Stage

VRRP: Final = 112
GROUP, GROUP_MAC = "224.0.0.18", "01:00:5e:00:00:12"
ROUTER: Final = 51
VIRTUAL, VIRTUAL_MAC = "10.0.0.254", "00:00:5e:00:01:33"
INTERVAL: Final = 0.1
"""Seconds between two advertisements."""
MASTER_PRIORITY, BACKUP_PRIORITY = 150, 100
TIMES: Final = 4
"""Advertisements of each."""


def two_routers(options: Mapping[str, float]) -> Network:
    """A client, and two routers that share an address."""
    del options
    hosts = (End("client", "10.0.0.1/24"), End("router1", "10.0.0.251/24"), End("router2", "10.0.0.252/24"))
    return Network(lans=(Lan("LAN", hosts),))


def advertisement(router: Host, priority: int) -> bytes:
    """A VRRPv3 advertisement (RFC 9568 section 5) in its frame, from the virtual router's MAC address."""
    centiseconds = round(INTERVAL * 100)
    body = struct.pack("!BBBBHH4s", 0x31, ROUTER, priority, 1, centiseconds, 0, bytes(map(int, VIRTUAL.split("."))))
    addresses = bytes(map(int, f"{router.address}.{GROUP}".split(".")))
    pseudo = addresses + struct.pack("!BBH", 0, VRRP, len(body))
    body = body[:6] + struct.pack("!H", checksum(pseudo + body)) + body[8:]
    return mac_bytes(GROUP_MAC) + mac_bytes(VIRTUAL_MAC) + IPV4 + ipv4(router.address, GROUP, VRRP, body, ttl=255)


def be_master(router: Host, wire: socket, priority: int) -> None:
    """Tell everyone who has the address, then advertise for a while."""
    own = mac_bytes(VIRTUAL_MAC)
    wire.send(arp_frame(own, VIRTUAL, EVERYONE, VIRTUAL, operation=REPLY))
    for _ in range(TIMES):
        wire.send(advertisement(router, priority))
        time.sleep(INTERVAL)


def wait_for_silence(wire: socket, priority: int) -> float:
    """Be the backup: return when the master has been silent for too long (RFC 9568 section 6.1), and for how long."""
    skew = (256 - priority) / 256 * INTERVAL
    wire.settimeout(3 * INTERVAL + skew)
    while True:
        try:
            wire.recv(2000)
        except TimeoutError:
            return 3 * INTERVAL + skew


def play_vrrp(stage: Stage) -> None:
    """The master advertises and dies; the backup notices, and takes the address over."""
    first, second = stage["router1"], stage["router2"]
    hears = second.wire()
    waiting = second.start(wait_for_silence, hears, BACKUP_PRIORITY)
    be_master(first, first.wire(), MASTER_PRIORITY)
    stage.answer(f"silent for {waiting.result():.2f} s")
    be_master(second, second.wire(), BACKUP_PRIORITY)


def play_vrrp_real(stage: Stage) -> None:
    """The same by keepalived."""
    keepalived.play(stage, VIRTUAL)


def play_haproxy_real(stage: Stage) -> None:
    """The same by HAProxy."""
    haproxy.play(stage, PROXY, NAME)


def play_haproxy(stage: Stage) -> None:
    """One server is down at first: a check finds that out, and all requests go to the other; later both get some."""
    proxy, first, second = (stage[name] for name in ("proxy", "backend1", "backend2"))
    # A check is a connection that is closed at once, which the servers take as one more.
    first.start(serve_and_be_checked, first.listen(8080), 4)
    request_through(stage, checked(proxy, [first, second]), 1)
    second.start(serve_and_be_checked, second.listen(8080), 2)
    request_through(stage, checked(proxy, [first, second]), 2)


def serve_and_be_checked(listener: NotedSocket, count: int) -> None:
    """Answer requests; a connection that is closed without one was a check."""
    with listener:
        for _ in range(count):
            connection, _ = listener.accept()
            with connection:
                if http.receive(connection):
                    connection.sendall(http.reply(f"I am {connection.host}"))
                    connection.recv(1)


def checked(proxy: Host, backends: list[Host]) -> list[Host]:
    """The back ends that let a connection be opened; where it is refused, they are down."""
    up = []
    for backend in backends:
        try:
            outward(proxy, backend.address, 8080).close()
        except ConnectionRefusedError:
            continue
        up.append(backend)
    return up


def request_through(stage: Stage, backends: list[Host], count: int) -> None:
    """Requests that the proxy spreads over these back ends."""
    proxy = stage["proxy"]
    serving = proxy.start(Balancer(proxy, backends).serve, proxy.listen(80), count)
    for number in range(count):
        stage.answer(http.get(stage["client"], proxy.address, NAME, f"/{number + 1}").body)
    serving.result()


SCENARIOS = (
    Scenario(
        name="keepalived",
        topics=(19,),
        line="VRRP (keepalived's part, played in Python): the master falls silent, the backup takes over.",
        network=two_routers,
        play=play_vrrp,
        points=("client:eth0",),
        only_ipv4="the takeover is told by ARP",
        story=Story((Told("arp"), Told("vrrp"), Told("vrrp")), ("silent for 0.36 s",), Level.CONVERSATION),
        real=Real(
            "keepalived",
            "VRRP by keepalived: the master's cable is pulled, the backup takes over.",
            play_vrrp_real,
            (Told("vrrp"), Told("vrrp")),
            (f"router2 has {VIRTUAL}",),
        ),
    ),
    Scenario(
        name="haproxy",
        topics=(19,),
        line="A balancer with health checks (HAProxy's part, played in Python): who is down gets no requests.",
        network=in_front,
        play=play_haproxy,
        points=EVERYWHERE,
        story=Story(
            (
                *(Told(outcome="closed normally"), Told(outcome="refused")),
                *(Told(outcome="closed normally"),) * 8,
            ),
            ("I am backend1", "I am backend1", "I am backend2"),
            Level.OUTCOME,
        ),
        real=Real(
            "haproxy",
            "HAProxy as a balancer that checks its servers: who is down gets no requests.",
            play_haproxy_real,
            (Told(outcome="refused"), Told(outcome="closed normally")),
            ("I am backend1", "I am backend1 I am backend2"),
        ),
    ),
)
