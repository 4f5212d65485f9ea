"""Batches in, rows of the packet table and of the connection table out.

**Batch = incremental**: what is carried from batch to batch is in the connection table, so that a capture read whole,
packet by packet or as it grows gives the same columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.connections import ConnectionTable
from analysis.counting import add_completeness, count_flags, count_packets
from analysis.coverage import cover
from analysis.handshake import (
    learn_handshake_packets,
    learn_initial_sequences,
    learn_options,
    learn_roles,
    learn_timing,
)
from analysis.history import write_history
from analysis.moments import moments_of
from analysis.opening_marks import mark_openings
from analysis.segments import segments_of
from analysis.sequence import follow
from analysis.streams import Streams
from analysis.tracking import Tracker
from analysis.walking import mark_segments
from analysis.windows import CUT, learn_windows
from capture.decode import Decoder
from capture.protocol import Flag
from capture.table import PacketTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.batch import Batch
    from capture.headers import Headers


class Analyser:
    """Decodes and analyses batches in capture order."""

    def __init__(self) -> None:
        self.packets = PacketTable()
        self.connections = ConnectionTable()
        self._decoder = Decoder()
        self._streams = Streams(self.connections)

    def decode(self, batch: Batch) -> Headers:
        """The first half of the work, which may run ahead on another thread; batches in order."""
        return self._decoder.decode(batch)

    def feed(self, batch: Batch, headers: Headers | None = None) -> None:
        """Take in one batch, and what `decode` said of it; afterwards both tables tell of it."""
        if not len(batch):
            return
        first_row = len(self.packets)
        headers = self.decode(batch) if headers is None else headers
        assigned = self._streams.assign(headers, first_row)
        columns = self.connections.columns
        count_packets(batch, headers, assigned, columns, first_row)
        segments = segments_of(batch, headers, assigned, first_row)
        states = np.zeros(len(batch), np.uint16)
        marks = np.zeros(len(batch), np.uint32)
        if len(segments):
            learn_roles(segments, columns)
            learn_initial_sequences(segments, columns)
            scaling = columns["scaling"][segments.connection]
            told_rtt = learn_timing(segments, columns)
            learn_handshake_packets(segments, columns)
            learn_options(headers.syn_options, assigned, columns)
            shifts = _shifts(batch, headers, segments)
            learn_windows(segments, shifts, columns)
            count_flags(segments, columns)
            add_completeness(segments, columns)
            states[segments.row] = Tracker(segments, columns).run()
            times = self.packets.snapshot().time_ns
            marked = mark_segments(segments, moments_of(segments, columns, times, shifts, scaling, told_rtt), columns)
            mark_openings(segments, assigned, headers.syn_options, self.connections, marked)
            marks[segments.row] = marked
            sent = follow(segments, columns)
            over_holes = cover(segments, sent, self.connections)
            write_history(segments, sent.repeated(len(segments)), over_holes, self.connections)
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


def _shifts(batch: Batch, headers: Headers, segments: Segments) -> NDArray[np.int8]:
    """The window scale option of each segment, int8 (K,): -1 for none, `CUT` for a header that was cut off."""
    options = headers.syn_options
    whole = headers.payload[options.row] <= batch.captured_length[options.row]
    by_row = np.full(len(headers), -1, np.int8)
    by_row[options.row] = np.where((options.window_scale >= 0) | whole, options.window_scale, CUT)
    return by_row[segments.row]
