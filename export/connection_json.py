"""Connections as JSON objects, side by side: keys always there, null for what is not known or not TCP's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from analysis.connections import NEVER, NO_PACKET
from analysis.listed import listed
from analysis.mark_counts import MarkCounts
from analysis.segments import is_tcp
from analysis.services import service, transport_name
from analysis.states import State
from analysis.verdict import outcome
from analysis.zeek import conn_state, history
from export.table_json import object_texts
from views.durations import address
from views.findings import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.finding import Finding
    from analysis.snapshot import Snapshot
    from export.table_json import Table

SECOND: Final = 1_000_000_000
CHUNK: Final = 2048
"""Connections that are told at once."""
STATES: Final = {state.value: state.label for state in State}
HANDSHAKE: Final = ("complete", "packets", "rtt")
TEARDOWN: Final = ("kind", "first", "packets")
_address = lru_cache(CHUNK)(address)

COUNTS: Final = ("syn", "syn_ack", "fin", "rst")
TCP_ONLY: Final = (
    *COUNTS,
    "unique_payload_bytes",
    "initial_sequence",
    "mss",
    "window_scale",
    "sack_permitted",
    "timestamps",
    "max_window",
    "state",
    "marks",
)


Found = tuple[int, "Sequence[Finding]"]
"""A connection's row and its findings."""
Names = Mapping[str, "Sequence[str]"]
"""The capture's own names of hosts, by address."""


def connection_tables(
    snapshot: Snapshot, found: Iterable[Found], names: Names
) -> Iterator[tuple[list[int], list[tuple[list[int], Table]]]]:
    """Rows of some connections in their order, and the same connections as tables with their rows, TCP's apart."""
    rest, counts = iter(found), MarkCounts(snapshot.packets)
    while chunk := list(islice(rest, CHUNK)):
        rows = [row for row, _ in chunk]
        near = replace(snapshot, connections=listed(snapshot.connections, rows))
        findings = {row: [finding_object(near, row, each) for each in told] for row, told in chunk if told}
        kinds = {
            tcp: [row for row in rows if is_tcp(int(near.connections.protocol[row])) == tcp] for tcp in (True, False)
        }
        yield (
            rows,
            [
                (some, _table(near, some, names, findings, counts if tcp else None))
                for tcp, some in kinds.items()
                if some
            ],
        )


def connection_texts(snapshot: Snapshot, found: Iterable[Found], names: Names) -> Iterator[str]:
    """Some connections' objects at a time, as JSON with commas between them."""
    for rows, tables in connection_tables(snapshot, found, names):
        texts: dict[int, str] = {}
        for some, table in tables:
            texts.update(zip(some, object_texts(table), strict=True))
        yield ", ".join(map(texts.__getitem__, rows))


def empty_table(snapshot: Snapshot) -> Table:
    """The table of no TCP connections: all the keys that there are."""
    return _table(snapshot, [], {}, {}, MarkCounts(snapshot.packets))


def _table(
    near: Snapshot,
    rows: list[int],
    names: Names,
    findings: Mapping[int, list[dict[str, Any]]],
    counts: MarkCounts | None,
) -> Table:
    """Connections side by side; `counts` says that they are TCP's."""
    c, tcp = near.connections, counts is not None
    none = [None] * len(rows)
    clients = [(row, int(c.client[row])) for row in rows]
    servers = [(row, 1 - end) for row, end in clients]
    times = near.packets.time_ns
    first, last = [int(c.first_packet[row]) for row in rows], [int(c.last_packet[row]) for row in rows]
    begin, end = times[first].tolist(), times[last].tolist()
    verdicts = [outcome(c, row, finished=near.finished) for row in rows]
    return {
        "id": rows,
        "protocol": [transport_name(int(c.family[row]), int(c.transport[row])) for row in rows],
        "stream": [int(c.stream[row]) for row in rows],
        "first_packet": [row + 1 for row in first],
        "last_packet": [row + 1 for row in last],
        "first_time": list(map(epoch, begin)),
        "last_time": list(map(epoch, end)),
        "duration": [(after - before) / SECOND for before, after in zip(begin, end, strict=True)],
        "client": _endpoints(c, clients, names, counts),
        "server": _endpoints(c, servers, names, counts),
        "roles": ["seen" if c.roles_seen[row] else "guessed" for row in rows],
        "outcome": [None if verdict is None else verdict.value for verdict in verdicts],
        "conn_state": [conn_state(c, row) for row in rows],
        "history": [history(c, row) for row in rows] if tcp else none,
        "completeness": [int(c.completeness[row]) for row in rows] if tcp else none,
        "handshake": _rows_as_columns([_handshake(c, row) for row in rows], HANDSHAKE) if tcp else none,
        "teardown": _rows_as_columns([_teardown(c, row, side) for row, side in clients], TEARDOWN) if tcp else none,
        "initial_rtt": [_seconds(int(c.initial_rtt_ns[row])) for row in rows] if tcp else none,
        "application": [service(int(c.port[row][side])) for row, side in servers],
        "findings": [findings.get(row, []) for row in rows],
    }


def _rows_as_columns(rows: list[tuple[Any, ...]], keys: Sequence[str]) -> Table:
    return {key: [row[place] for row in rows] for place, key in enumerate(keys)}


def finding_object(snapshot: Snapshot, row: int, finding: Finding) -> dict[str, Any]:
    """One finding about a connection."""
    return {
        "severity": finding.severity.label,
        "packet": None if finding.packet is None else finding.packet + 1,
        "code": finding.code.value,
        "message": message(snapshot, row, finding),
    }


def epoch(time_ns: int) -> str:
    """Seconds since the epoch with nine decimals, as a string: a float cannot hold them."""
    sign, time_ns = ("-", -time_ns) if time_ns < 0 else ("", time_ns)
    return f"{sign}{time_ns // SECOND}.{time_ns % SECOND:09d}"


def _endpoints(c: Connections, ends: list[tuple[int, int]], names: Names, counts: MarkCounts | None) -> Table:
    """One end of each connection, given as (row, end)."""
    where = [
        _address(int(c.family[row]), int(c.address_high[row][end]), int(c.address_low[row][end])) for row, end in ends
    ]
    told: Table = {
        "address": where,
        "port": [int(c.port[row][end]) if any(c.port[row]) else None for row, end in ends],
        "name": [names[each][0] if names.get(each) else None for each in where],
        **{key: _numbers_of(getattr(c, key), ends) for key in ("packets", "bytes", "payload_bytes", "data_packets")},
    }
    if counts is None:
        return told | {key: [None] * len(ends) for key in TCP_ONLY}
    return told | _tcp_endpoints(c, ends, counts)


def _tcp_endpoints(c: Connections, ends: list[tuple[int, int]], counts: MarkCounts) -> Table:
    return {
        **{key: _numbers_of(getattr(c, key), ends) for key in COUNTS},
        "unique_payload_bytes": _numbers_of(c.unique_bytes, ends),
        "initial_sequence": [
            int(c.initial_sequence[row][end]) if c.sequence_known[row][end] else None for row, end in ends
        ],
        **{key: list(map(_known, _numbers_of(getattr(c, key), ends))) for key in ("mss", "window_scale")},
        **{key: list(map(_yes_or_no, _numbers_of(getattr(c, key), ends))) for key in ("sack_permitted", "timestamps")},
        "max_window": list(map(_known, _numbers_of(c.max_window, ends))),
        "state": [STATES[int(c.state[row][end]) & 0x0F] for row, end in ends],
        "marks": dict(counts.of_each(ends)),
    }


def _numbers_of(column: NDArray[Any], ends: list[tuple[int, int]]) -> list[int]:
    return [column[row][end] for row, end in ends]


def _handshake(c: Connections, row: int) -> tuple[bool, list[int], float | None]:
    steps = [int(c.syn_packet[row]), int(c.syn_ack_packet[row]), int(c.established_packet[row])]
    complete = NO_PACKET not in steps
    return complete, _numbers(steps), _seconds(int(c.initial_rtt_ns[row])) if complete else None


def _teardown(c: Connections, row: int, client: int) -> tuple[str | None, str | None, list[int]]:
    """How the connection was ended: by which packets, and which end was first. All null while nothing ended it."""
    fins = [int(packet) for packet in c.fin_packet[row]]
    resets = [int(packet) for packet in c.rst_packet[row]]
    closed = NO_PACKET not in fins and all(packet == NO_PACKET or packet > max(fins) for packet in resets)
    if not closed and any(packet != NO_PACKET for packet in resets):
        kind, by, packets = "rst", resets, resets
    elif any(packet != NO_PACKET for packet in fins):
        kind, by, packets = "fin", fins, [*fins, *map(int, c.fin_acked_packet[row])]
    else:
        return None, None, []
    first = min((packet, end) for end, packet in enumerate(by) if packet != NO_PACKET)[1]
    return kind, "client" if first == client else "server", _numbers(sorted(set(packets)))


def _numbers(rows: Iterable[int]) -> list[int]:
    return [row + 1 for row in rows if row != NO_PACKET]


def _known(value: int) -> int | None:
    return None if value < 0 else value


def _yes_or_no(value: int) -> bool | None:
    return None if value < 0 else bool(value)


def _seconds(nanoseconds: int) -> float | None:
    return None if nanoseconds == NEVER else nanoseconds / SECOND
