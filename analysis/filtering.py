"""Filters at work: which connections and which packets of a snapshot a filter matches.

Tests of connections are made once for each connection, those of packets for a stretch of the columns at a time, and
what has to be read from the capture (patterns) comes last, for the packets that the rest leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.filter_grammar import Either, Every, FilterError, Not, Pattern, Term, parse
from analysis.filter_tests import OfConnections, OfOneEnd, OfPackets
from analysis.filter_words import word_of
from analysis.pattern import PatternProcess
from analysis.payloads import payloads
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.filter_grammar import Node
    from analysis.filter_tests import Word
    from analysis.snapshot import Snapshot
    from capture.lookup import ByteSource

AT_ONCE: Final = 256
"""Payloads that are searched between two questions whether that is still wanted."""
STRETCH: Final = 1 << 19
"""Rows tested at once: the columns of so many stay in the processor's cache."""
FEW: Final = 8
"""Where at most one packet in so many is left, the others are not looked at."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What a filter found in a snapshot of N packets and M connections."""

    connections: NDArray[np.bool_]  # (M,) with at least one packet that matches
    packets: NDArray[np.bool_] | None  # (N,) None: every packet of these connections
    count: int  # packets that match, each counted where it was seen first
    complete: bool = True  # False: the search was stopped

    @property
    def connection_count(self) -> int:
        """How many connections match."""
        return int(np.count_nonzero(self.connections))


class Filter:
    """A filter that was understood; raises `FilterError` if it was not. Filters of the same text are equal."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._root = _compiled(parse(self.text))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def reads(self) -> bool:
        """Whether the capture itself has to be searched, which takes its time."""
        return _reads(self._root)

    @property
    def whole(self) -> bool:
        """Whether a connection matches with all its packets or with none."""
        return _whole(self._root)

    def matches(self, snapshot: Snapshot, source: ByteSource, cancelled: Callable[[], bool] = lambda: False) -> Matches:
        """Find what matches. Reads the capture if it `reads`, until `cancelled` says so."""
        return _Search(snapshot, source, cancelled).run(self._root)


class _Bytes:
    """A pattern for what packets carry."""

    def __init__(self, pattern: Pattern) -> None:
        flags = re.DOTALL | (re.IGNORECASE if pattern.any_case else re.NOFLAG)
        try:
            self.expression = re.compile(pattern.text.replace("\\/", "/").encode(), flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise FilterError(f"The pattern is not a regular expression: {error}.", pattern.at) from None


_Leaf = OfConnections | OfPackets | OfOneEnd | _Bytes


@dataclass(frozen=True, slots=True)
class _Branch:
    """`every`: all parts must match, else one of them; those that cost more come later."""

    parts: tuple[_Tree, ...]
    every: bool


@dataclass(frozen=True, slots=True)
class _Turned:
    part: _Tree


_Tree = _Leaf | _Branch | _Turned


def _compiled(node: Node) -> _Tree:
    match node:
        case Term():
            word: Word = word_of(node)
            return word
        case Pattern():
            return _Bytes(node)
        case Not(part):
            return _Turned(_compiled(part))
        case Every(parts) | Either(parts):
            found = sorted(map(_compiled, parts), key=lambda part: (_reads(part), _whole(part)))
            return _Branch(tuple(found), isinstance(node, Every))


def _parts(tree: _Tree) -> tuple[_Tree, ...]:
    return tree.parts if isinstance(tree, _Branch) else (tree.part,) if isinstance(tree, _Turned) else ()


def _reads(tree: _Tree) -> bool:
    return isinstance(tree, _Bytes) or any(map(_reads, _parts(tree)))


def _whole(tree: _Tree) -> bool:
    return not isinstance(tree, OfPackets | OfOneEnd | _Bytes) and all(map(_whole, _parts(tree)))


class _Search:
    """One run over a snapshot. A mask of connections has one place more, the last: packets without a connection."""

    def __init__(self, snapshot: Snapshot, source: ByteSource, cancelled: Callable[[], bool]) -> None:
        self._snapshot, self._source, self._cancelled = snapshot, source, cancelled
        self._of_connections: dict[int, NDArray[np.bool_]] = {}
        self._ends: dict[int, NDArray[np.uint8]] = {}
        self._stopped = False

    def run(self, root: _Tree) -> Matches:
        snapshot = self._snapshot
        if _whole(root):
            mask = self._connections(root)
            known = snapshot.connections.first_packet >= 0
            sent = snapshot.connections.packets
            found = mask[:-1] & known
            count = int(sent[found, 0].sum(dtype=np.int64) + sent[found, 1].sum(dtype=np.int64))
            if mask[-1]:
                count += int(np.count_nonzero(snapshot.packets.connection < 0))
            return Matches(found, None, count)
        size = len(snapshot.packets)
        matched = np.zeros(size, np.bool_)
        hit = np.zeros(len(snapshot.connections) + 1, np.bool_)
        count = 0
        for start in range(0, size, STRETCH):
            rows = slice(start, min(start + STRETCH, size))
            found = self._packets(root, rows, None)
            if len(snapshot.sightings):
                found &= (snapshot.packets.flags[rows] & np.uint16(Flag.SEEN_AGAIN)) == 0
            matched[rows] = found
            count += int(np.count_nonzero(found))
            hit[snapshot.packets.connection[rows].compress(found)] = True  # six times as fast as indexing by a mask
            if self._stopped:
                break
        return Matches(hit[:-1], matched, count, complete=not self._stopped)

    def _connections(self, tree: _Tree) -> NDArray[np.bool_]:
        """For each connection whether it matches, and for packets without one; (M + 1,)."""
        known = self._of_connections.get(id(tree))
        if known is None:
            match tree:
                case OfConnections(mask):
                    known = np.append(mask(self._snapshot), False)
                case _Turned(part):
                    known = ~self._connections(part)
                case _Branch(parts, every):
                    known = np.full(len(self._snapshot.connections) + 1, every)
                    for each in parts:
                        known = known & self._connections(each) if every else known | self._connections(each)
                case _:
                    raise AssertionError(tree)
            self._of_connections[id(tree)] = known
        return known

    def _packets(self, tree: _Tree, rows: slice, wanted: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """For each row of a stretch whether it matches; rows that are not `wanted` may be told either way."""
        if _whole(tree):
            return _gathered(self._connections(tree), self._snapshot.packets.connection[rows], wanted)
        match tree:
            case OfPackets(mask):
                return mask(self._snapshot, rows)
            case OfOneEnd():
                return self._of_one_end(tree, rows)
            case _Bytes():
                return self._carrying(tree.expression, rows, wanted)
            case _Turned(part):
                return ~self._packets(part, rows, wanted)
            case _Branch(parts, every):
                found = wanted
                left = wanted
                for place, each in enumerate(parts):
                    one = self._packets(each, rows, left)
                    found = one if place == 0 or found is None else (found & one if every else found | one)
                    left = found if every else ~found
                    if wanted is not None:
                        left = left & wanted
                assert found is not None
                return found
        raise AssertionError(tree)

    def _of_one_end(self, tree: OfOneEnd, rows: slice) -> NDArray[np.bool_]:
        ends = self._ends.get(id(tree))
        if ends is None:
            a, b = tree.ends(self._snapshot)
            ends = self._ends[id(tree)] = np.append(a | b.astype(np.uint8) << 1, np.uint8(0))
        meant = ends[self._snapshot.packets.connection[rows]]
        from_b = (self._snapshot.packets.flags[rows] & np.uint16(Flag.FROM_B)) != 0
        meant >>= (from_b == tree.sender).view(np.uint8)
        return (meant & 1).view(np.bool_) ^ tree.other

    def _carrying(
        self, expression: re.Pattern[bytes], rows: slice, wanted: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        found = np.zeros(rows.stop - rows.start, np.bool_)
        some = np.arange(rows.start, rows.stop) if wanted is None else np.flatnonzero(wanted) + rows.start
        if not len(some) or self._stopped:
            return found
        with PatternProcess(expression.pattern, expression.flags) as process:
            told = payloads(self._source, self._snapshot, some)
            while (batch := list(islice(told, AT_ONCE))) and not self._stopped:
                answer = None if self._cancelled() else process.found_in([text for _, text in batch], self._cancelled)
                if answer is None:
                    self._stopped = True
                else:
                    found[[row - rows.start for (row, _), each in zip(batch, answer, strict=True) if each]] = True
        return found


def _gathered(
    of_connections: NDArray[np.bool_], connection: NDArray[np.int32], wanted: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    if wanted is None or np.count_nonzero(wanted) * FEW > len(wanted):
        found: NDArray[np.bool_] = of_connections[connection]
        return found
    found = np.zeros(len(connection), np.bool_)
    some = np.flatnonzero(wanted)
    found[some] = of_connections[connection[some]]
    return found
