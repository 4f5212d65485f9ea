"""Sentences of findings about the capture and the way that packets took, rather than the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.finding import Code
from views.text import safe
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Callable

    from views.findings_telling import Telling


def _one_sided(t: Telling) -> str:
    text = _("Only what the {end} sent was captured: {count} packets that acknowledge what is not there.")
    return text.format(end=t.end(), count=t.number("packets"))


def _route(t: Telling) -> str:
    sample = t.sample()
    if t.has("interfaces"):
        text = _("The two directions were captured on different interfaces ({one} and {other}){sample}.")
        names = [_interface(t, number) for number in t.numbers("interfaces")]
        return text.format(one=names[0], other=names[1], sample=sample)
    if t.has("vlans"):
        text = _("The two directions stand in different VLANs ({one} and {other}){sample}.")
        tags = [_("none") if tag < 0 else str(tag) for tag in t.numbers("vlans")]
        return text.format(one=tags[0], other=tags[1], sample=sample)
    if t.has("hardware"):
        source, destination, back, to = map(t.hardware, t.numbers("hardware"))
        text = _("One direction goes from {source} to {destination}, the other from {back} to {to}{sample}.")
        return text.format(source=source, destination=destination, back=back, to=to, sample=sample)
    if t.has("ttls"):
        one, other = t.numbers("ttls")
        text = _(
            "The TTL of what the {end} sends changes from {one} to {other}{sample}: another way, or another sender."
        )
        return text.format(end=t.end(), one=one, other=other, sample=sample)
    source, destination, then, to = map(t.hardware, t.numbers("addresses"))
    text = _("What the {end} sends goes from {source} to {destination}, later from {then} to {to}{sample}.")
    return text.format(end=t.end(), source=source, destination=destination, then=then, to=to, sample=sample)


def _interface(t: Telling, number: int) -> str:
    name = t.snapshot.interfaces[number].name
    return f"{number}" if name is None else safe(name)


def _offloaded(t: Telling) -> str:
    who = _("both ends") if t.number("both") else _("the {end}").format(end=t.end())
    count = t.number("segments")
    text = ngettext(
        "A segment of up to {largest} bytes where {limit} are allowed, from {who}: it was captured before the card cut"
        " it, or after it was joined.",
        "{count} segments of up to {largest} bytes where {limit} are allowed, from {who}: they were captured before the"
        " card cut them, or after they were joined.",
        count,
    )
    return text.format(count=count, largest=t.number("largest"), limit=t.number("limit"), who=who)


def _bad_checksum(t: Telling) -> str:
    count = t.number("packets")
    text = ngettext(
        "{count} packet with a wrong {kind} checksum among {examined}: damaged, and dropped by its receiver.",
        "{count} packets with a wrong {kind} checksum among {examined}: damaged, and dropped by their receiver.",
        count,
    )
    protocol = "IPv4" if t.number("header") else "TCP" if t.is_tcp() else "UDP"
    return text.format(count=count, kind=protocol, examined=t.number("examined"))


def _offload(t: Telling) -> str:
    who = _("both ends") if t.number("both") else _("the {end}").format(end=t.end())
    text = _(
        "Checksums of what {who} sent are not computed{sample}: the capturing host leaves them to its network card."
    )
    if t.number("both"):
        text = _("Checksums of what {who} sent are not computed{sample}: both are on the capturing host.")
    if not t.number("begun"):
        text = _("Checksums of what {who} sent are all wrong{sample}: left to a network card, or the file was edited.")
    return text.format(who=who, sample=t.sample())


def _clock(t: Telling) -> str:
    times = t.number("times")
    text = ngettext(
        "The clock went back by {time}: times around it cannot be trusted.",
        "The clock went back {times} times, by up to {time}: times around it cannot be trusted.",
        times,
    )
    if not t.finding.grave:
        text = _("Times go back by up to {time} from one interface to another: their clocks, or the order of the file.")
    return text.format(times=times, time=t.span("by_ns"))


def _copies(t: Telling) -> str:
    count = t.number("packets")
    text = _("Captured twice: this packet is packet {original} again after {time}, {where}")
    if not t.number("elsewhere"):
        where = _("on the same interface")
    elif t.number("ttl") > 0:
        where = _("behind a router")
    else:
        where = _("on another interface")
    text = text.format(original=t.number("original") + 1, time=t.span("after_ns"), where=where)
    if count == 1:
        return text + "."
    return text + _("; so are {count} of {examined}.").format(count=count, examined=t.number("examined"))


SENTENCES: Final[dict[Code, Callable[[Telling], str]]] = {
    Code.ONE_SIDED: _one_sided,
    Code.ASYMMETRIC_ROUTE: _route,
    Code.OFFLOADED_SEGMENTS: _offloaded,
    Code.BAD_CHECKSUM: _bad_checksum,
    Code.CHECKSUM_OFFLOAD: _offload,
    Code.CLOCK_BACKWARDS: _clock,
    Code.DUPLICATED_PACKETS: _copies,
}
