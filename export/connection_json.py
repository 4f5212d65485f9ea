"""One connection as the report's JSON object: keys always there, null for what is not known or not TCP's."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from analysis.connections import NEVER, NO_PACKET
from analysis.listed import listed
from analysis.mark_counts import NONE, MarkCounts
from analysis.segments import is_tcp
from analysis.services import service, transport_name
from analysis.states import unpack
from analysis.verdict import outcome, sides
from analysis.zeek import conn_state, history
from views.durations import address
from views.findings import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analysis.connections import Connections
    from analysis.finding import Finding
    from analysis.snapshot import Snapshot

SECOND: Final = 1_000_000_000
CHUNK: Final = 512
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


def connection_objects(
    snapshot: Snapshot, found: Iterable[tuple[int, Sequence[Finding]]], names: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Any]]:
    """Connections, given by their rows of the connection table and their findings.

    `names` are the capture's own, by address.
    """
    times, rest = snapshot.packets.time_ns, iter(found)
    counts = MarkCounts(snapshot.packets)
    while chunk := list(islice(rest, CHUNK)):
        c = listed(snapshot.connections, [row for row, _ in chunk])
        near = replace(snapshot, connections=c)
        begin, end = (times[[each[row] for row, _ in chunk]].tolist() for each in (c.first_packet, c.last_packet))
        for (row, findings), span in zip(chunk, zip(begin, end, strict=True), strict=True):
            told = _object(c, row, names, span, finished=snapshot.finished)
            for role, side in zip(("client", "server"), sides(c, row), strict=True):
                if told[role]["marks"] is not None:
                    told[role]["marks"] = counts.of(row, side)
            told["findings"] = [finding_object(near, row, each) for each in findings]
            yield told


def _object(
    c: Connections, row: int, names: Mapping[str, Sequence[str]], span: tuple[int, int], *, finished: bool
) -> dict[str, Any]:
    """One connection, of listed ones; `span` is the times of its first and its last packet."""
    tcp = is_tcp(int(c.protocol[row]))
    client, server = sides(c, row)
    begin, end = span
    verdict = outcome(c, row, finished=finished)
    return {
        "id": row,
        "protocol": transport_name(int(c.family[row]), int(c.transport[row])),
        "stream": int(c.stream[row]),
        "first_packet": int(c.first_packet[row]) + 1,
        "last_packet": int(c.last_packet[row]) + 1,
        "first_time": epoch(begin),
        "last_time": epoch(end),
        "duration": (end - begin) / SECOND,
        "client": _endpoint(c, row, client, names, tcp=tcp),
        "server": _endpoint(c, row, server, names, tcp=tcp),
        "roles": "seen" if c.roles_seen[row] else "guessed",
        "outcome": None if verdict is None else verdict.value,
        "conn_state": conn_state(c, row),
        "history": history(c, row) if tcp else None,
        "completeness": int(c.completeness[row]) if tcp else None,
        "handshake": _handshake(c, row) if tcp else None,
        "teardown": _teardown(c, row, client) if tcp else None,
        "initial_rtt": _seconds(int(c.initial_rtt_ns[row])) if tcp else None,
        "application": service(int(c.port[row][server])),
        "findings": [],
    }


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


def _endpoint(c: Connections, row: int, end: int, names: Mapping[str, Sequence[str]], *, tcp: bool) -> dict[str, Any]:
    where = _address(int(c.family[row]), int(c.address_high[row][end]), int(c.address_low[row][end]))
    known = names.get(where, ())
    told: dict[str, Any] = {
        "address": where,
        "port": int(c.port[row][end]) if any(c.port[row]) else None,
        "name": known[0] if known else None,
        "packets": int(c.packets[row][end]),
        "bytes": int(c.bytes[row][end]),
        "payload_bytes": int(c.payload_bytes[row][end]),
        "data_packets": int(c.data_packets[row][end]),
    }
    return told | (_tcp_endpoint(c, row, end) if tcp else dict.fromkeys(TCP_ONLY))


def _tcp_endpoint(c: Connections, row: int, end: int) -> dict[str, Any]:
    state = unpack(int(c.state[row][end]), from_b=False)
    return {
        **{name: int(getattr(c, name)[row][end]) for name in COUNTS},
        "unique_payload_bytes": int(c.unique_bytes[row][end]),
        "initial_sequence": int(c.initial_sequence[row][end]) if c.sequence_known[row][end] else None,
        "mss": _known(int(c.mss[row][end])),
        "window_scale": _known(int(c.window_scale[row][end])),
        "sack_permitted": _yes_or_no(int(c.sack_permitted[row][end])),
        "timestamps": _yes_or_no(int(c.timestamps[row][end])),
        "max_window": _known(int(c.max_window[row][end])),
        "state": state.state.label,
        "marks": NONE,
    }


def _handshake(c: Connections, row: int) -> dict[str, Any]:
    steps = [int(c.syn_packet[row]), int(c.syn_ack_packet[row]), int(c.established_packet[row])]
    complete = NO_PACKET not in steps
    return {
        "complete": complete,
        "packets": _numbers(steps),
        "rtt": _seconds(int(c.initial_rtt_ns[row])) if complete else None,
    }


def _teardown(c: Connections, row: int, client: int) -> dict[str, Any]:
    """How the connection was ended: by which packets, and which end was first. All null while nothing ended it."""
    fins = [int(packet) for packet in c.fin_packet[row]]
    resets = [int(packet) for packet in c.rst_packet[row]]
    closed = NO_PACKET not in fins and all(packet == NO_PACKET or packet > max(fins) for packet in resets)
    if not closed and any(packet != NO_PACKET for packet in resets):
        kind, by, packets = "rst", resets, resets
    elif any(packet != NO_PACKET for packet in fins):
        kind, by, packets = "fin", fins, [*fins, *map(int, c.fin_acked_packet[row])]
    else:
        return {"kind": None, "first": None, "packets": []}
    first = min((packet, end) for end, packet in enumerate(by) if packet != NO_PACKET)[1]
    return {"kind": kind, "first": "client" if first == client else "server", "packets": _numbers(sorted(set(packets)))}


def _numbers(rows: Iterable[int]) -> list[int]:
    return [row + 1 for row in rows if row != NO_PACKET]


def _known(value: int) -> int | None:
    return None if value < 0 else value


def _yes_or_no(value: int) -> bool | None:
    return None if value < 0 else bool(value)


def _seconds(nanoseconds: int) -> float | None:
    return None if nanoseconds == NEVER else nanoseconds / SECOND
