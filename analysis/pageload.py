"""From a name to a page: what had to happen before a server answered, phase by phase with the time each took.

The phases are those that a browser goes through: ARP for a machine on the same network, DNS for the name, TCP's
handshake, TLS's (RFC 8446 section 2: from the ClientHello to the client's Finished), then a request and its reply.
Which of them belong together is deduced: the last DNS answer that told the server's address before the connection was
opened, and the first ARP answer about the machines that were spoken to. What TLS hides is told as its first data each
way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from analysis.connections import NO_PACKET
from analysis.names import addresses_of
from analysis.neighbours import How, question
from analysis.tls import tls_words
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.details import Detail
    from analysis.exchanges import Exchange
    from analysis.names import Name
    from analysis.neighbours import Neighbour
    from analysis.snapshot import Snapshot

MOST: Final = 1000
"""Page loads kept."""
NO_CONNECTION: Final = -1


@unique
class Kind(StrEnum):
    """A phase's protocol."""

    ARP = "ARP"
    DNS = "DNS"
    TCP = "TCP"
    TLS = "TLS"
    HTTP = "HTTP"


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: from `begin_ns` to `end_ns` (since the epoch), and the packet (a row) that it begins with."""

    kind: Kind
    words: str
    begin_ns: int
    end_ns: int
    packet: int


@dataclass(frozen=True, slots=True)
class PageLoad:
    """What led to the first replies of one server; the phases are in the order of their beginnings."""

    name: str  # of the server; its address where it has none
    address: str
    connection: int
    phases: tuple[Phase, ...]


class PageLoads:
    """Puts together what was learnt; `details` are those of the packets that carry payload, ascending."""

    def __init__(
        self,
        snapshot: Snapshot,
        learned: tuple[tuple[Name, ...], tuple[Neighbour, ...], tuple[Exchange, ...]],
        details: Iterable[Detail],
    ) -> None:
        self._snapshot = snapshot
        self._times = snapshot.packets.time_ns
        names, neighbours, exchanges = learned
        self._names = {each.address: each.name for each in names}
        self._answers = {each.address: each for each in reversed(neighbours) if each.how is How.ANSWERED}
        self._requests: defaultdict[int, list[Exchange]] = defaultdict(list)
        self._lookups: defaultdict[str, list[Exchange]] = defaultdict(list)
        for exchange in exchanges:
            if exchange.reply_packet is not None and exchange.kind == Kind.HTTP:
                self._requests[exchange.connection].append(exchange)
            elif exchange.reply_packet is not None and exchange.kind == Kind.DNS:
                for word in (exchange.reply or "").split():  # the addresses among them
                    self._lookups[word].append(exchange)
        for asked in self._lookups.values():
            asked.sort(key=self._answered_ns)
        self._of: dict[int, list[Detail]] = {}
        self._questions: defaultdict[str, list[int]] = defaultdict(list)
        for detail in details:
            if (row := int(snapshot.packets.connection[detail.packet])) != NO_CONNECTION:
                self._of.setdefault(row, []).append(detail)
            if target := question(Protocol(int(snapshot.packets.protocol[detail.packet])), detail):
                self._questions[target].append(detail.packet)

    def all(self) -> Iterator[PageLoad]:
        """Each TCP connection on which HTTP or TLS was spoken and whose server was looked up by name, in order."""
        for connection in sorted(self._of):
            if connection in self._requests or self._speaks_tls(connection):
                found = self._load(connection)
                if any(phase.kind is Kind.DNS for phase in found.phases):
                    yield found

    def _speaks_tls(self, connection: int) -> bool:
        first = self._of[connection][0]
        return tls_words(first.data[first.payload :] if first.payload >= 0 else b"").startswith("TLS ClientHello")

    def _load(self, connection: int) -> PageLoad:
        first = self._of[connection][0]
        client, server = addresses_of(first)
        if self._from_server(first):
            client, server = server, client
        phases = [*self._opening(connection), *self._tls(connection), *self._http(connection)]
        begin = min((phase.begin_ns for phase in phases), default=int(self._times[first.packet]))
        asked = self._dns(server, begin)
        phases += [phase for phase, _ in asked]
        for address in (server, *(resolver for _, resolver in asked)):
            phases += self._arp(address, begin)
        return PageLoad(
            self._names.get(server, server), server, connection, tuple(sorted(phases, key=lambda phase: phase.begin_ns))
        )

    def _from_server(self, detail: Detail) -> bool:
        from_b = bool(int(self._snapshot.packets.flags[detail.packet]) & Flag.FROM_B)
        return from_b != bool(self._snapshot.connections.client[self._snapshot.packets.connection[detail.packet]])

    def _phase(self, kind: Kind, words: str, first: int, last: int) -> Phase:
        return Phase(kind, words, int(self._times[first]), int(self._times[last]), first)

    def _opening(self, connection: int) -> Iterator[Phase]:
        c = self._snapshot.connections
        syn, established = int(c.syn_packet[connection]), int(c.established_packet[connection])
        if NO_PACKET not in (syn, established):
            yield self._phase(Kind.TCP, "handshake", syn, established)

    def _tls(self, connection: int) -> Iterator[Phase]:
        """The handshake, and then the first data each way."""
        told = [(each, tls_words(each.data[each.payload :])) for each in self._of[connection] if each.payload >= 0]
        hello = next((each.packet for each, words in told if words.startswith("TLS ClientHello")), None)
        if hello is None:
            return
        ends = ("TLS ChangeCipherSpec", "TLS application data", "TLS ClientKeyExchange")
        own = [each.packet for each, words in told if words.startswith(ends) and not self._from_server(each)]
        finished = next((packet for packet in own if packet > hello), None)
        if finished is None:
            return
        yield self._phase(Kind.TLS, "handshake", hello, finished)
        data = [each for each, words in told if words == "TLS application data" and each.packet > finished]
        request = next((each.packet for each in data if not self._from_server(each)), None)
        reply = next((each.packet for each in data if self._from_server(each) and each.packet > (request or 0)), None)
        if request is not None and reply is not None:
            yield self._phase(Kind.HTTP, "first data each way, encrypted", request, reply)

    def _http(self, connection: int) -> Iterator[Phase]:
        for each in self._requests.get(connection, ()):
            if each.reply_packet is not None:
                yield self._phase(Kind.HTTP, f"{each.request}: {each.reply}", each.request_packet, each.reply_packet)

    def _answered_ns(self, exchange: Exchange) -> int:
        assert exchange.reply_packet is not None
        return int(self._times[exchange.reply_packet])

    def _dns(self, server: str, before_ns: int) -> list[tuple[Phase, str]]:
        """The question whose answer told the address, and the resolver that was asked."""
        known = self._lookups.get(server, [])
        place = bisect_right(known, before_ns, key=self._answered_ns) - 1
        if place < 0:
            return []
        each, details = known[place], self._of[known[place].connection]
        assert each.reply_packet is not None
        asked = details[bisect_left(details, each.request_packet, key=lambda detail: detail.packet)]
        return [(self._phase(Kind.DNS, each.request, each.request_packet, each.reply_packet), addresses_of(asked)[1])]

    def _arp(self, address: str, before_ns: int) -> Iterator[Phase]:
        """From the last question before the answer, where one was captured, to the answer."""
        each = self._answers.get(address)
        if each is not None and int(self._times[each.packet]) <= before_ns:
            asked = self._questions.get(address, [])
            place = bisect_left(asked, each.packet) - 1
            first = each.packet if place < 0 else asked[place]
            yield self._phase(Kind.ARP, f"{address} is at {each.hardware}", first, each.packet)
