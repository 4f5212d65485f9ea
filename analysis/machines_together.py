"""Connections that belong together, as the steps of one story between machines.

To a connection belong those that it was caused by and those that it caused (`analysis.causes`), what these caused in
turn, and the lookups of a page load; of one that is kept open for many requests, the part for these. A step is one
packet on its way from machine to machine: the ways come from the hardware addresses of each point where it was
captured, and its ends from its IP addresses. A packet whose addresses were changed on the way (NAT) is one step with
two connections. All of it is deduced.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.causes_evidence import Kind
from analysis.machines_ways import Ways
from analysis.passing import Losses
from capture.protocol import TCP_FLAGS, Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from analysis.details import Detail
    from analysis.learned import Learned
    from analysis.machines_ways import Node
    from analysis.reading import Reading
    from analysis.snapshot import Snapshot

MOST_CONNECTIONS: Final = 24
MOST_PACKETS: Final = 5000
"""Of larger stories the packets around one are told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One packet, or the same with other addresses: `packets` are rows where it was seen first, the earliest first."""

    packets: tuple[int, ...]
    connections: tuple[int, ...]
    path: tuple[Node, ...]  # two machines or more, the sender first
    lost: bool = False  # on its way to the last of these (`analysis.passing`)


@dataclass(frozen=True, slots=True)
class Together:
    """The story of some connections. `lanes` are its machines in the order of the way that a request takes."""

    connections: tuple[int, ...]
    lanes: tuple[Node, ...]
    steps: tuple[Step, ...]
    details: Mapping[int, Detail]  # of every step's packets
    rows: Mapping[int, NDArray[np.int64]]  # of each connection's packets, int64, ascending
    ways: Ways
    whole: bool  # nothing that belongs to it was left out
    until: int  # how many packets the capture had
    part: range | None  # the rows of the capture that it is told of; None: all


def family(
    learned: Learned, snapshot: Snapshot, connection: int, around: int | None = None
) -> tuple[dict[int, int], bool]:
    """The connections that belong to one, each with how far it is from the first cause; whether these are all.

    What a page load needed, as its lookups, belongs to the first load that needed it. Of too many, those are kept
    that were caused first, or nearest to a packet (`around`, a row).
    """
    causes = learned.causes
    if around is not None:
        causes = tuple(sorted(causes, key=lambda cause: abs(cause.effect_packet - around)))
    down, up = _both_ways(causes)
    needed = {
        load.connection: {int(snapshot.packets.connection[phase.packet]) for phase in load.phases}
        for load in learned.page_loads
    }
    load = next((row for row, phases in needed.items() if connection in phases), connection)
    depth = dict.fromkeys(_roots(connection if connection in up else load, up), 0)
    for row in list(depth):
        depth |= dict.fromkeys(needed.get(row, ()), 0)
    waiting = deque(depth)
    while waiting and len(depth) <= MOST_CONNECTIONS:
        one = waiting.popleft()
        for other in down[one]:
            if other not in depth:
                depth[other] = depth[one] + 1
                waiting.append(other)
    kept = dict(list(depth.items())[:MOST_CONNECTIONS])
    if connection not in kept:
        kept.popitem()
        kept[connection] = 1
    return kept, len(depth) <= MOST_CONNECTIONS


def _both_ways(causes: Iterable[Cause]) -> tuple[defaultdict[int, list[int]], defaultdict[int, list[int]]]:
    down: defaultdict[int, list[int]] = defaultdict(list)
    up: defaultdict[int, list[int]] = defaultdict(list)
    for each in causes:
        down[each.connection].append(each.effect)
        up[each.effect].append(each.connection)
    return down, up


def _roots(connection: int, up: Mapping[int, list[int]]) -> list[int]:
    """What was not caused by anything known, of all that led to a connection; itself, if nothing did."""
    seen, waiting, roots = {connection}, deque([connection]), []
    while waiting and len(seen) <= MOST_CONNECTIONS:
        one = waiting.popleft()
        causes = up.get(one, [])
        if not causes:
            roots.append(one)
        for other in causes:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return roots or [connection]


def together(reading: Reading, learned: Learned, connection: int, around: int | None = None) -> Together:
    """The story that a connection belongs to; of a long one, what is `around` a packet (a row), else its beginning.

    Reads the capture: not for the screen's thread. Of a capture that grows, it is what `learned` knew of it.
    """
    snapshot = reading.snapshot
    depth, whole = family(learned, snapshot, connection, around)
    connections = sorted(depth, key=lambda row: (depth[row], int(snapshot.connections.first_packet[row])))
    rows = {row: reading.packets_of(row, learned.part or range(learned.until)) for row in connections}
    own = [_own_part(learned.causes, connections, row, rows[row]) for row in connections if row != connection]
    first = np.sort(np.concatenate([rows[connection], *own]))
    begin = min(max(int(np.searchsorted(first, around or 0)) - MOST_PACKETS // 2, 0), max(len(first) - MOST_PACKETS, 0))
    shown = first[begin : begin + MOST_PACKETS]
    part = learned.part
    if len(shown) < len(first):
        part = range(int(shown[0]), int(shown[-1]) + 1)
        rows = {row: some[(some >= part.start) & (some < part.stop)] for row, some in rows.items()}
    again = _again(snapshot, shown)
    wanted = np.union1d(shown, [row for rows_ in again.values() for row in rows_]).astype(np.int64)
    details = {detail.packet: detail for detail in reading.details(wanted)}
    ways = Ways(snapshot.connections, learned.machines, learned.causes, connections)
    losses = Losses(snapshot)
    steps = []
    for packet in shown.tolist():
        seen = [details[row] for row in (packet, *again.get(packet, ())) if row in details]
        row = int(snapshot.packets.connection[packet])
        path = ways.path(row, seen, from_client=_from_client(snapshot, packet))
        fate = losses.of(packet)
        last = None if fate is None else ways.point(snapshot.interfaces[fate[0]].name or "")
        # Where it went next from the last point that saw it, it did not arrive.
        path = path[: path.index(last) + 2] if last in path[:-1] else path
        steps.append(Step((packet,), (row,), path, fate is not None))
    steps = _joined(snapshot, steps, details, _translations(learned.causes, connections))
    lanes = _lanes(steps, connections)
    whole = whole and part is None
    return Together(tuple(connections), lanes, tuple(steps), details, rows, ways, whole, learned.until, part)


def _own_part(
    causes: Iterable[Cause], connections: Sequence[int], row: int, packets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of a connection that is kept open for many requests, the packets from one that belongs here to the next."""
    told = [each for each in causes if each.effect == row]
    if all(each.connection in connections for each in told):
        return packets
    starts = np.array(sorted({each.effect_packet for each in told}))
    here = [each.effect_packet for each in told if each.connection in connections]
    turn = np.searchsorted(starts, packets, side="right") - 1
    wanted: NDArray[np.int64] = packets[np.isin(starts[np.maximum(turn, 0)], here) & (turn >= 0)]
    return wanted


def _again(snapshot: Snapshot, packets: NDArray[np.int64]) -> dict[int, list[int]]:
    """The rows where packets were seen again, in the order of time."""
    pairs = snapshot.sightings[np.isin(snapshot.sightings[:, 1], packets)]
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row, same in pairs[np.argsort(snapshot.packets.time_ns[pairs[:, 0]], kind="stable")].tolist():
        found[same].append(row)
    return found


def _from_client(snapshot: Snapshot, packet: int) -> bool:
    from_b = bool(int(snapshot.packets.flags[packet]) & Flag.FROM_B)
    return int(from_b) == int(snapshot.connections.client[snapshot.packets.connection[packet]])


def _translations(causes: Iterable[Cause], connections: Sequence[int]) -> dict[int, int]:
    """The connection as it came, by the same with other addresses."""
    some = set(connections)
    return {
        each.effect: each.connection
        for each in causes
        if {each.effect, each.connection} <= some and any(fact.kind is Kind.SAME_NUMBERS for fact in each.evidence)
    }


def _joined(
    snapshot: Snapshot, steps: list[Step], details: Mapping[int, Detail], outer_of: Mapping[int, int]
) -> list[Step]:
    """A packet on both sides of an address translator as one step: its numbers, flags and length are the same."""
    if not outer_of:
        return steps
    both = set(outer_of) | set(outer_of.values())
    waiting: defaultdict[tuple[int, ...], deque[int]] = defaultdict(deque)
    kept: list[Step | None] = []
    for step in steps:
        packet, row = step.packets[0], step.connections[0]
        detail = details.get(packet)
        if row not in both or detail is None or detail.gone:
            kept.append(step)
            continue
        from_client = _from_client(snapshot, packet)
        length = int(snapshot.packets.payload_length[packet])
        flags = int(snapshot.packets.flags[packet]) & TCP_FLAGS
        alike = (from_client, detail.sequence, detail.acknowledgment, flags, length)
        inner = row in outer_of
        other = (outer_of[row] if inner else row, int(not inner), *alike)
        if waiting[other]:
            place = waiting[other].popleft()
            before = kept[place]
            assert before is not None
            outside, inside = (before, step) if inner else (step, before)
            path = _through(outside.path, inside.path, from_client=from_client)
            kept[place] = Step((*before.packets, packet), (*before.connections, row), path, step.lost)
        else:
            waiting[other[0], int(inner), *alike].append(len(kept))
            kept.append(step)
    return [step for step in kept if step is not None]


def _through(outside: tuple[Node, ...], inside: tuple[Node, ...], *, from_client: bool) -> tuple[Node, ...]:
    """The whole way of a packet whose addresses were changed on it."""
    one, other = (outside, inside) if from_client else (outside[::-1], inside[::-1])
    begin = one[:-1] if one[-1] == other[-1] else one
    way = (*begin, *(node for node in other if node not in begin))
    return way if from_client else way[::-1]


def _lanes(steps: Sequence[Step], connections: Sequence[int]) -> tuple[Node, ...]:
    """Every machine once: in the order in which the connections, causes first, come to it."""
    of: defaultdict[int, list[Step]] = defaultdict(list)
    for step in steps:
        of[min(step.connections, key=connections.index)].append(step)
    lanes: list[Node] = []
    for row in connections:
        for path in dict.fromkeys(step.path for step in of[row]):
            at = len(lanes)
            for node in path:
                if node in lanes:
                    at = lanes.index(node) + 1 if len(path) > 2 else len(lanes)
                else:
                    # One that hands packets on stands right behind the one it has them from.
                    lanes.insert(at, node)
                    at += 1
    return tuple(lanes)
