"""Names: a resolver that asks its way down from the root, remembers, and a CDN whose name leads to a near edge."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from lab import dns, http
from lab.dns import AAAA, CNAME, PTR, A, Message, Record
from lab.network import End, Lan, Network
from lab.real import dnsmasq
from lab.scenario import Level, Real, Scenario, Story, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Host, Stage

WWW: Final = "www.shop.example"
RECORDS: Final = (
    Record(WWW, A, "10.0.0.80"),
    Record(WWW, AAAA, "fd00::80"),
    Record("shop.example", A, "10.0.0.80"),
    Record(dns.reverse("10.0.0.80"), PTR, WWW),
)
QUESTIONS: Final = ((WWW, A), (WWW, A), (WWW, AAAA), (dns.reverse("10.0.0.80"), PTR), ("no.shop.example", A))
ANSWERS: Final = ("10.0.0.80", "10.0.0.80", "fd00::80", WWW, "no such name")
RESOLVED: Final = Told("udp")


def name_servers(options: Mapping[str, float]) -> Network:
    """A client, its resolver, and the servers of the root, of `example` and of `shop.example`."""
    del options
    hosts = (
        End("client", "10.0.0.10/24"),
        End("resolver", "10.0.0.53/24"),
        End("root", "10.0.0.1/24"),
        End("tld", "10.0.0.2/24"),
        End("authority", "10.0.0.3/24"),
    )
    return Network(lans=(Lan("LAN", hosts),))


class Resolver:
    """Answers for others: asks from the root down, follows what servers refer to, and remembers answers."""

    def __init__(self, host: Host, root: str) -> None:
        self._host, self._root = host, root
        self._known: dict[tuple[str, int], Message] = {}
        self._number = 0x1000

    def answer(self, query: Message) -> Message:
        """From memory, if it was asked before."""
        key = query.name, query.kind
        if key not in self._known:
            self._known[key] = self._resolve(*key)
        found = self._known[key]
        flags = dns.RESPONSE | dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE | found.flags & 0xF
        return Message(query.number, flags, query.name, query.kind, answers=found.answers)

    def _resolve(self, name: str, kind: int) -> Message:
        server = self._root
        while True:
            self._number += 1
            found = dns.ask(self._host, server, name, kind, number=self._number, recursive=False)
            if found.answers or not found.additional:
                return found
            server = found.additional[0].value


def play_dns(stage: Stage) -> None:
    """An address, the same again, its IPv6 form, the way back to the name, and a name that is not there."""
    root, tld, authority, resolver = (stage[name] for name in ("root", "tld", "authority", "resolver"))
    below = {"example": ("ns.example", tld.address), "arpa": ("ns.example", tld.address)}
    root.start(dns.serve, _endpoint(root), 4, dns.zone((), below))
    below = {"shop.example": ("ns.shop.example", authority.address), "arpa": ("ns.shop.example", authority.address)}
    tld.start(dns.serve, _endpoint(tld), 4, dns.zone((), below))
    authority.start(dns.serve, _endpoint(authority), 4, dns.zone(RECORDS, {}))
    resolver.start(dns.serve, _endpoint(resolver), 5, Resolver(resolver, root.address).answer)
    for number, (name, kind) in enumerate(QUESTIONS, 1):
        found = dns.ask(stage["client"], resolver.address, name, kind, number=number)
        stage.answer(found.answers[-1].value if found.answers else "no such name")


def play_dns_real(stage: Stage) -> None:
    """The same questions, to dnsmasq; it asks no root, only the name server that it is told."""
    records = [f"--host-record={WWW},10.0.0.80,fd00::80", "--local=/shop.example/", "--local-ttl=60"]
    dnsmasq.play(stage, QUESTIONS, records)


def _endpoint(host: Host) -> NotedSocket:
    return host.bound(dns.PORT, socket.SOCK_DGRAM)


NEAR: Final = "edge-near.cdn.example"
CDN_NAMES: Final = (Record(WWW, CNAME, "shop.cdn.example"), Record("shop.cdn.example", CNAME, NEAR))


def content_network(options: Mapping[str, float]) -> Network:
    """A client, the name server of the CDN, a near edge and the origin."""
    del options
    hosts = (
        End("client", "10.0.0.10/24"),
        End("resolver", "10.0.0.53/24"),
        End("edge", "10.0.0.81/24"),
        End("origin", "10.0.0.90/24"),
    )
    return Network(lans=(Lan("LAN", hosts),))


def play_cdn(stage: Stage) -> None:
    """The name leads to a near edge; the first page is fetched from the origin, the second is in the edge's cache."""
    resolver, edge, origin = stage["resolver"], stage["edge"], stage["origin"]
    near = dns.address_of(NEAR, edge.address, ttl=20)
    resolver.start(dns.serve, _endpoint(resolver), 2, dns.zone([*CDN_NAMES, near], {}))
    origin.start(http.serve, origin.listen(80), 1, lambda _: http.reply("the page"))
    edge.start(http.serve, edge.listen(80), 2, Cache(edge, origin.address).answer)
    for number in (1, 2):
        found = dns.ask(stage["client"], resolver.address, WWW, near.kind, number=number)
        response = http.get(stage["client"], found.answers[-1].value, WWW, "/")
        stage.answer(f"{response.fields['X-Cache']}, Age {response.fields['Age']}: {response.body}")
        stage.quiet()


class Cache:
    """An edge server that keeps what it fetched."""

    def __init__(self, host: Host, origin: str) -> None:
        self._host, self._origin = host, origin
        self._kept: dict[str, tuple[float, str]] = {}

    def answer(self, request: http.Request) -> bytes:
        """From the cache if it is there, else from the origin."""
        kept = self._kept.get(request.path)
        if kept is None:
            body = http.get(self._host, self._origin, request.fields["Host"], request.path, via="1.1 edge").body
            self._kept[request.path] = time.monotonic(), body
            return http.reply(body, Age="0", **{"X-Cache": "MISS"})
        return http.reply(kept[1], Age=f"{time.monotonic() - kept[0]:.0f}", **{"X-Cache": "HIT"})


SCENARIOS = (
    Scenario(
        name="dns",
        topics=(16,),
        line="DNS: a resolver asks its way down from the root, and the second time answers from memory.",
        network=name_servers,
        play=play_dns,
        points=("resolver:eth0",),
        story=Story(
            (RESOLVED,) * 17,
            ANSWERS,
            Level.ORDER,
        ),
        real=Real(
            "dnsmasq",
            "DNS by dnsmasq: a name server, and a resolver that asks it and the second time answers from memory.",
            play_dns_real,
            (RESOLVED,) * 9,
            ANSWERS,
        ),
    ),
    Scenario(
        name="cdn",
        topics=(22,),
        line="CDN: a chain of names leads to a near edge; a miss goes on to the origin, a hit does not.",
        network=content_network,
        play=play_cdn,
        points=("client:eth0", "resolver:eth0", "edge:eth0", "origin:eth0"),
        story=Story(
            (Told("udp"), Told(), Told(), Told("udp"), Told()),
            ("MISS, Age 0: the page", "HIT, Age 0: the page"),
            Level.OUTCOME,
        ),
    ),
)
