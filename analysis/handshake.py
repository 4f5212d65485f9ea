"""What opening segments tell: the client, the numbers that counting starts from, the options, the initial RTT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.connections import NEVER, NO_PACKET
from analysis.segments import ACK, SYN, SYN_ACK, first_of_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.columns import Columns
    from capture.headers import SynOptions


def learn_roles(s: Segments, columns: Columns) -> None:
    """The sender of the first SYN is the client; without one, the receiver of the first SYN,ACK."""
    kind = s.flags & SYN_ACK
    for told, by, client_sent_it in ((2, SYN, True), (1, SYN_ACK, False)):
        at = first_of_each(s, s.analysed & (kind == by))
        at = at[columns["roles_seen"][s.connection[s.group[at]]] < told]
        rows = s.connection[s.group[at]]
        columns["client"][rows] = s.direction[at] if client_sent_it else 1 - s.direction[at]
        columns["roles_seen"][rows] = told


def learn_initial_sequences(s: Segments, columns: Columns) -> None:
    """What relative sequence numbers count from: Wireshark's base_seq.

    An end's first analysed segment tells it (its number for a SYN, one less for anything else), or the other end's
    first acknowledgement, if that came earlier.
    """
    own = s.sequence - np.where(s.has(SYN), 0, 1).astype(np.uint32)
    other = s.acknowledgment - np.uint32(1)
    known = columns["sequence_known"]
    for end in (0, 1):
        tells = s.analysed & ((s.direction == end) | s.has(ACK))
        at = first_of_each(s, tells)
        at = at[known[s.connection[s.group[at]], end] == 0]
        rows = s.connection[s.group[at]]
        columns["initial_sequence"][rows, end] = np.where(s.direction[at] == end, own[at], other[at])
        known[rows, end] = 1
    syn = np.flatnonzero(s.analysed & s.has(SYN))
    rows, end_of = s.connection[s.group[syn]], s.direction[syn]
    agrees = columns["initial_sequence"][rows, end_of] == s.sequence[syn]
    known[rows[agrees], end_of[agrees]] = 2


def learn_timing(s: Segments, columns: Columns) -> NDArray[np.int64]:
    """The handshake's packets, and the initial RTT.

    As Wireshark measures it: from the latest SYN (of either end) to the first segment with ACK and without SYN (of
    either end); a reset that refuses the connection counts. No time at all counts as not measured, and where the
    clock went backwards it is negative. Gives the segments of `s` that told one.
    """
    kind = s.flags & SYN_ACK
    syn = s.analysed & (kind == SYN)
    index = np.arange(len(s))
    last_syn = np.maximum.accumulate(np.where(syn, index, -1))
    inside = last_syn >= s.begin[s.group]
    since = np.where(inside, s.time_ns[last_syn], columns["last_syn_ns"][s.connection][s.group])
    waiting = columns["initial_rtt_ns"][s.connection][s.group] == NEVER
    known = since != NEVER
    took = s.time_ns - np.where(known, since, s.time_ns)
    told = first_of_each(s, s.analysed & (kind == ACK) & (took != 0) & waiting)
    columns["initial_rtt_ns"][s.connection[s.group[told]]] = took[told]
    at = np.flatnonzero(syn)
    columns["last_syn_ns"][s.connection[s.group[at]]] = s.time_ns[at]  # in order: the last one stays
    return told


def learn_handshake_packets(s: Segments, columns: Columns) -> None:
    """The SYN that was answered (the last one sent before the answer) and the first SYN,ACK."""
    kind = s.flags & SYN_ACK
    opening = s.has(SYN) & s.analysed
    if not opening.any():
        return
    answer = first_of_each(s, opening & (kind == SYN_ACK))
    place = np.where(columns["syn_ack_packet"][s.connection] != NO_PACKET, -1, len(s))
    unanswered = answer[place[s.group[answer]] >= 0]
    columns["syn_ack_packet"][s.connection[s.group[unanswered]]] = s.packet[unanswered]
    place[s.group[unanswered]] = unanswered
    at = np.flatnonzero(opening & (kind == SYN))
    at = at[at < place[s.group[at]]]
    columns["syn_packet"][s.connection[s.group[at]]] = s.packet[at]  # in order: the last one stays


def learn_options(options: SynOptions, assigned: Assignment, columns: Columns) -> None:
    """What each end announced in its SYN or SYN,ACK; a later one that differs overrides."""
    connection = assigned.connection[options.row].astype(np.int64)
    end = assigned.from_b[options.row].astype(np.int64)
    for name, values in (("mss", options.mss), ("window_scale", options.window_scale)):
        said = values >= 0
        columns[name][connection[said], end[said]] = values[said]
    columns["sack_permitted"][connection, end] = options.sack_permitted
    columns["timestamps"][connection, end] = options.timestamps
