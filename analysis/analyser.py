"""Batches in, rows of the packet table and of the connection table out.

**Batch = incremental**: what is carried from batch to batch is in the connection table, so that a capture read whole,
packet by packet or as it grows gives the same columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import ConnectionTable
from analysis.counting import add_completeness, add_totals, add_unjudged_completeness, count_flags
from analysis.coverage import cover
from analysis.cut_payload import gaps_by_cuts
from analysis.decoding import Decoding
from analysis.handshake import learn_handshake_packets, learn_initial_sequences, learn_options, learn_roles
from analysis.history import write_history
from analysis.joined import JOINED, keep_joined
from analysis.moments import moments_of
from analysis.multipath import Multipath
from analysis.opening_marks import mark_openings
from analysis.order import Orderer
from analysis.pairing import paired
from analysis.places import indices
from analysis.segments import FIN, is_tcp_packet, may_be_judged, segments_of
from analysis.sequence import follow
from analysis.streams import Streams
from analysis.timing import learn_timing
from analysis.tracking import track
from analysis.unjudged import Unjudged
from analysis.walking import mark_segments
from analysis.windows import CUT, learn_windows
from capture.columns import Columns
from capture.mapped import MappedColumns
from capture.protocol import Flag
from capture.table import PacketTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.decoding import Decoded
    from analysis.order import Order
    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.batch import Batch, Interface
    from capture.headers import Headers

SIGHTINGS: Final = {"pair": (np.int64, 2)}
"""Rows of the packet table: a packet that was seen again, ascending, and the same where it was seen first."""


class Analyser:
    """Analyses batches in capture order, once `decoding` has said what their bytes say."""

    def __init__(
        self,
        interfaces: Sequence[Interface] = (),
        *,
        endless: bool = False,
        large: bool = False,
        decoding: Decoding | None = None,
    ) -> None:
        """Take the interfaces of the source, which may add to them.

        `endless`: nobody knows how much will come; `large`: so much that gaps of cut payload are not asked for;
        `decoding`: what decodes the batches already.
        """
        self._large = large
        self.packets = PacketTable(endless=endless)
        self.connections = ConnectionTable(endless=endless, pairs=decoding.pairs if decoding else None)
        self.sightings = Columns(SIGHTINGS)
        self.joined = MappedColumns(JOINED) if endless else Columns(JOINED)
        self.decoding = decoding or Decoding(interfaces, self.connections.pairs)
        self._streams = Streams(self.connections)
        self._orderer = Orderer()
        self._multipath = Multipath()

    def feed(self, batch: Batch, decoded: Decoded | None = None) -> None:
        """Take in one batch, and what `decoding` said of it; afterwards all tables tell of it."""
        if not len(batch):
            return
        first_row = len(self.packets)
        decoded = self.decoding.decode(batch) if decoded is None else decoded
        pairs = decoded.paired or paired(decoded.headers, self.connections.pairs)
        headers = pairs.headers
        if len(decoded.seen_again):
            self.sightings.extend({"pair": decoded.seen_again})
        keep_joined(headers, first_row, self.joined)
        assigned = self._streams.assign(pairs, first_row)
        judged = may_be_judged(headers)
        order = decoded.order
        if order is None or not _holds(order, assigned):
            order = self._orderer.order(assigned.connection, assigned.from_b, judged)
        connection = assigned.connection[order.last]
        ends = 2 * connection[order.connection] + order.side
        add_totals(batch, headers, order, ends, self.connections)
        self.connections.columns["last_packet"][connection] = first_row + order.last
        learn_options(headers.syn_options, assigned, self.connections.columns)
        states = np.zeros(len(batch), np.uint16)
        marks = np.zeros(len(batch), np.uint32)
        left = indices(is_tcp_packet(headers) & ~judged)
        unjudged = Unjudged(left, judged, assigned, self.connections.columns)
        if order.judged:
            segments = segments_of(batch, headers, order, ends, first_row)
            self._judge(segments, batch, headers, assigned, (states, marks))
        unjudged.fill(states)
        if len(left):
            add_unjudged_completeness(left, headers, assigned, first_row, self.connections.columns)
        self.packets.extend(
            {
                "time_ns": batch.time_ns,
                "offset": batch.offset,
                "captured_length": batch.captured_length,
                "original_length": batch.original_length,
                "payload_length": headers.payload_length,
                "connection": assigned.connection,
                "marks": marks,
                "flags": headers.flags | assigned.from_b * np.uint16(Flag.FROM_B),
                "interface": batch.interface,
                "states": states,
                "protocol": headers.protocol,
            }
        )

    def _judge(
        self,
        s: Segments,
        batch: Batch,
        headers: Headers,
        assigned: Assignment,
        told: tuple[NDArray[np.uint16], NDArray[np.uint32]],
    ) -> None:
        """Learn from the segments that may be judged; what is told of each row are states and marks."""
        columns = self.connections.columns
        learn_roles(s, columns)
        learn_initial_sequences(s, columns)
        scaling = columns["scaling"].reshape(-1)[s.ends]
        times = self.packets.columns["time_ns"]
        told_rtt = learn_timing(s, times, columns)
        learn_handshake_packets(s, columns)
        shift = _shifts(headers)
        learn_windows(s, shift[s.row[s.opening]], columns)
        count_flags(s, self.connections.counts)
        add_completeness(s, assigned.reopened, columns)
        states, marks = told
        states[s.row[s.turn]] = track(s, self.connections)
        excused = self._multipath.excused(s, headers)
        marked, reach = mark_segments(s, moments_of(s, columns, times, shift, scaling, told_rtt, excused), columns)
        mark_openings(s, assigned, headers.syn_options, self.connections, marked)
        marks[s.row] = marked
        sent = follow(s, reach, self.connections)
        over_holes = np.array(cover(s, sent, self.connections), np.int64).reshape(-1, 2)
        if not self._large:
            over_cuts = gaps_by_cuts(s, sent, batch, headers, self.connections)
            over_holes = np.concatenate((over_holes, over_cuts)) if len(over_cuts) else over_holes
        write_history(s, sent.repeated(s.flags & FIN != 0), over_holes, self.connections)


def _holds(order: Order, assigned: Assignment) -> bool:
    """Whether an order by pairs is one by connections: each has one here, whose a sent the pair's first packet."""
    return not len(assigned.reopened) and np.array_equal(order.from_b, assigned.from_b)


def _shifts(headers: Headers) -> NDArray[np.int8]:
    """The window scale option of each packet, int8 (N,): -1 for none, `CUT` for a header that was cut off."""
    options = headers.syn_options
    whole = (headers.payload[options.row] >= 0) | (headers.flags[options.row] & np.uint16(Flag.REASSEMBLED) != 0)
    by_row = np.full(len(headers), -1, np.int8)
    by_row[options.row] = np.where((options.window_scale >= 0) | whole, options.window_scale, CUT)
    return by_row
