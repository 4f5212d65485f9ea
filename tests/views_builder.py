"""Small captures made by hand for the tests of views: packets as a story tells them, and the tables that follow."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address
from typing import Any

import numpy as np

from analysis.connections import COLUMNS, Connections
from analysis.details import Detail
from analysis.snapshot import Snapshot
from analysis.states import INFERRED, State
from capture.protocol import Flag, Protocol
from capture.table import SCHEMA as PACKET_SCHEMA
from capture.table import Packets

FIN, SYN, RST, PSH, ACK = Flag.FIN, Flag.SYN, Flag.RST, Flag.PSH, Flag.ACK
CLIENT_ISN, SERVER_ISN = 1_000_000, 4_294_967_000  # the server's numbers wrap
MS = 1_000_000
START_NS = 1_790_000_000_000_000_000


@dataclass(frozen=True)
class Segment:
    """One packet as it stands in a story: milliseconds, sender, relative numbers, both ends' states after it."""

    ms: float
    client: bool
    flags: Flag
    states: str  # "SYN-SENT SYN-RECEIVED?", the client's first
    seq: int = 0
    ack: int = 0
    payload: bytes = b""
    length: int | None = None  # of the payload, where its bytes do not matter
    window: int = 64240
    marks: int = 0
    connection: int = 0


@dataclass(frozen=True)
class Talk:
    """A conversation's row; ends as (address, port), the client's first."""

    client: tuple[str, int] = ("10.0.0.5", 51000)
    server: tuple[str, int] = ("93.184.216.34", 80)
    transport: int = 6
    protocol: Protocol = Protocol.TCP4
    client_first: bool = True
    values: tuple[tuple[str, Any], ...] = ()


def state_byte(word: str) -> int:
    name = word.rstrip("?").upper().replace("-", "_")
    return State[name] | (INFERRED if word.endswith("?") else 0)


def detail(number: int, segment: Segment, talk: Talk) -> Detail:
    ports = (talk.client[1], talk.server[1]) if segment.client else (talk.server[1], talk.client[1])
    head = {6: 20, 17: 8}.get(talk.transport, 0)
    transport = 34 if talk.transport != 0x0806 else -1
    data = bytes(34) + (struct.pack(">HH", *ports) + bytes(head - 4) if head else b"") + segment.payload
    own, other = (CLIENT_ISN, SERVER_ISN) if segment.client else (SERVER_ISN, CLIENT_ISN)
    return Detail(
        packet=number,
        names=("ethernet", "ipv4", "tcp"),
        data=data if talk.transport != 0x0806 else bytes(34) + segment.payload,
        network=14 if talk.transport != 0x0806 else 34,
        transport=transport,
        payload=34 + head if transport >= 0 else -1,
        sequence=(own + segment.seq) & 0xFFFF_FFFF if talk.transport == 6 else 0,
        acknowledgment=(other + segment.ack) & 0xFFFF_FFFF if talk.transport == 6 and segment.flags & ACK else 0,
        window=segment.window if talk.transport == 6 else 0,
        flags=int(segment.flags),
    )


def packets_of(story: list[Segment], talks: list[Talk]) -> Packets:
    columns = {name: np.zeros(len(story), kind) for name, kind in PACKET_SCHEMA.items()}
    for row, segment in enumerate(story):
        talk = talks[segment.connection]
        from_b = segment.client != talk.client_first
        states = [state_byte(word) for word in (segment.states or "unknown unknown").split()]
        low, high = states if talk.client_first else reversed(states)
        length = len(segment.payload) if segment.length is None else segment.length
        columns["time_ns"][row] = START_NS + round(segment.ms * MS)
        columns["payload_length"][row] = length
        columns["captured_length"][row] = columns["original_length"][row] = 54 + length
        columns["connection"][row] = segment.connection
        columns["flags"][row] = int(segment.flags) | (Flag.FROM_B if from_b else 0)
        columns["marks"][row] = segment.marks
        columns["states"][row] = low | high << 8
        columns["protocol"][row] = talk.protocol
    return Packets(**columns)


def fill(columns: dict[str, Any], row: int, talk: Talk, story: list[Segment], rows: list[int]) -> None:
    ends = (talk.client, talk.server) if talk.client_first else (talk.server, talk.client)
    for end, (host, port) in enumerate(ends):
        if ":" in host and len(host) == 17 and host.count(":") == 5:
            columns["family"][row] = 1
            columns["address_low"][row, end] = int(host.replace(":", ""), 16)
            continue
        address = ip_address(host)
        columns["family"][row] = address.version
        columns["address_high"][row, end] = int(address) >> 64
        columns["address_low"][row, end] = int(address) & (1 << 64) - 1
        columns["port"][row, end] = port
    columns["transport"][row], columns["protocol"][row] = talk.transport, talk.protocol
    columns["client"][row] = 0 if talk.client_first else 1
    columns["roles_seen"][row] = 2 if any(story[number].flags & SYN for number in rows) else 0
    columns["first_packet"][row], columns["last_packet"][row] = (rows[0], rows[-1]) if rows else (-1, -1)
    count(columns, row, talk, story, rows)
    for name, value in talk.values:
        columns[name][row] = value


def count(columns: dict[str, Any], row: int, talk: Talk, story: list[Segment], rows: list[int]) -> None:
    for number in rows:
        segment = story[number]
        end = 0 if segment.client == talk.client_first else 1
        length = len(segment.payload) if segment.length is None else segment.length
        columns["packets"][row, end] += 1
        columns["bytes"][row, end] += 54 + length
        columns["payload_bytes"][row, end] += length
        if talk.transport != 6:
            continue
        columns["sequence_known"][row, end] = 2 if segment.flags & SYN else max(columns["sequence_known"][row, end], 1)
        columns["initial_sequence"][row, end] = CLIENT_ISN if segment.client else SERVER_ISN
        if segment.flags & SYN:
            columns["syn_ack" if segment.flags & ACK else "syn"][row, end] += 1
            columns["syn_ack_packet" if segment.flags & ACK else "syn_packet"][row] = number
        for flag, name in ((FIN, "fin"), (RST, "rst")):
            if segment.flags & flag:
                columns[name][row, end] += 1
                if columns[f"{name}_packet"][row, end] < 0:
                    columns[f"{name}_packet"][row, end] = number
    if talk.transport == 6 and rows:
        states = [state_byte(word) for word in story[rows[-1]].states.split()]
        columns["state"][row] = states if talk.client_first else states[::-1]


def capture(story: list[Segment], *talks: Talk, finished: bool = True) -> Snapshot:
    """The snapshot of a story; without `talks` there is one, client 10.0.0.5:51000 to server 93.184.216.34:80."""
    known = list(talks) or [Talk()]
    columns: dict[str, Any] = {}
    for name, (kind, start) in COLUMNS.items():
        shape = (len(known), kind[1]) if isinstance(kind, tuple) else (len(known),)
        columns[name] = np.full(shape, start, kind[0] if isinstance(kind, tuple) else kind)
    for name in ("address_high", "address_low"):
        columns[name] = np.zeros((len(known), 2), np.uint64)
    for row, talk in enumerate(known):
        fill(columns, row, talk, story, [n for n, segment in enumerate(story) if segment.connection == row])
    names = [field.name for field in fields(Connections) if field.name in columns]
    connections = Connections(**{name: columns[name] for name in names}, long_histories={})
    return Snapshot(packets_of(story, known), connections, (), (), 100, 100, finished)


def details(story: list[Segment], *talks: Talk) -> list[Detail]:
    known = list(talks) or [Talk()]
    return [detail(number, segment, known[segment.connection]) for number, segment in enumerate(story)]


def rows(snapshot: Snapshot, connection: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.flatnonzero(snapshot.packets.connection == connection)


ANNOUNCED = (("mss", (1460, 1460)), ("window_scale", (7, 7)), ("initial_rtt_ns", 30_100_000))
WEB = Talk(values=(*ANNOUNCED, ("established_packet", 2), ("fin_acked_packet", (16, 18))))


def _page() -> list[Segment]:
    """A page fetched and the connection closed: the picture that the 80-column sketch shows."""
    open_ = "ESTABLISHED ESTABLISHED"
    story = [
        Segment(0, True, SYN, "SYN-SENT SYN-RECEIVED"),
        Segment(30, False, SYN | ACK, "ESTABLISHED SYN-RECEIVED", 0, 1),
        Segment(30.1, True, ACK, open_, 1, 1),
        Segment(30.6, True, PSH | ACK, open_, 1, 1, b"GET / HTTP/1.1\r\n".ljust(55, b".")),
        Segment(60.6, False, ACK, open_, 1, 56),
        Segment(61.6, False, ACK, open_, 1, 56, b"HTTP/1.1 200 OK\r\n".ljust(1000, b".")),
    ]
    sent = 1001
    for number in range(9):
        data = number % 3 != 0
        length = 0 if not data else 511 if number < 8 else 512
        seq, ack = (sent, 56) if data else (56, sent)
        story.append(Segment(62 + number * 0.475, not data, ACK, open_, seq, ack, length=length))
        sent += length
    story += [
        Segment(75.8, True, FIN | ACK, "FIN-WAIT-1 CLOSE-WAIT", 56, 4068),
        Segment(105.8, False, ACK, "FIN-WAIT-2 CLOSE-WAIT", 4068, 57),
        Segment(110.8, False, FIN | ACK, "TIME-WAIT LAST-ACK", 4068, 57),
        Segment(110.9, True, ACK, "TIME-WAIT CLOSED", 57, 4069),
    ]
    return story


PAGE = _page()


def swapped(talk: Talk) -> Talk:
    """The same conversation where the server's packet was seen first."""
    return replace(talk, client_first=False)
