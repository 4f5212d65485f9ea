"""Packets as the report's JSON objects, decoded again a few thousand at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analysis.acknowledging import Acknowledgments
from analysis.marks import names
from analysis.passing import Losses
from analysis.renumbered import initial_at
from analysis.segments import is_tcp
from analysis.snapshot import first_sighting
from analysis.states import unpack
from capture.protocol import Flag
from export.connection_json import SECOND, epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from analysis.acknowledging import Acknowledged
    from analysis.details import Detail
    from analysis.session import Session
    from analysis.snapshot import Snapshot

CHUNK: Final = 4096
WRAP: Final = 1 << 32
FLAG_NAMES: Final = {
    Flag.FIN: "FIN",
    Flag.SYN: "SYN",
    Flag.RST: "RST",
    Flag.PSH: "PSH",
    Flag.ACK: "ACK",
    Flag.URG: "URG",
    Flag.ECE: "ECE",
    Flag.CWR: "CWR",
    Flag.AE: "AE",
}
TCP_ONLY: Final = (
    "flags",
    "seq",
    "ack",
    "seq_raw",
    "ack_raw",
    "window",
    "window_scaled",
    "marks",
    "acknowledges",
    "ack_rtt",
    "duplicate_ack_number",
    "bytes_in_flight",
    "client_state",
    "server_state",
)


def packet_objects(session: Session, rows: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    """The packets in these rows of the packet table (int64, ascending)."""
    snapshot = session.snapshot
    acknowledgments, losses = Acknowledgments(snapshot), Losses(snapshot)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        for detail in session.details(chunk):
            lost = losses.of(detail.packet)
            told = _packet(snapshot, detail) | {"lost_between": None if lost is None else list(lost)}
            if is_tcp(int(snapshot.packets.protocol[detail.packet])):
                from_b = bool(snapshot.packets.flags[detail.packet] & Flag.FROM_B)
                told |= _segment(snapshot, detail, from_b=from_b)
                yield told | _judged(snapshot, detail.packet, acknowledgments.feed(detail))
            else:
                yield told | dict.fromkeys(TCP_ONLY)


def _packet(snapshot: Snapshot, detail: Detail) -> dict[str, Any]:
    packets, c = snapshot.packets, snapshot.connections
    row = detail.packet
    connection = int(packets.connection[row])
    from_b = bool(packets.flags[row] & Flag.FROM_B)
    seen_first = first_sighting(snapshot, row)
    return {
        "number": row + 1,
        "time": epoch(int(packets.time_ns[row])),
        "interface": int(packets.interface[row]),
        "captured_length": int(packets.captured_length[row]),
        "original_length": int(packets.original_length[row]),
        "protocols": list(detail.names),
        "connection": connection,
        "from": "client" if from_b == bool(c.client[connection]) else "server",
        "payload_length": int(packets.payload_length[row]),
        "sighting_of": None if seen_first == row else seen_first + 1,
    }


def _judged(snapshot: Snapshot, row: int, told: Acknowledged) -> dict[str, Any]:
    """What the packets before it make of a TCP packet."""
    return {
        "marks": names(int(snapshot.packets.marks[row])),
        "acknowledges": None if told.packet is None else told.packet + 1,
        "ack_rtt": None if told.rtt_ns is None else told.rtt_ns / SECOND,
        "duplicate_ack_number": told.duplicate,
        "bytes_in_flight": told.in_flight,
    }


def _segment(snapshot: Snapshot, detail: Detail, *, from_b: bool) -> dict[str, Any]:
    packets, c = snapshot.packets, snapshot.connections
    row, connection = detail.packet, int(packets.connection[detail.packet])
    end = int(from_b)
    flags = int(packets.flags[row])
    here = not detail.gone
    states = int(packets.states[row])
    client_is_b = bool(c.client[connection])
    return {
        "flags": [name for flag, name in FLAG_NAMES.items() if flags & flag],
        "seq": _relative(detail.sequence, initial_at(snapshot, connection, end, row)) if here else None,
        "ack": _relative(detail.acknowledgment, initial_at(snapshot, connection, 1 - end, row))
        if here and flags & Flag.ACK
        else None,
        "seq_raw": detail.sequence if here else None,
        "ack_raw": detail.acknowledgment if here else None,
        "window": detail.window if here else None,
        "window_scaled": _scaled(detail.window, int(c.scaling[connection, end]), flags) if here else None,
        "client_state": unpack(states, from_b=client_is_b).state.label,
        "server_state": unpack(states, from_b=not client_is_b).state.label,
    }


def _relative(number: int, initial: int | None) -> int | None:
    return None if initial is None else (number - initial) % WRAP


def _scaled(window: int, shift: int, flags: int) -> int:
    return window if flags & Flag.SYN or shift < 0 else window << shift
