"""What the segments of a handshake mean, in sentences (RFC 9293 section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from capture.protocol import Flag
from views.labels import carried_words
from views.moment import WRAP, number, sentence
from views.wording import _

if TYPE_CHECKING:
    from views.moment import Moment


class Told(NamedTuple):
    """What a packet is in a few words, the sentences that tell it, and further ones for the full form."""

    title: str
    what: tuple[str, ...]
    more: tuple[str, ...] = ()


def tell_syn(moment: Moment) -> Told:
    """A SYN without ACK."""
    before = moment.last_with(Flag.SYN, own=True, without=Flag.ACK)
    if before is not None:
        return _again(moment, before, _("SYN sent again"))
    met = moment.last_with(Flag.SYN, own=False, without=Flag.ACK)
    if met is not None and moment.once("syn_ack_packet") not in range(moment.packet):
        what = _("{sender} sends a SYN too, before it acknowledges packet {packet}: a simultaneous open. Each end will")
        what = (what + _(" acknowledge the other's SYN.")).format(sender=moment.sender, packet=number(met))
        return Told(_("simultaneous open: the other SYN"), (sentence(what),), _announced(moment))
    if moment.position > 0:
        what = _("{sender} sends a SYN inside a conversation that is already under way.").format(sender=moment.sender)
        return Told(_("SYN"), (sentence(what),), _announced(moment))
    return Told(_("first step of the handshake"), _asks(moment), _announced(moment))


def _asks(moment: Moment) -> tuple[str, ...]:
    what = _("{sender} asks {receiver} for a connection.").format(sender=moment.sender, receiver=moment.receiver)
    parts = [sentence(what)]
    if moment.detail is not None:
        raw, shown = moment.detail.sequence, moment.seq(moment.detail.sequence)
        text = (
            _("Its numbers begin at seq=x={shown}")
            if raw == shown
            else _("Its numbers begin at seq=x={shown} ({raw} on the wire)")
        )
        parts.append(text.format(shown=shown, raw=raw) + _("; the SYN itself uses one."))
    if moment.payload:
        parts.append(_("It already carries {count} bytes of data.").format(count=moment.payload))
    return (" ".join(parts),)


def tell_syn_ack(moment: Moment) -> Told:
    """SYN and ACK together."""
    before = moment.last_with(Flag.SYN | Flag.ACK, own=True)
    if before is not None:
        return _again(moment, before, _("SYN,ACK sent again"))
    asked = moment.last_with(Flag.SYN, own=False, without=Flag.ACK)
    if asked is None:
        what = _("{sender} accepts a connection; the SYN that it answers was not captured.")
        return Told(_("SYN,ACK"), (sentence(what.format(sender=moment.sender)),), _announced(moment))
    numbers = _numbers(moment)
    if moment.last_with(Flag.SYN, own=True, without=Flag.ACK) is not None:
        what = _("{sender}, which has sent a SYN of its own, acknowledges that of packet {packet}.")
        what = sentence(what.format(sender=moment.sender, packet=number(asked)))
        return Told(_("simultaneous open: SYN,ACK"), (what,), (*numbers, *_announced(moment)))
    if moment.acknowledges_syn() is False:
        what = _("{sender} sends SYN,ACK, but its ack does not acknowledge the SYN of packet {packet}.")
        return Told(_("SYN,ACK with a wrong ack"), (sentence(what.format(sender=moment.sender, packet=number(asked))),))
    what = _("{sender} answers packet {packet}, {time} later, and sends a SYN of its own.")
    what = sentence(what.format(sender=moment.sender, packet=number(asked), time=moment.since(asked)))
    return Told(_("second step of the handshake"), (" ".join((what, *numbers)),), _announced(moment))


def _numbers(moment: Moment) -> tuple[str, ...]:
    if moment.detail is None or not moment.acknowledges_syn():
        return ()
    taken = (moment.detail.acknowledgment - moment.column("initial_sequence", own=False) - 1) & WRAP
    text = _('ack=x+1={ack} means "I have your SYN"; its own numbers begin at seq=y={seq}.')
    if taken:
        text = _('ack={ack} means "I have your SYN and its data"; its own numbers begin at seq=y={seq}.')
    return (text.format(ack=moment.ack(moment.detail.acknowledgment), seq=moment.seq(moment.detail.sequence)),)


def _announced(moment: Moment) -> tuple[str, ...]:
    """The options of a SYN, as the connection table keeps them."""
    said = []
    if (mss := moment.column("mss", own=True)) >= 0:
        said.append(_("segments of up to {mss} bytes of data (MSS)").format(mss=mss))
    if (shift := moment.column("window_scale", own=True)) >= 0:
        said.append(_("windows counted in units of {factor} bytes (window scale {shift})").format(
            factor=1 << shift, shift=shift
        ))  # fmt: skip
    if moment.column("sack_permitted", own=True) == 1:
        said.append(_("selective acknowledgments (SACK)"))
    if moment.column("timestamps", own=True) == 1:
        said.append(_("timestamps"))
    return (_("It offers: {options}.").format(options=", ".join(said)),) if said else ()


def is_third_step(moment: Moment) -> bool:
    """Whether this is the ACK that completes a handshake; its SYN,ACK was captured."""
    asked, answered = moment.once("syn_packet"), moment.once("syn_ack_packet")
    if moment.packet != moment.once("established_packet") or not moment.from_client:
        return False
    ordered = 0 <= answered < moment.packet and asked < answered
    return ordered and not moment.flags & (Flag.RST | Flag.FIN) and moment.acknowledges_syn() is not False


def tell_third_step(moment: Moment) -> Told:
    """The ACK of the server's SYN."""
    answered = moment.once("syn_ack_packet")
    if moment.detail is None:
        what = _("{sender} answers packet {packet} and has the server's SYN.")
        what = what.format(sender=moment.sender, packet=number(answered))
    else:
        ack = moment.ack(moment.detail.acknowledgment)
        what = _('{sender} answers packet {packet}: ack={ack} means "I have your SYN; send byte {ack} next".')
        what = what.format(sender=moment.sender, packet=number(answered), ack=ack)
    parts = [sentence(what)]
    if moment.payload:
        words = carried_words(moment.conversation, moment.detail, moment.options) if moment.detail is not None else ""
        text = _("It carries {count} bytes already: {words}.") if words else _("It carries {count} bytes already.")
        parts.append(text.format(count=moment.payload, words=words))
    if moment.once("syn_packet") >= 0:
        parts.append(_("Set-up took {time}.").format(time=moment.since(moment.conversation.first)))
    rule = _("SYN seq=x; SYN,ACK seq=y, ack=x+1; ACK ack=y+1: a SYN uses one sequence number, so each ack is one more.")
    return Told(_("third step of the handshake"), tuple(parts), (rule,))


def _again(moment: Moment, before: int, title: str) -> Told:
    """A SYN or SYN,ACK that was sent before; only an answer that was captured in between is spoken of."""
    what = _("{sender} sends packet {packet} again, {time} later").format(
        sender=moment.sender, packet=number(before), time=moment.since(before)
    )
    between = [packet for packet in moment.earlier() if packet > before]
    answers = [_answers(moment, before, packet) for packet in between]
    if True in answers:
        answer = between[answers.index(True)]
        reason = _(", although packet {answer} answers it: that was late, or lost on the way.").format(
            answer=number(answer)
        )
    elif None in answers:
        reason = "."
    else:
        reason = _(": no answer to it was captured.")
    return Told(title, (sentence(what) + reason,))


def _answers(moment: Moment, before: int, packet: int) -> bool | None:
    """Whether `packet` of the other end acknowledges the SYN of packet `before`; None where numbers are not known."""
    flags = moment.conversation.flags(packet)
    if moment.conversation.from_client(packet) == moment.from_client or not flags & Flag.ACK:
        return False
    if flags & (Flag.SYN | Flag.ACK) == Flag.SYN | Flag.ACK:
        return True
    asked, answer = moment.details.get(before), moment.details.get(packet)
    if asked is None or answer is None:
        return None
    return answer.acknowledgment == moment.next_number(asked)
