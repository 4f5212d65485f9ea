"""What FIN, its acknowledgment and RST mean, in sentences (RFC 9293 sections 3.5.2 and 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.states import State
from capture.protocol import Flag
from views.moment import NO_FLAG, number, sentence
from views.telling_open import Told
from views.wording import _

if TYPE_CHECKING:
    from views.moment import Moment


def tell_fin(moment: Moment) -> Told:
    """A segment with FIN."""
    own, other = moment.column("fin_packet", own=True), moment.column("fin_packet", own=False)
    if 0 <= own < moment.packet:
        return _fin_again(moment, own)
    more = _fin_more(moment)
    if not 0 <= other < moment.packet:
        what = _('{sender} closes first (it is the active closer): FIN says "I have nothing more to send".')
        title = _("the client closes") if moment.from_client else _("the server closes")
        return Told(title, (sentence(what.format(sender=moment.sender)), *_used(moment)), more)
    acked = moment.column("fin_acked_packet", own=False)
    if acked == moment.packet:
        what = _("{sender} acknowledges the FIN of packet {packet} and sends its own in the same packet:")
        what += _(" the four-way close takes three packets.")
        return Told(
            _("three-packet close: FIN and ACK in one"),
            (sentence(what.format(sender=moment.sender, packet=number(other))),),
            (*_used(moment), *more),
        )
    if 0 <= acked < moment.packet:
        what = _(
            "{sender}, the passive closer, has nothing more to send either, {time} after the FIN of packet {packet}."
        )
        what = what.format(sender=moment.sender, time=moment.since(other), packet=number(other))
        return Told(_("the other end closes, too"), (sentence(what), *_used(moment)), more)
    what = _("{sender} sends FIN, too, before it acknowledges that of packet {packet}: a simultaneous close.")
    return Told(
        _("simultaneous close"),
        (sentence(what.format(sender=moment.sender, packet=number(other))),),
        (*_used(moment), *more),
    )


def _used(moment: Moment) -> tuple[str, ...]:
    """FIN's place in the sequence space."""
    if moment.detail is None:
        return (_("The FIN uses one sequence number."),)
    at = moment.detail.sequence + moment.payload
    expected = moment.seq((at + 1) & 0xFFFF_FFFF)
    text = _("The FIN uses one sequence number, {at}: its acknowledgment will be {expected}.")
    return (text.format(at=moment.seq(at & 0xFFFF_FFFF), expected=expected),)


def _fin_more(moment: Moment) -> tuple[str, ...]:
    if not moment.payload:
        return ()
    return (_("It carries the last {count} bytes as well.").format(count=moment.payload),)


def _fin_again(moment: Moment, before: int) -> Told:
    acked = moment.column("fin_acked_packet", own=True)
    what = _("{sender} sends the FIN of packet {packet} again, {time} later").format(
        sender=moment.sender, packet=number(before), time=moment.since(before)
    )
    if 0 <= acked < moment.packet:
        what += _(", although packet {answer} acknowledges it: that was late, or lost on the way.").format(
            answer=number(acked)
        )
    else:
        what += _(": no acknowledgment of it was captured.")
    return Told(_("FIN sent again"), (sentence(what),))


def acknowledges_fin(moment: Moment) -> bool:
    """Whether this packet is the first to acknowledge the other end's FIN."""
    return moment.column("fin_acked_packet", own=False) == moment.packet


def tell_ack_of_fin(moment: Moment) -> Told:
    """The acknowledgment of a FIN, without a FIN of its own."""
    fin = moment.column("fin_packet", own=False)
    if moment.detail is None:
        what = _("{sender} acknowledges the FIN of packet {packet}.").format(sender=moment.sender, packet=number(fin))
    else:
        what = _('{sender} answers packet {packet}: ack={ack} means "I have your FIN"').format(
            sender=moment.sender, packet=number(fin), ack=moment.ack(moment.detail.acknowledgment)
        )
        closed = moment.details.get(fin)
        exact = closed is not None and moment.next_number(closed) == moment.detail.acknowledgment
        what += _(" (its number + 1).") if exact else "."
    parts = [sentence(what)]
    own = moment.column("fin_packet", own=True)
    if not 0 <= own < moment.packet:
        text = _("Half-closed: {sender} may go on sending, and {receiver} still receives.")
        parts.append(text.format(sender=moment.sender, receiver=moment.receiver))
        return Told(_("the FIN is acknowledged"), tuple(parts))
    acked = moment.column("fin_acked_packet", own=True)
    if 0 <= acked <= moment.packet:
        parts.append(_("Both FINs are acknowledged; the close took {time}.").format(time=moment.since(min(own, fin))))
        return Told(_("last step of the close"), tuple(parts))
    return Told(_("the FIN is acknowledged"), tuple(parts))


def tell_reset(moment: Moment) -> Told:
    """A segment with RST."""
    before = moment.last_with(Flag.RST, own=True)
    ended = moment.conversation.state_before(moment.position, client=moment.from_client).state is State.CLOSED
    if before is not None and ended:
        what = _("{sender} resets again: packet {packet} had already ended the connection.")
        return Told(_("reset again"), (sentence(what.format(sender=moment.sender, packet=number(before))),))
    asked = moment.last_with(Flag.SYN, own=False, without=Flag.ACK)
    silent = moment.last_with(NO_FLAG, own=True) is None and moment.sees_start
    if asked is not None and silent:
        what = _("{sender} refuses: its RST answers the SYN of packet {packet}, {time} later.")
        what = what.format(sender=moment.sender, packet=number(asked), time=moment.since(asked))
        cause = _("Nothing listens on that port, or something on the way refuses in its name.")
        return Told(_("reset: the connection is refused"), (sentence(what), cause))
    fins = [moment.column("fin_packet", own=own) for own in (True, False)]
    if all(0 <= fin < moment.packet for fin in fins):
        what = _("{sender} resets after both ends have sent FIN: there was nothing more to lose.")
        return Told(_("reset after the close"), (sentence(what.format(sender=moment.sender)),))
    answered = moment.last_with(Flag.SYN | Flag.ACK, own=False)
    if answered is not None and moment.once("established_packet") not in range(moment.packet):
        what = _("{sender} breaks the set-up off: it answers the SYN,ACK of packet {packet} by RST.")
        return Told(
            _("reset: the set-up is broken off"),
            (sentence(what.format(sender=moment.sender, packet=number(answered))),),
        )
    what = _("{sender} aborts the connection at once, without FIN; what has not yet arrived is lost.")
    title = _("reset by the client") if moment.from_client else _("reset by the server")
    return Told(title, (sentence(what.format(sender=moment.sender)),))
