"""What packets other than TCP's mean: questions with their answers, errors, lone datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.masters import VRRP
from analysis.messages import arp_fields
from capture.protocol import Protocol
from views.labels import carried_words, protocol_name
from views.moment import number, sentence
from views.quoting import quoted
from views.telling_ndp import tell_ndp
from views.telling_open import Told
from views.telling_vrrp import tell_vrrp
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.details import Detail
    from views.moment import Moment

BROADCAST = b"\xff" * 6
UDP = (Protocol.UDP4, Protocol.UDP6)
ECHO = {Protocol.ICMP4: (8, 0), Protocol.ICMP6: (128, 129)}
"""Types of the request and of the reply."""
ERRORS = {Protocol.ICMP4: (3, 4, 5, 11, 12), Protocol.ICMP6: (1, 2, 3, 4)}
"""Types that quote the packet that caused them (RFC 792, RFC 4443 section 3)."""


def tell_plain(moment: Moment) -> Told:
    """Any packet that is not TCP's."""
    protocol = moment.conversation.protocol(moment.packet)
    detail = moment.detail
    if detail is None:
        return Told(protocol_name(protocol), (_length(moment),))
    if protocol is Protocol.ARP:
        return _tell_arp(moment, detail)
    words = carried_words(moment.conversation, detail, moment.options)
    if protocol in ECHO:
        return (tell_ndp(detail) if protocol is Protocol.ICMP6 else None) or _tell_icmp(moment, detail, words)
    if protocol in UDP:
        return _tell_datagram(moment, detail, words)
    if protocol in VRRP:
        return tell_vrrp(moment, detail, words) or Told(protocol_name(protocol), (_length(moment),))
    return Told(protocol_name(protocol), (_length(moment),))


def _length(moment: Moment) -> str:
    length = int(moment.conversation.snapshot.packets.original_length[moment.packet])
    what = ngettext(
        "{sender} sends {receiver} a packet of {count} byte; what it says stands in its layers.",
        "{sender} sends {receiver} a packet of {count} bytes; what it says stands in its layers.",
        length,
    )
    if not moment.conversation.name(client=True) and not moment.conversation.name(client=False):
        what = ngettext(
            "A packet of {count} byte without addresses that netviz can read; its bytes are shown as they are.",
            "A packet of {count} bytes without addresses that netviz can read; its bytes are shown as they are.",
            length,
        )
    elif moment.gone:
        what = ngettext(
            "{sender} sends {receiver} a packet of {count} byte.",
            "{sender} sends {receiver} a packet of {count} bytes.",
            length,
        )
    return sentence(what.format(sender=moment.sender, receiver=moment.receiver, count=length))


def _tell_arp(moment: Moment, detail: Detail) -> Told:
    arp = arp_fields(detail.data[detail.network :]) if detail.network >= 0 else None
    if arp is None or arp.operation not in {1, 2}:
        return Told("ARP", (_length(moment),))
    everyone = detail.names[:1] == ("ethernet",) and detail.data[:6] == BROADCAST
    whom = _("everyone on the local network") if everyone else _("one host")
    values = {"sender": arp.sender, "target": arp.target, "hardware": arp.hardware, "whom": whom}
    if arp.sender == arp.target:
        what = _("{sender} tells {whom}, unasked, that it is at {hardware} (gratuitous ARP).")
        return Told(_("ARP announcement"), (what.format(**values),))
    if arp.operation == 2:
        what = _("{sender} is at {hardware}: from now on {target} can send frames there.").format(**values)
        return Told(_("ARP answer"), (what, *_answers(moment, lambda asked: _asks(asked, arp.target, arp.sender))))
    if int(arp.sender) == 0:
        what = _("A host without an address asks {whom} whether {target} is taken, before it uses it.")
        return Told(_("ARP probe"), (what.format(**values),))
    what = _("{sender} asks {whom} for the hardware address of {target}; its own is {hardware}.")
    return Told(_("ARP question"), (what.format(**values),))


def _asks(detail: Detail, sender: object, target: object) -> bool:
    asked = arp_fields(detail.data[detail.network :]) if detail.network >= 0 else None
    return asked is not None and (asked.operation, asked.sender, asked.target) == (1, sender, target)


def _answers(moment: Moment, matches: Callable[[Detail], bool]) -> tuple[str, ...]:
    """Which earlier packet of the other end this one answers."""
    for packet in moment.earlier():
        other = moment.details.get(packet)
        if other is None or moment.conversation.from_client(packet) == moment.from_client:
            continue
        if matches(other):
            text = _("It answers packet {packet}, {time} later.")
            return (text.format(packet=number(packet), time=moment.since(packet)),)
    return ()


def _tell_icmp(moment: Moment, detail: Detail, words: str) -> Told:
    request, reply = ECHO[moment.conversation.protocol(moment.packet)]
    at = detail.transport
    kind = detail.data[at] if 0 <= at < len(detail.data) else -1
    if kind == request:
        what = _("{sender} asks {receiver} to send the same bytes back (ping): {words}.")
    elif kind == reply:
        what = _("{sender} sends the bytes back: {words}.")
    else:
        what = _("{sender} tells {receiver}: {words}.") if words else _("{sender} sends ICMP to {receiver}.")
    told = sentence(what.format(sender=moment.sender, receiver=moment.receiver, words=words))
    answers: tuple[str, ...] = ()
    if kind == reply:
        numbers = detail.data[at + 4 : at + 8]
        answers = _answers(
            moment, lambda other: other.data[at : at + 1] == bytes([request]) and other.data[at + 4 : at + 8] == numbers
        )
    cause = quoted(detail.data[at + 8 :]) if kind in ERRORS[moment.conversation.protocol(moment.packet)] else ""
    if cause:
        answers = (_("It quotes the packet that caused it: {cause}.").format(cause=cause),)
    return Told(words or protocol_name(moment.conversation.protocol(moment.packet)), (told, *answers))


def _tell_datagram(moment: Moment, detail: Detail, words: str) -> Told:
    unsure = _("UDP: no set-up, no acknowledgment. Whether it arrived the sender learns from an answer, if at all.")
    count = ngettext("{count} byte", "{count} bytes", moment.payload).format(count=moment.payload)
    if not words:
        what = _("{sender} sends a datagram of {count} to {receiver}.")
        told = sentence(what.format(sender=moment.sender, receiver=moment.receiver, count=count))
        return Told(_("UDP datagram"), (told, unsure))
    what = _("{sender} sends {receiver} {count}: {words}.")
    told = sentence(what.format(sender=moment.sender, receiver=moment.receiver, count=count, words=words))
    answers: tuple[str, ...] = ()
    identity = detail.data[detail.payload : detail.payload + 2]
    if words.startswith("answer "):  # of DNS, whose question has the same identifier (RFC 1035 section 4.1.1)
        answers = _answers(
            moment, lambda other: other.payload >= 0 and other.data[other.payload : other.payload + 2] == identity
        )
    return Told(words, (told, *answers), (unsure,))
