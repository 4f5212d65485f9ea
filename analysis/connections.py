"""The connection table: one row a connection of TCP, or a conversation of anything else.

Endpoint *a* sent the connection's first packet, *b* is the other one. Columns with two values a row hold a's and b's.
Who of them is the client is a column of its own, since a later packet can tell. Rows change while packets come in:
a reader sees each number whole, but perhaps newer than its snapshot of the packets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.columns import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_PACKET: Final = -1
HISTORY_LETTERS: Final = 24

SCHEMA: Final[dict[str, Any]] = {
    "family": np.uint8,
    "transport": np.uint16,
    "address_high": (np.uint64, 2),
    "address_low": (np.uint64, 2),
    "port": (np.uint16, 2),
    "stream": np.int32,
    "client": np.uint8,
    "roles_seen": np.bool_,
    "first_packet": np.int32,
    "last_packet": np.int32,
    "packets": (np.uint32, 2),
    "bytes": (np.uint64, 2),
    "payload_bytes": (np.uint64, 2),
    "data_packets": (np.uint32, 2),
    "syn": (np.uint32, 2),
    "syn_ack": (np.uint32, 2),
    "fin": (np.uint32, 2),
    "rst": (np.uint32, 2),
    "initial_sequence": (np.uint32, 2),
    "sequence_known": (np.uint8, 2),
    "mss": (np.int32, 2),
    "window_scale": (np.int8, 2),
    "sack_permitted": (np.int8, 2),
    "timestamps": (np.int8, 2),
    "max_window": (np.int64, 2),
    "state": (np.uint8, 2),
    "completeness": np.uint8,
    "initial_rtt_ns": np.int64,
    "syn_packet": np.int32,
    "syn_ack_packet": np.int32,
    "established_packet": np.int32,
    "fin_packet": (np.int32, 2),
    "fin_acked_packet": (np.int32, 2),
    "rst_packet": (np.int32, 2),
    "history": (np.uint8, HISTORY_LETTERS),
    "history_length": np.uint8,
}


@dataclass(frozen=True, slots=True)
class Connections:
    """The connection table as it stands: M rows. Packet columns hold rows of the packet table, -1 for none."""

    family: NDArray[np.uint8]  # as in capture.headers.Endpoints
    transport: NDArray[np.uint16]
    address_high: NDArray[np.uint64]  # (M, 2)
    address_low: NDArray[np.uint64]  # (M, 2)
    port: NDArray[np.uint16]  # (M, 2)
    stream: NDArray[np.int32]  # number among the connections of its protocol; Wireshark's tcp.stream, udp.stream
    client: NDArray[np.uint8]  # 0: a is the client, 1: b is
    roles_seen: NDArray[np.bool_]  # a SYN or SYN,ACK told who the client is; else it is a guess
    first_packet: NDArray[np.int32]  # -1: only mentioned (a tunnel's outer header, a header quoted in an ICMP error)
    last_packet: NDArray[np.int32]
    packets: NDArray[np.uint32]  # (M, 2) sent by a, by b
    bytes: NDArray[np.uint64]  # (M, 2) original lengths
    payload_bytes: NDArray[np.uint64]  # (M, 2) retransmissions included
    data_packets: NDArray[np.uint32]  # (M, 2)
    syn: NDArray[np.uint32]  # (M, 2) SYN without ACK
    syn_ack: NDArray[np.uint32]  # (M, 2)
    fin: NDArray[np.uint32]  # (M, 2)
    rst: NDArray[np.uint32]  # (M, 2)
    initial_sequence: NDArray[np.uint32]  # (M, 2) what relative sequence numbers count from (Wireshark's base_seq)
    sequence_known: NDArray[
        np.uint8
    ]  # (M, 2) 0: initial_sequence not known, 1: guessed from a later segment, 2: from a SYN
    mss: NDArray[np.int32]  # (M, 2) -1: not announced
    window_scale: NDArray[np.int8]  # (M, 2) shift, -1: not announced
    sack_permitted: NDArray[np.int8]  # (M, 2) 1 yes, 0 no, -1: no SYN seen
    timestamps: NDArray[np.int8]  # (M, 2)
    max_window: NDArray[np.int64]  # (M, 2) largest, scaled where known, -1: no segment
    state: NDArray[np.uint8]  # (M, 2) analysis.states: the state after the last packet
    completeness: NDArray[np.uint8]  # Wireshark's tcp.completeness
    initial_rtt_ns: NDArray[np.int64]  # -1: not known
    syn_packet: NDArray[np.int32]  # the handshake's three packets; for a retransmitted SYN the one last sent
    syn_ack_packet: NDArray[np.int32]
    established_packet: NDArray[np.int32]
    fin_packet: NDArray[np.int32]  # (M, 2) the first FIN sent by a, by b
    fin_acked_packet: NDArray[np.int32]  # (M, 2) the packet that acknowledged a's FIN, b's FIN
    rst_packet: NDArray[np.int32]  # (M, 2) the first RST sent by a, by b
    history: NDArray[np.uint8]  # (M, 24) Zeek's history letters in ASCII, a's in upper case
    history_length: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.family)


class ConnectionTable:
    """The growing table behind `Connections`. One thread writes."""

    def __init__(self) -> None:
        self.columns = Columns(SCHEMA)

    def __len__(self) -> int:
        return len(self.columns)

    def snapshot(self) -> Connections:
        """Views of all rows there are now."""
        return Connections(**{field.name: self.columns[field.name] for field in fields(Connections)})
