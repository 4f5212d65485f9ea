"""What the headers of a batch of packets say: the decoder's result, wide and short-lived.

Narrow parts of it are stored in the packet table; the rest is decoded again, by the same function, for the
packets that are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class Endpoints:
    """Addresses and ports, M rows. An address is 128 bits in two words, high and low.

    IPv4 addresses stand in the low word with `family` 4, IPv6 with 6; hardware (MAC) addresses are 48 bits in
    the low word with `family` 1; `family` 0 means that there is no address. `transport` is the IP protocol
    number (6 TCP, 17 UDP, 1 ICMP, …) for families 4 and 6, the EtherType for family 1 and ARP
    (which has family 4, transport 0x0806), and the link type where there are no addresses.
    """

    family: NDArray[np.uint8]
    transport: NDArray[np.uint16]
    source_high: NDArray[np.uint64]
    source_low: NDArray[np.uint64]
    destination_high: NDArray[np.uint64]
    destination_low: NDArray[np.uint64]
    source_port: NDArray[np.uint16]
    destination_port: NDArray[np.uint16]


@dataclass(slots=True)
class Mentions:
    """Endpoints that a packet names besides its own: a tunnel's outer UDP, a header quoted in an ICMP error.

    Wireshark numbers a stream for them, so they take a number here too; they are not counted as packets.
    `row` is the packet's row in the batch, ascending; `before` says that the mention comes before the packet's own
    endpoints (an outer header) and not after (a quoted one).
    """

    row: NDArray[np.int64]
    before: NDArray[np.bool_]
    endpoints: Endpoints


@dataclass(slots=True)
class SynOptions:
    """TCP options of the segments with SYN, K rows; -1 where an option is absent (or the flag is false)."""

    row: NDArray[np.int64]  # row in the batch, ascending
    mss: NDArray[np.int32]
    window_scale: NDArray[np.int8]  # the shift as sent, capped at 14 (RFC 7323 section 2.3)
    sack_permitted: NDArray[np.bool_]
    timestamps: NDArray[np.bool_]
    multipath: NDArray[np.uint16]  # which kinds of MPTCP options there are (RFC 8684): bit n stands for subtype n
    fast_open: NDArray[np.int8]  # length of the TFO cookie in bytes, 0 a request; -1 no option


@dataclass(slots=True)
class MultipathOptions:
    """All TCP options of segments that have MPTCP among them, K rows.

    None are looked for before the capture has shown a SYN with an MPTCP option, so that other captures cost nothing.
    """

    row: NDArray[np.int64]  # row in the batch, ascending
    kinds: NDArray[np.uint16]  # as in `SynOptions.multipath`
    content: NDArray[np.uint8]  # (K, 40), the options as captured
    length: NDArray[np.int64]  # how much of `content` they are


@dataclass(slots=True)
class Headers:
    """One row a packet, N rows. Offsets count bytes from the packet's first captured byte; -1: no such header."""

    protocol: NDArray[np.uint8]  # a `Protocol`
    path: NDArray[np.uint16]  # row of `paths`
    paths: list[tuple[str, ...]]  # names of the headers, outermost first: ("ethernet", "ipv4", "tcp")
    endpoints: Endpoints  # of the innermost network header
    network: NDArray[np.int32]  # offset of the innermost network header
    transport: NDArray[np.int32]  # offset of the innermost transport header
    payload: NDArray[np.int32]  # offset of the transport's payload
    payload_length: NDArray[np.uint32]  # bytes, by the headers' word, not cut by the snap length; 0 without transport
    flags: NDArray[np.uint16]  # `Flag` bits, all but FROM_B
    sequence: NDArray[np.uint32]  # tcp.seq_raw
    acknowledgment: NDArray[np.uint32]  # tcp.ack_raw
    window: NDArray[np.uint16]  # tcp.window_size_value, as sent
    syn_options: SynOptions
    multipath: MultipathOptions
    mentions: Mentions

    def __len__(self) -> int:
        """How many packets it tells of."""
        return len(self.protocol)
