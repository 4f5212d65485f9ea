"""Packets that look like something new but are not: one that was captured twice, a probe for a silent end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.protocol import Flag
from views.moment import WRAP, number, sentence
from views.telling_open import Told
from views.wording import _

if TYPE_CHECKING:
    from analysis.details import Detail
    from views.moment import Moment


def _identity(detail: Detail) -> tuple[object, ...] | None:
    """What a router leaves as it is, and the sender changes when it sends again; None without an IPv4 identification.

    RFC 6864 lets a sender repeat the identification of a packet that must not be fragmented; then it is mostly zero.
    """
    header = detail.data[detail.network : detail.network + 20] if detail.network >= 0 else b""
    if len(header) < 20 or header[0] >> 4 != 4 or header[4:6] == bytes(2):
        return None
    return (header[2:8], header[9], detail.sequence, detail.acknowledgment, detail.flags)


def tell_copy(moment: Moment) -> Told | None:
    """The same packet once more, as captures at several interfaces have it; None if it is not one."""
    own = _identity(moment.detail) if moment.detail is not None else None
    if own is None or moment.detail is None:
        return None
    for packet in moment.earlier():
        other = moment.details.get(packet)
        same_sender = moment.conversation.from_client(packet) == moment.from_client
        if other is not None and same_sender and _identity(other) == own:
            break
    else:
        return None
    at = moment.detail.network + 4
    passed = moment.passed
    made_on_the_way = passed is not None and passed.made_between(moment.packet) is not None
    what = _(
        "This is packet {packet} again, {time} later: the numbers and the IPv4 identification, {id}, are the same."
    )
    why = _(
        "A packet that is sent again gets a new one as a rule: so it was probably captured at two places on its way."
    )
    told = what.format(
        packet=number(packet), time=moment.since(packet), id="0x" + moment.detail.data[at : at + 2].hex()
    )
    if made_on_the_way:
        return Told(_("a copy that the network made"), (told,))
    return Told(_("the same packet, captured again"), (told, why))


def tell_probe(moment: Moment) -> Told | None:
    """A segment that begins one before what its sender sends next (RFC 9293 section 3.8.4); None if it is not one."""
    detail = moment.detail
    if detail is None or moment.payload > 1 or not moment.flags & Flag.ACK:
        return None
    for packet in moment.earlier():
        if moment.conversation.from_client(packet) == moment.from_client:
            continue
        answer = moment.details.get(packet)
        if answer is None or answer.acknowledgment != (detail.sequence + 1) & WRAP:
            return None
        what = _(
            "{sender} sends seq={seq}, which packet {packet} has acknowledged already: probably a keep-alive, "
            "to learn from the answer whether {receiver} is still there."
        )
        told = what.format(
            sender=moment.sender, seq=moment.seq(detail.sequence), packet=number(packet), receiver=moment.receiver
        )
        return Told(_("a keep-alive, it seems"), (sentence(told),))
    return None
