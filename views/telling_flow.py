"""What data and acknowledgments mean, in sentences (RFC 9293 section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.protocol import Flag
from views.labels import carried_words
from views.moment import WRAP, number, sentence
from views.telling_open import Told
from views.wording import _, ngettext

if TYPE_CHECKING:
    from analysis.details import Detail
    from views.moment import Moment

HALF: int = 1 << 31
"""Sequence numbers less than this apart are ahead, others behind (RFC 9293 section 3.4)."""


def tell_data(moment: Moment) -> Told:
    """A segment with payload."""
    detail = moment.detail
    words = carried_words(moment.conversation, detail, moment.options) if detail is not None else ""
    text = ngettext("{sender} sends {count} byte", "{sender} sends {count} bytes", moment.payload)
    what = text.format(sender=moment.sender, count=moment.payload)
    if detail is not None:
        first, last = moment.seq(detail.sequence), moment.seq((detail.sequence + moment.payload - 1) & WRAP)
        place = _(", seq {first} to {last}") if moment.payload > 1 else _(", seq {first}")
        what += place.format(first=first, last=last)
    parts = [sentence(what) + (f": {words}." if words else ".")]
    parts += [*_order(moment), *_after_fin(moment), *_piggyback(moment)]
    title = _("data from the client") if moment.from_client else _("data from the server")
    if _is_first_data(moment):
        title = _("first data, from the client") if moment.from_client else _("first data, from the server")
    return Told(title, tuple(parts))


def _is_first_data(moment: Moment) -> bool:
    opened = moment.conversation.flags(moment.conversation.first) & Flag.SYN
    return bool(opened) and moment.sees_start and not any(map(moment.conversation.payload, moment.earlier()))


def _order(moment: Moment) -> list[str]:
    """Whether these bytes were sent before, or others are missing before them."""
    detail = moment.detail
    if detail is None:
        return []
    ends = []
    for packet in moment.earlier():
        if moment.conversation.from_client(packet) != moment.from_client:
            continue
        other = moment.details.get(packet)
        if other is None:
            return []
        if other.sequence == detail.sequence and moment.conversation.payload(packet) > 1:
            return [_("It begins like packet {packet}: sent again.").format(packet=number(packet))]
        ends.append(moment.next_number(other))
    ahead = [(detail.sequence - end) & WRAP for end in ends]
    if ahead and all(0 < gap < HALF for gap in ahead):
        text = _("{count} bytes before it are missing here: lost, overtaken or not captured.")
        return [text.format(count=min(ahead))]
    return []


def _after_fin(moment: Moment) -> list[str]:
    fin = moment.column("fin_packet", own=False)
    if not 0 <= fin < moment.packet:
        return []
    text = _("Half-close: {receiver} has sent FIN (packet {packet}) and still receives.")
    return [sentence(text.format(receiver=moment.receiver, packet=number(fin)))]


def _piggyback(moment: Moment) -> list[str]:
    """What its acknowledgment number adds."""
    before, detail = moment.own_before(), moment.detail
    if detail is None or before is None or detail.acknowledgment == before.acknowledgment:
        return []
    packet = moment.answered()
    if packet is None:
        return []
    return [_("It acknowledges packet {packet} as well.").format(packet=number(packet))]


def tell_ack(moment: Moment) -> Told:
    """An acknowledgment and nothing else."""
    detail = moment.detail
    if detail is None:
        return Told(_("acknowledgment"), (sentence(_("{sender} acknowledges.").format(sender=moment.sender)),))
    ack = moment.ack(detail.acknowledgment)
    before = moment.own_before()
    if before is not None and before.flags & Flag.ACK and before.acknowledgment == detail.acknowledgment:
        return _nothing_new(moment, ack, before)
    packet = moment.answered()
    meaning = _('ack={ack} means "I have everything before byte {ack}".').format(ack=ack)
    if packet is None:
        what = _("{sender} acknowledges: {meaning}").format(sender=moment.sender, meaning=meaning)
    else:
        what = _("{sender} acknowledges packet {packet}, {time} after it: {meaning}").format(
            sender=moment.sender, packet=number(packet), time=moment.since(packet), meaning=meaning
        )
    return Told(_("acknowledgment"), (sentence(what), *_shut(moment)))


def _nothing_new(moment: Moment, ack: int, before: Detail) -> Told:
    what = _("{sender} repeats ack={ack} of packet {packet}: nothing more has arrived in order.")
    window = moment.detail.window if moment.detail is not None else before.window
    # The window of a SYN is never scaled (RFC 7323 section 2.2): it cannot be compared with later ones.
    if window != before.window and not before.flags & Flag.SYN:
        what = _("{sender} repeats ack={ack} of packet {packet}; its window field changes from {old} to {new}.")
    what = what.format(sender=moment.sender, ack=ack, packet=number(before.packet), old=before.window, new=window)
    return Told(_("acknowledgment of nothing new"), (sentence(what), *_shut(moment)))


def _shut(moment: Moment) -> tuple[str, ...]:
    if moment.detail is None or moment.detail.window:
        return ()
    return (sentence(_("{sender} has no room left: win=0 asks {receiver} to wait.").format(
        sender=moment.sender, receiver=moment.receiver
    )),)  # fmt: skip
