"""The selected packet in sentences: what it is, what it answers, what it changes, what comes next.

Every sentence follows from the packet table or from details; where something is inferred or guessed, it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.snapshot import rows_of
from capture.protocol import Flag, Protocol
from views.causes import tell_causes
from views.conversation import TCP_PROTOCOLS, Conversation
from views.findings_explained import found_elsewhere, found_here, noted
from views.glyphs import glyphs
from views.mark_words import mark_sentences
from views.moment import NEIGHBOURS, Moment, number
from views.passed import tell_passage
from views.scope import tell_scopes
from views.sighted import tell_sightings
from views.telling_again import tell_copy, tell_probe
from views.telling_close import acknowledges_fin, tell_ack_of_fin, tell_fin, tell_reset
from views.telling_flags import flag_meanings
from views.telling_flow import tell_ack, tell_data
from views.telling_open import Told, is_third_step, tell_syn, tell_syn_ack, tell_third_step
from views.telling_plain import tell_plain
from views.telling_states import both_states, expected, state_changes
from views.text import Span, cut, fit
from views.wording import _
from views.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from analysis.details import Detail
    from analysis.finding import Finding
    from analysis.passing import Passages
    from analysis.snapshot import Snapshot
    from views.findings_explained import Part
    from views.options import Options
    from views.text import Line

CUT_TCP: Final = (Protocol.CUT_TCP4, Protocol.CUT_TCP6)
SHORT: Final = 4
"""Lines of the short form, at most."""
WIDTH: Final = 80
"""The width that counts until a line is drawn."""
MARGIN: Final = 1


def neighbours(packets: NDArray[np.int64], packet: int) -> NDArray[np.int64]:
    """Rows of a connection's packets whose details help to explain one of them: it, and those before it."""
    end = int(np.searchsorted(packets, packet, side="right"))
    return packets[max(end - 1 - NEIGHBOURS, 0) : end]


def tell(moment: Moment) -> Told:
    """What a packet is, by its protocol and its flags."""
    if int(moment.conversation.snapshot.packets.flags[moment.packet]) & Flag.SEEN_AGAIN:
        return Told(_("the same packet at another point"), (_("It was told of where it was captured first."),))
    copy = tell_copy(moment)
    if copy is not None:
        return copy
    if moment.conversation.protocol(moment.packet) not in TCP_PROTOCOLS:
        return tell_plain(moment)
    flags = moment.flags
    if flags & Flag.SYN and flags & (Flag.FIN | Flag.RST):
        return Told(_("flags that contradict each other"), (_("No TCP sends these flags together; scanners do."),))
    if flags & Flag.RST:
        return tell_reset(moment)
    if flags & Flag.SYN:
        return tell_syn_ack(moment) if flags & Flag.ACK else tell_syn(moment)
    return tell_fin(moment) if flags & Flag.FIN else _tell_flow(moment)


def _tell_flow(moment: Moment) -> Told:
    """A segment without SYN, FIN and RST."""
    if is_third_step(moment):
        return tell_third_step(moment)
    if acknowledges_fin(moment) and not moment.payload:
        return tell_ack_of_fin(moment)
    probe = tell_probe(moment)
    if probe is not None:
        return probe
    if moment.payload:
        return tell_data(moment)
    if moment.flags & Flag.ACK:
        return tell_ack(moment)
    return Told(_("no usual segment"), (_("It carries neither data nor an acknowledgment."),))


class Explanation:
    """Sentences about one packet, wrapped. `title` names the packet and what it is, `aside` how its states are known.

    `details` should hold those of `neighbours` and `views.sighted.sightings`; without them fewer things are said.
    `packets` are the rows of the connection, ascending; without them they are looked for between its first and its last
    packet. Of the `findings` about the connection the short form tells those that this packet shows. `comments` are
    those that the capture has on the packet: in captures of the lab, what the programs called. `causes` are those
    in which it has a part, and perhaps others. `passages` are those of the connection, where they are at hand: for a
    long one they take a while. The number of lines depends on the width: `len` is true for the width that was drawn
    last (80 before).
    """

    def __init__(  # noqa: PLR0913 - the contract with the screens: what is shown, and how
        self,
        snapshot: Snapshot,
        connection: int,
        packet: int,
        details: Mapping[int, Detail],
        *,
        full: bool,
        options: Options,
        packets: NDArray[np.int64] | None = None,
        findings: Sequence[Finding] = (),
        comments: Sequence[str] = (),
        causes: Sequence[Cause] = (),
        passages: Passages | None = None,
    ) -> None:
        gone = {row for row, detail in details.items() if detail.gone}
        details = {row: detail for row, detail in details.items() if row not in gone}
        rows = rows_of(snapshot, connection) if packets is None else packets
        conversation = Conversation(snapshot, connection, rows)
        moment = Moment(conversation, packet, conversation.index(packet), details, options, packet in gone, passages)
        told = tell(moment)
        signs = glyphs(ascii_only=options.ascii)
        self.step = told.title
        self.title = f"{_name(moment)} {signs.dot} {told.title}"
        self.aside = _("states deduced") if conversation.is_tcp else ""
        self._full = full
        self._ellipsis = signs.ellipsis
        elsewhere = tell_sightings(snapshot, packet, details, options)
        self._what = (*told.what[:1], *mark_sentences(conversation, packet), *elsewhere, *told.what[1:])
        passed = [(text, "note") for text in tell_passage(moment)]
        caused = [(text, "note") for text in tell_causes(causes, packet, options, full=full)]
        self._found = [*found_here(moment, findings), *passed, *caused, *noted(comments)]
        if moment.gone:
            lost = _("Its bytes are gone: they have left the spool, or the file has become shorter.")
            self._found.insert(0, (lost, "warning"))
        self._after = [part for part in (" ".join(state_changes(moment, full=full)), expected(moment)) if part]
        self._more = [(text, "") for text in (*told.more, *_background(moment))] if full else []
        self._more += found_elsewhere(moment, findings) if full else []
        scopes = tell_scopes(snapshot.connections, connection)
        self._more += [(scopes, "")] if full and scopes else []
        self._width = 0
        self._lines: list[Part] = []
        self._wrap(WIDTH)

    def _wrap(self, width: int) -> None:
        if width == self._width:
            return
        self._width = width
        room = width - MARGIN
        self._lines = _wrapped([*self._said(len(self._what)), *self._more], room)
        if not self._full:
            self._shorten(room)

    def _said(self, kept: int, after: int = 2) -> list[Part]:
        """The first sentences about the packet, what is found in it, what it changes and what comes next."""
        return [(" ".join(self._what[:kept]), ""), *self._found, *((text, "") for text in self._after[:after])]

    def _shorten(self, room: int) -> None:
        """What is said beside the first sentence gives way first, then what comes next, then what it changes."""
        kept, after = len(self._what), len(self._after)
        while len(self._lines) > SHORT and (kept > 1 or after > (0 if self._found else 1)):
            kept, after = (kept - 1, after) if kept > 1 else (kept, after - 1)
            self._lines = _wrapped(self._said(kept, after), room)
        if len(self._lines) > SHORT:
            self._lines = self._lines[:SHORT]
            text, role = self._lines[-1]
            self._lines[-1] = cut(text, max(room - 1, 0)) + self._ellipsis, role

    def __len__(self) -> int:
        return len(self._lines)

    def head(self, width: int) -> tuple[Line, ...]:
        """Nothing stays on top; the lines are wrapped for `width` from now on."""
        self._wrap(width)
        return ()

    def draw(self, index: int, width: int) -> Line:
        """One line."""
        self._wrap(width)
        text, role = self._lines[index] if 0 <= index < len(self._lines) else ("", "")
        return fit((Span(" " * MARGIN + text, role),), width)


def _wrapped(parts: list[Part], room: int) -> list[Part]:
    return [(line, role) for text, role in parts for line in wrap(text, room)]


def _name(moment: Moment) -> str:
    snapshot = moment.conversation.snapshot
    # While more packets come in, a total would be wrong a moment later.
    text = _("packet {number}/{all}") if snapshot.finished else _("packet {number}")
    return text.format(number=number(moment.packet), all=len(snapshot.packets))


def _background(moment: Moment) -> list[str]:
    """What the full form adds to every packet: flags, states, what is not certain."""
    conversation = moment.conversation
    told = []
    protocol = conversation.protocol(moment.packet)
    if protocol in TCP_PROTOCOLS:
        told += [" ".join(flag_meanings(moment.flags)), both_states(moment)]
        first = conversation.flags(conversation.first)
        if not first & Flag.SYN:
            told.append(_("The capture begins in the middle of this connection: how it was opened was not seen."))
            if moment.options.relative:
                told.append(_("Its numbers are counted from the first that was captured."))
    if conversation.role(client=True) and not conversation.roles_seen:
        guess = _("Which end is the client is guessed, from the ports and from who sends first")
        of_tcp = conversation.is_tcp or protocol in CUT_TCP
        reason = _("no handshake was captured") if of_tcp else _("only TCP has a handshake that tells it")
        told.append(f"{guess}: {reason}.")
    if protocol in {Protocol.FRAGMENT4, Protocol.FRAGMENT6}:
        told.append(_("It is a piece of a datagram; the packet that completes it is decoded whole."))
    if protocol >= Protocol.CUT_TCP4:
        told.append(_("Its header ends too early to tell which stream it belongs to; Wireshark gives it none."))
    elif int(conversation.snapshot.packets.flags[moment.packet]) & Flag.MALFORMED:
        told.append(_("Its headers contradict each other or end too early."))
    return told
