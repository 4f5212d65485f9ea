"""The connection table: one row a connection of TCP, or a conversation of anything else.

Endpoint *a* sent the connection's first packet, *b* is the other one. Columns with two values a row hold a's and b's.
Who of them is the client is a column of its own, since a later packet can tell. Rows change while packets come in:
a reader sees each number whole, but perhaps newer than its snapshot of the packets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.counts import COUNTS, Counts
from analysis.pairs import Pairs
from analysis.places import indices
from analysis.renumbered import RENUMBERED
from capture.columns import Columns
from capture.mapped import MappedColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.coverage import Hole
    from capture.headers import Headers

NO_PACKET: Final = -1
NEVER: Final = -(1 << 63)
GUESSED: Final = 1
"""In `sequence_known`: the initial number was taken from a later segment."""
HISTORY_LETTERS: Final = 16
MANY: Final = 8
"""A row takes so many times the memory of a packet's."""
SCALING_UNKNOWN: Final = -1
NOT_SCALED: Final = -2

# name: (dtype, or dtype and width; the value that a new row starts with)
COLUMNS: Final[dict[str, tuple[Any, int]]] = {
    "family": (np.uint8, 0),
    "transport": (np.uint16, 0),
    "protocol": (np.uint8, 0),
    "pair": (np.int32, 0),
    "port": ((np.uint16, 2), 0),
    "a_lower": (np.bool_, 0),
    "stream": (np.int32, 0),
    "client": (np.uint8, 0),
    "roles_seen": (np.uint8, 0),
    "first_packet": (np.int32, NO_PACKET),
    "last_packet": (np.int32, NO_PACKET),
    "packets": ((np.uint32, 2), 0),
    "initial_sequence": ((np.uint32, 2), 0),
    "sequence_known": ((np.uint8, 2), 0),
    "mss": ((np.int32, 2), -1),
    "window_scale": ((np.int8, 2), -1),
    "scaling": ((np.int8, 2), SCALING_UNKNOWN),
    "sack_permitted": ((np.int8, 2), -1),
    "timestamps": ((np.int8, 2), -1),
    "max_window": ((np.int32, 2), -1),
    "state": ((np.uint8, 2), 0),
    "completeness": (np.uint8, 0),
    "opening_bits": (np.uint8, 0),
    "initial_rtt_ns": (np.int64, NEVER),
    "last_syn_packet": (np.int32, NO_PACKET),
    "syn_packet": (np.int32, NO_PACKET),
    "syn_ack_packet": (np.int32, NO_PACKET),
    "established_packet": (np.int32, NO_PACKET),
    "syn_sent": ((np.uint8, 2), 0),
    "fin_packet": ((np.int32, 2), NO_PACKET),
    "fin_acked_packet": ((np.int32, 2), NO_PACKET),
    "fin_sequence": ((np.uint32, 2), 0),
    "rst_packet": ((np.int32, 2), NO_PACKET),
    "rst_sequence": ((np.uint32, 2), 0),
    "sent": ((np.uint32, 2), 0),
    "sent_known": ((np.uint8, 2), 0),
    "history": ((np.uint8, HISTORY_LETTERS), 0),
    "history_length": (np.uint8, 0),
    "history_told": ((np.uint8, 2), 0),
    "open_holes": ((np.uint8, 2), 0),
    # analysis.carrying: what the marks of the next batch ask
    "next_sequence": ((np.uint32, 2), 0),
    "next_packet": ((np.int32, 2), NO_PACKET),
    "limit": ((np.uint32, 2), 0),
    "last_ack": ((np.uint32, 2), 0),
    "last_segment": ((np.int32, 2), NO_PACKET),
    "last_window": ((np.uint16, 2), 0),
    "judged": ((np.uint8, 2), 0),
    "fast_open": (np.uint8, 0),  # 1: a SYN with cookie and data; 2, 4: a's, b's SYN,ACK has taken a SYN's data
    **{name: ((kind, 2), 0) for name, kind in COUNTS.items()},
}


@dataclass(frozen=True, slots=True)
class Connections:
    """The connection table as it stands: M rows. Packet columns hold rows of the packet table, -1 for none.

    The columns of `analysis.counts` are only as wide as their numbers need: widen them before adding.
    """

    family: NDArray[np.uint8]  # as in capture.headers.Endpoints
    transport: NDArray[np.uint16]  # the same; + 0x8000 for pieces of datagrams
    protocol: NDArray[np.uint8]  # capture.protocol.Protocol of its first packet
    address_high: NDArray[np.uint64]  # (M, 2) `analysis.pairs.Addresses`: as [rows] or [rows, end]
    address_low: NDArray[np.uint64]  # (M, 2)
    port: NDArray[np.uint16]  # (M, 2)
    stream: NDArray[np.int32]  # number among the connections of its protocol; Wireshark's tcp.stream, udp.stream
    client: NDArray[np.uint8]  # 0: a is the client, 1: b is
    roles_seen: NDArray[np.uint8]  # who is the client was told by a SYN (2) or a SYN,ACK (1); 0: it is a guess
    first_packet: NDArray[np.int32]
    last_packet: NDArray[np.int32]
    packets: NDArray[np.uint32]  # (M, 2) sent by a, by b
    bytes: NDArray[np.unsignedinteger]  # (M, 2) original lengths
    unique_bytes: NDArray[np.unsignedinteger]  # (M, 2) payload, none of it counted twice
    payload_bytes: NDArray[np.unsignedinteger]  # (M, 2) retransmissions included
    data_packets: NDArray[np.unsignedinteger]  # (M, 2)
    syn: NDArray[np.unsignedinteger]  # (M, 2) SYN without ACK
    syn_ack: NDArray[np.unsignedinteger]  # (M, 2)
    fin: NDArray[np.unsignedinteger]  # (M, 2)
    rst: NDArray[np.unsignedinteger]  # (M, 2)
    initial_sequence: NDArray[np.uint32]  # (M, 2) what relative sequence numbers count from (Wireshark's base_seq)
    sequence_known: NDArray[
        np.uint8
    ]  # (M, 2) 0: initial_sequence not known, 1: guessed from a later segment, 2: from a SYN
    mss: NDArray[np.int32]  # (M, 2) -1: not announced
    window_scale: NDArray[np.int8]  # (M, 2) shift, -1: not announced
    scaling: NDArray[np.int8]  # (M, 2) how its windows are scaled: shift, -1 not known, -2 not at all
    sack_permitted: NDArray[np.int8]  # (M, 2) 1 yes, 0 no, -1: no SYN seen
    timestamps: NDArray[np.int8]  # (M, 2)
    max_window: NDArray[np.int32]  # (M, 2) largest, scaled where known, -1: no segment
    state: NDArray[np.uint8]  # (M, 2) analysis.states: the state after the last packet
    completeness: NDArray[np.uint8]  # Wireshark's tcp.completeness
    initial_rtt_ns: NDArray[np.int64]  # `NEVER`: not known; negative where the clock went backwards
    syn_packet: NDArray[np.int32]  # the handshake's three packets; for a retransmitted SYN the one last sent
    syn_ack_packet: NDArray[np.int32]
    established_packet: NDArray[np.int32]
    fin_packet: NDArray[np.int32]  # (M, 2) the first FIN sent by a, by b
    fin_acked_packet: NDArray[np.int32]  # (M, 2) the packet that acknowledged a's FIN, b's FIN
    rst_packet: NDArray[np.int32]  # (M, 2) the first RST sent by a, by b
    history: NDArray[np.uint8]  # (M, 16) analysis.history: letters in ASCII, a's in upper case
    history_length: NDArray[np.uint8]
    long_histories: Mapping[int, bytearray]  # what does not fit `history`, by row

    def __len__(self) -> int:
        return len(self.family)


class ConnectionTable:
    """The growing table behind `Connections`. One thread writes.

    `pairs` know the addresses, and `counts` are the columns that are too narrow for every case. `other_syns` holds, by
    2 * row + end, the number of an end's first SYN where it is not the end's initial one, and `other_answers` that of
    its last SYN,ACK where it was another than the one before, which are all in `renumbered`; `holes`, by row and end,
    what is missing of the ends that have `open_holes`; `cut_payload`, by 2 * row + end, what the snap length cut off
    and nobody acknowledged yet (`analysis.cut_payload`). One that is `endless` keeps older rows out of memory, as far
    as nobody asks for them (`capture.mapped`); adding to it may raise OSError.
    """

    def __init__(self, *, endless: bool = False, pairs: Pairs | None = None) -> None:
        schema = {name: kind for name, (kind, _) in COLUMNS.items()}
        self.columns = MappedColumns(schema, many=MANY) if endless else Columns(schema)
        self.pairs = Pairs() if pairs is None else pairs
        self.counts = Counts(self.columns)
        self.long_histories: dict[int, bytearray] = {}
        self.other_syns: dict[int, int] = {}
        self.other_answers: dict[int, int] = {}
        self.renumbered = Columns(RENUMBERED)
        self.holes: dict[tuple[int, int], list[Hole]] = {}
        self.cut_payload: dict[int, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self.columns)

    def add(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Append rows: the columns that are given, and what a new row starts with in the others."""
        self.columns.extend(values, {name: start for name, (_, start) in COLUMNS.items()})

    def syn_sequences(self, ends: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The numbers of these ends' first SYNs (by 2 * row + end), where they have sent one."""
        numbers: NDArray[np.uint32] = self.columns["initial_sequence"].reshape(-1)[ends]
        if self.other_syns:
            others = np.fromiter(self.other_syns, np.int64, len(self.other_syns))
            for at in indices(np.isin(ends, others)).tolist():
                numbers[at] = self.other_syns[int(ends[at])]
        return numbers

    def note_syns(self, ends: NDArray[np.int64], numbers: NDArray[np.uint32]) -> None:
        """Note these ends' first SYNs; the initial numbers of the ends are known."""
        initial = self.columns["initial_sequence"].reshape(-1)[ends]
        for at in indices(initial != numbers).tolist():
            self.other_syns[int(ends[at])] = int(numbers[at])

    def snapshot(self) -> Connections:
        """Views of all rows there are now."""
        names = [field.name for field in fields(Connections) if field.name in COLUMNS]
        columns = {name: self.counts.view(name) if name in COUNTS else self.columns[name] for name in names}
        columns["address_high"], columns["address_low"] = self._addresses()
        if len(self.renumbered):
            columns["initial_sequence"] = self._corrected_initial()
        return Connections(**columns, long_histories=self.long_histories)

    def _corrected_initial(self) -> NDArray[np.uint32]:
        """What relative numbers count from: where that was guessed and a SYN,ACK had another number, the SYN,ACK's."""
        initial: NDArray[np.uint32] = self.columns["initial_sequence"].copy()
        ends, numbers = self.renumbered["end"], self.renumbered["sequence"]
        guessed = self.columns["sequence_known"].reshape(-1)[ends] == GUESSED
        initial.reshape(-1)[ends[guessed]] = numbers[guessed]  # in order: the last one stays
        initial.flags.writeable = False
        return initial

    def _addresses(self) -> tuple[Any, Any]:
        return self.pairs.addresses(self.columns["pair"], self.columns["a_lower"])


def opening_rows(headers: Headers, rows: NDArray[np.int64], first_row: int) -> dict[str, NDArray[Any]]:
    """New connections as their first packets tell of them; `rows` are rows of the batch, int64 (K,)."""
    ends = headers.endpoints
    port = np.stack((ends.source_port[rows], ends.destination_port[rows]), axis=1)
    return {
        "family": ends.family[rows],
        "transport": ends.transport[rows],
        "protocol": headers.protocol[rows],
        "port": port,
        "client": (_port_class(port[:, 0]) < _port_class(port[:, 1])).astype(np.uint8),
        "first_packet": (first_row + rows).astype(np.int32),
        "last_packet": (first_row + rows).astype(np.int32),
    }


def _port_class(port: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """How likely a port is a client's: well-known, registered, ephemeral (RFC 6335 section 6, Linux's default range).

    With nothing else to go by, the end with the lower class is taken for the server, and the first sender for the
    client where both are alike.
    """
    return np.where(port < 1024, 0, np.where(port < 32768, 1, 2)).astype(np.uint8)
