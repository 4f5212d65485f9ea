"""What opening segments tell: the client, the numbers that counting starts from, options, the handshake's packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.connections import NO_PACKET
from analysis.places import indices, run_starts
from analysis.segments import ACK, SYN, SYN_ACK

if TYPE_CHECKING:
    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.columns import Columns
    from capture.headers import SynOptions


def learn_roles(s: Segments, columns: Columns) -> None:
    """The sender of the first SYN is the client; without one, the receiver of the first SYN,ACK."""
    if not len(s.opening):
        return
    answers = s.flags[s.opening] & ACK != 0
    for told, opening, client_sent_it in ((2, s.opening[~answers], True), (1, s.opening[answers], False)):
        side = s.side[opening[run_starts(s.side[opening] >> 1)]]
        side = side[columns["roles_seen"][s.connection[side >> 1]] < told]
        rows = s.connection[side >> 1]
        columns["client"][rows] = side & 1 if client_sent_it else ~side & 1
        columns["roles_seen"][rows] = told


def learn_initial_sequences(s: Segments, columns: Columns) -> None:
    """What relative sequence numbers count from: Wireshark's base_seq.

    An end's first analysed segment tells it (its number for a SYN, one less for anything else), or the other end's
    first acknowledgement, if that came earlier.
    """
    known = columns["sequence_known"].reshape(-1)
    initial = columns["initial_sequence"].reshape(-1)
    asking = indices(known[s.ends] == 0)
    if len(asking):
        place = np.append(s.row, len(s.row) + s.row.max() + 1)  # behind all others: there is none
        own = np.where(s.begin[asking] < s.begin[asking + 1], s.begin[asking], len(s))
        other = s.first_but(indices(s.flags & ACK == 0))[asking ^ 1]
        by_own = place[own] < place[other]
        told = indices(by_own | (other < len(s)))
        asking, by_own, own, other = asking[told], by_own[told], own[told], other[told]
        by = np.where(by_own, own, other)
        first = s.sequence[by] - (s.flags[by] & SYN == 0)
        initial[s.ends[asking]] = np.where(by_own, first, s.acknowledgment[by] - np.uint32(1))
        known[s.ends[asking]] = 1
    end = s.ends[s.side[s.opening]]
    known[end[initial[end] == s.sequence[s.opening]]] = 2


def learn_handshake_packets(s: Segments, columns: Columns) -> None:
    """The SYN that was answered (the last one sent before the answer) and the first SYN,ACK."""
    if not len(s.opening):
        return
    answers = s.flags[s.opening] & SYN_ACK == SYN_ACK
    group = s.side[s.opening] >> 1
    answer = indices(answers)
    answer = answer[run_starts(group[answer])]
    place = np.where(columns["syn_ack_packet"][s.connection] != NO_PACKET, -1, len(group))
    unanswered = answer[place[group[answer]] >= 0]
    columns["syn_ack_packet"][s.connection[group[unanswered]]] = s.packet(s.opening[unanswered])
    place[group[unanswered]] = unanswered
    at = indices(~answers)
    at = at[at < place[group[at]]]
    columns["syn_packet"][s.connection[group[at]]] = s.packet(s.opening[at])  # in order: the last one stays


def learn_options(options: SynOptions, assigned: Assignment, columns: Columns) -> None:
    """What each end announced in its SYN or SYN,ACK; a later one that differs overrides."""
    if not len(options.row):
        return
    end = 2 * assigned.connection[options.row] + assigned.from_b[options.row]
    for name, values in (("mss", options.mss), ("window_scale", options.window_scale)):
        said = indices(values >= 0)
        columns[name].reshape(-1)[end[said]] = values[said]
    columns["sack_permitted"].reshape(-1)[end] = options.sack_permitted
    columns["timestamps"].reshape(-1)[end] = options.timestamps
