"""Which request caused which other: a proxy, a balancer or a resolver asks others because it was asked itself.

A cause is a turn (`analysis.causes_turns`) whose server, or another address of the same machine, is the client of the
effect, and that waited for its reply when the effect was asked. Where a field or bytes of the effect say whose request
it is, the machine need not be known. Certain is only what packets say themselves; what time alone suggests is likely,
if nothing else could be meant; if two would do equally well, nothing is said. Replies that were not waited for, and
streams of HTTP/2, are not told apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.causes_evidence import (
    STRONG,
    SURE,
    Fact,
    Kind,
    Messages,
    answered_first,
    asked_for,
    for_somebody_else,
    on_behalf,
    opened_for,
    same_bytes,
)
from analysis.causes_translated import translated
from analysis.causes_turns import Turn, lookups, turns
from analysis.connections import NO_PACKET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.exchanges import Exchange
    from analysis.machines import Machines
    from analysis.reading import Reading

MOST: Final = 20_000
"""Causes kept."""
MOST_IN_VAIN: Final = 5000
"""Connections without payload that are looked at: a scan opens any number."""
AT_ONCE: Final = 32
"""Of more requests that wait at the same time, the latest are looked at."""
LITTLE_NS: Final = 5_000_000
"""What a machine may need for itself; if it needed more, then by time alone it must have waited longer than that."""


@unique
class Confidence(StrEnum):
    """How sure it is."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class Cause:
    """The request of one connection, and what it caused in another: packets are rows.

    `opening` is the SYN of the effect's connection, if that was opened for it, and `request` what was asked on it, if
    anything; one of them is there.
    """

    connection: int
    packet: int
    effect: int
    opening: int | None
    request: int | None
    confidence: Confidence
    evidence: tuple[Fact, ...]

    @property
    def effect_packet(self) -> int:
        """The first packet of the effect."""
        return self.request if self.opening is None else self.opening  # type: ignore[return-value]


class Causes:
    """Looks for causes among the packets that carry payload: `rows` and their `details`.

    Connections that carry none are looked at where their SYN is in `part` of the packet table, if one is given.
    """

    def __init__(
        self,
        reading: Reading,
        rows: NDArray[np.int64],
        details: Mapping[int, Detail],
        machines: Machines,
        part: range | None = None,
    ) -> None:
        self._part = part
        self._reading, self._snapshot, self._rows, self._machines = reading, reading.snapshot, rows, machines
        self._messages = Messages(reading, details)

    def all(self, exchanges: Sequence[Exchange]) -> tuple[Cause, ...]:
        """In the order of the effects."""
        found = [*turns(self._snapshot, self._rows), *lookups(self._snapshot, tuple(exchanges))]
        self._waiting = _Waiting(sorted(found, key=lambda turn: turn.begin_ns), self._messages, self._machines)
        told = [*self._translated(), *self._caused(found), *self._in_vain()]
        return tuple(sorted(told, key=lambda cause: (cause.effect_packet, cause.packet))[:MOST])

    def _translated(self) -> Iterator[Cause]:
        for outer, inner, facts in translated(self._reading, self._part):
            c = self._snapshot.connections
            yield Cause(
                outer, int(c.syn_packet[outer]), inner, int(c.syn_packet[inner]), None, Confidence.CERTAIN, facts
            )

    def _caused(self, found: list[Turn]) -> Iterator[Cause]:
        """Each turn's cause, and that of the opening of its connection where it is another or the only one."""
        for effect in sorted(found, key=lambda turn: turn.begin_ns):  # what one reads, the next one needs as well
            opening = self._opening(effect) if effect.number == 0 else None
            chosen = self._choose(effect, opening)
            if opening is not None and (chosen is None or chosen.opening is None):
                first = self._choose_opening(effect, opening)
                if first is not None:
                    yield first
            if chosen is not None:
                yield chosen

    def _in_vain(self) -> Iterator[Cause]:
        """Connections that were opened, or not, while a request waited, and that carried nothing: by time alone."""
        c, times = self._snapshot.connections, self._snapshot.packets.time_ns
        silent = (c.syn_packet >= 0) & (c.payload_bytes[:, 0] == 0) & (c.payload_bytes[:, 1] == 0)
        if self._part is not None:
            silent &= (c.syn_packet >= self._part.start) & (c.syn_packet < self._part.stop)
        for row in np.flatnonzero(silent)[:MOST_IN_VAIN].tolist():
            syn, last = int(c.syn_packet[row]), int(c.last_packet[row])
            effect = Turn(row, 0, (syn,), (last,), int(times[syn]), int(times[last]), 0)
            offers = [
                (cause, tuple(self._in_time(Kind.OPENED, cause, syn)))
                for cause, same_machine in self._waiting.at(effect.begin_ns, effect)
                if same_machine and self._suits(cause, effect)
            ]
            found = self._best(offers, effect, None)
            if found is not None:
                yield found

    def _opening(self, effect: Turn) -> int | None:
        syn = int(self._snapshot.connections.syn_packet[effect.connection])
        return None if effect.lookup or syn == NO_PACKET else syn

    def _choose(self, effect: Turn, opening: int | None) -> Cause | None:
        """The one request that explains a turn best."""
        proxied = self._proxied(effect, opening)
        if proxied is not None:
            return proxied
        offers = []
        for cause, same_machine in self._waiting.at(effect.begin_ns, effect):
            if for_somebody_else(self._messages, cause, effect):
                continue
            facts = self._in_time(Kind.ASKED, cause, effect.packet)
            if opening is not None and self._during(cause, opening):
                facts[:0] = self._in_time(Kind.OPENED, cause, opening)
            said = self._said(cause, effect) if same_machine else self._said_elsewhere(cause, effect)
            if _telling(said) or (same_machine and self._suits(cause, effect)):
                offers.append((cause, (*facts, *said)))
        return self._best(offers, effect, effect.packet)

    def _said(self, cause: Turn, effect: Turn) -> list[Fact]:
        return list(asked_for(self._messages, cause, effect, self._reading.names))

    def _said_elsewhere(self, cause: Turn, effect: Turn) -> list[Fact]:
        """Where the machine is not known: the client is named and the same is asked for, or all bytes are the same."""
        if self._messages.head(effect).forwarded:
            if not any(on_behalf(self._messages, cause, effect)):
                return []
            said = self._said(cause, effect)
            return said if any(fact.kind in (Kind.SAME_REQUEST, Kind.SAME_HOST) for fact in said) else []
        if (
            effect.lookup
            or cause.request_bytes != effect.request_bytes
            or not answered_first(self._snapshot, cause, effect)
        ):
            return []
        same = list(same_bytes(self._messages, cause, effect))
        both = {Kind.SAME_SENT, Kind.SAME_BODY} <= {fact.kind for fact in same}
        return same if both else []

    def _suits(self, cause: Turn, effect: Turn) -> bool:
        """By time alone: the machine did little else while the other waited, and is not that other itself.

        On one machine alone, any of its programs may be the one that asks; and whoever is asked back was not asked for.
        Where only a part of the capture is looked at, nothing is said so near its beginning that a request from before
        might do as well.
        """
        if effect.lookup or not answered_first(self._snapshot, cause, effect):
            return False
        took, waited = self._time(effect.reply[0]) - effect.begin_ns, cause.end_ns - cause.begin_ns
        before = self._part is not None and self._part.start > 0
        if before and effect.begin_ns - self._time(self._part.start) <= max(took, LITTLE_NS):  # type: ignore[union-attr]
            return False
        client, server = self._messages.client(cause)[0], self._messages.server(cause)[0]
        others = {self._machines.key(each) for each in (server, self._messages.server(effect)[0])}
        return waited - took <= max(took, LITTLE_NS) and self._machines.key(client) not in others

    def _choose_opening(self, effect: Turn, opening: int) -> Cause | None:
        """The request that a connection was opened for: one that names its server, when another was the first on it."""
        offers = []
        server = self._messages.server(effect)
        for cause, same_machine in self._waiting.at(self._time(opening), effect):
            said = list(opened_for(self._messages, cause, server, self._reading.names, opening))
            if same_machine and said:
                offers.append((cause, (*self._in_time(Kind.OPENED, cause, opening), *said)))
        return self._best(offers, effect, None)

    def _proxied(self, effect: Turn, opening: int | None) -> Cause | None:
        """What the client's end caused that a PROXY protocol header names: its request, or else its connecting."""
        said = self._messages.head(effect).proxied if effect.number == 0 and not effect.lookup else None
        cause = None if said is None else self._waiting.of_client((said.address, said.port), effect)
        if said is None or cause is None or self._over(cause.connection, effect.packet):
            return None
        syn = int(self._snapshot.connections.syn_packet[cause.connection])
        first = effect.packet if opening is None or opening < syn else opening
        packet = syn if syn != NO_PACKET and cause.packet > first else cause.packet
        fact = Fact(Kind.PROXY_HEADER, (packet, effect.packet), f"{said.address} {said.port}", said.version)
        told = opening if opening is not None and opening > packet else None
        return Cause(cause.connection, packet, effect.connection, told, effect.packet, Confidence.CERTAIN, (fact,))

    def _over(self, connection: int, packet: int) -> bool:
        """Whether a connection was closed or reset before a packet."""
        c = self._snapshot.connections
        resets, fins = c.rst_packet[connection].tolist(), c.fin_packet[connection].tolist()
        return any(0 <= reset < packet for reset in resets) or all(0 <= fin < packet for fin in fins)

    def _best(self, offers: list[tuple[Turn, tuple[Fact, ...]]], effect: Turn, request: int | None) -> Cause | None:
        offers.sort(key=lambda offer: _weight(offer[1]), reverse=True)
        if not offers or (len(offers) > 1 and _weight(offers[0][1]) == _weight(offers[1][1])):
            return None
        cause, facts = offers[0]
        syn = self._opening(effect) if effect.number == 0 else None
        opened = syn is not None and (request is None or self._during(cause, syn))
        by_chance = {fact.kind for fact in facts} <= {Kind.OPENED, Kind.ASKED, Kind.SAME_SENT, Kind.SAME_BODY}
        known = self._machines.key(self._messages.server(cause)[0]) == self._machines.key(
            self._messages.client(effect)[0]
        )
        sure = _certain(facts) and (known or not by_chance)
        confidence = Confidence.CERTAIN if sure else Confidence.LIKELY
        return Cause(
            cause.connection, cause.packet, effect.connection, syn if opened else None, request, confidence, facts
        )

    def _in_time(self, kind: Kind, cause: Turn, packet: int) -> list[Fact]:
        return [Fact(kind, (cause.packet, packet), number=self._time(packet) - cause.begin_ns)]

    def _during(self, cause: Turn, packet: int) -> bool:
        return cause.begin_ns <= self._time(packet) <= cause.end_ns

    def _time(self, packet: int) -> int:
        return int(self._snapshot.packets.time_ns[packet])


class _Waiting:
    """Requests that waited for their replies at a time. `turns` in the order of their beginnings."""

    def __init__(self, turns_: Sequence[Turn], messages: Messages, machines: Machines) -> None:
        self._turns = turns_
        self._begin = np.array([turn.begin_ns for turn in turns_], np.int64)
        self._end = np.array([turn.end_ns for turn in turns_], np.int64)
        self._connection = np.array([turn.connection for turn in turns_], np.int64)
        self._numbers: dict[int | str, int] = {}
        self._messages, self._machines = messages, machines
        self._server = np.array([self._machine(messages.server(turn)[0]) for turn in turns_], np.int64)
        self._client = np.array([self._machine(messages.client(turn)[0]) for turn in turns_], np.int64)
        first = messages.reading.snapshot.connections.first_packet
        self._by_client: defaultdict[tuple[str, int], list[tuple[int, Turn]]] = defaultdict(list)
        for turn in turns_:
            if turn.number == 0 and not turn.lookup:
                self._by_client[messages.client(turn)].append((int(first[turn.connection]), turn))
        for connections in self._by_client.values():
            connections.sort(key=_first_packet)

    def at(self, time_ns: int, effect: Turn) -> Iterator[tuple[Turn, bool]]:
        """Each that could be the cause of an effect at a time, and whether the effect's client is its server."""
        asker = self._machine(self._messages.client(effect)[0])
        begun = int(np.searchsorted(self._begin, time_ns, side="right"))
        waiting = np.flatnonzero(self._end[:begun] >= time_ns)
        waiting = waiting[self._connection[waiting] != effect.connection]
        own = self._server[waiting] == asker
        # Somebody who asks two servers is not the one's client because of the other.
        others = ~own & (self._client[waiting] != asker)
        for same_machine, some in ((True, waiting[own]), (False, waiting[others])):
            for place in some[-AT_ONCE:].tolist():
                yield self._turns[place], same_machine

    def of_client(self, end: tuple[str, int], effect: Turn) -> Turn | None:
        """The first turn of the latest connection from this address and port that began before."""
        known = self._by_client.get(end, [])
        latest = known[: bisect_left(known, effect.packet, key=_first_packet)][-2:]
        return next((turn for _, turn in reversed(latest) if turn.connection != effect.connection), None)

    def _machine(self, address: str) -> int:
        return self._numbers.setdefault(self._machines.key(address), len(self._numbers))


def _first_packet(known: tuple[int, Turn]) -> int:
    return known[0]


def _certain(facts: Sequence[Fact]) -> bool:
    """Whether packets say it themselves. A body alone may be what a server answers everybody."""
    kinds = {fact.kind for fact in facts}
    return bool(kinds & STRONG) or kinds >= {Kind.SAME_BODY, Kind.SAME_REQUEST}


def _telling(facts: Sequence[Fact]) -> bool:
    """Whether packets say so much that time need not."""
    return _certain(facts) or any(fact.kind is Kind.SAME_BODY and (fact.number or 0) >= SURE for fact in facts)


def _weight(facts: Sequence[Fact]) -> tuple[int, int]:
    """What counts for more: strong facts, then how many there are."""
    strong = sum(fact.kind in STRONG for fact in facts)
    return strong + _telling(facts), len(facts)
