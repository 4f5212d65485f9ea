"""Why a packet was sent, as far as another connection's request is the reason, and what a request has caused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.causes import Confidence
from analysis.causes_evidence import STRONG, Kind
from views.durations import duration
from views.glyphs import glyphs
from views.moment import number
from views.text import cut, safe
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.causes import Cause
    from analysis.causes_evidence import Fact
    from views.options import Options

SHORT: Final = 3
"""Facts of the short form."""
MOST: Final = 3
"""Effects that are named one by one."""
LONGEST: Final = 80
"""Cells of what was found in a packet."""
SAYING: Final = {
    Kind.OPENED: "opened {time} after it, before its reply",
    Kind.ASKED: "asked {time} after it, before its reply",
    Kind.FORWARDED_FOR: "“{value}” names its client",
    Kind.PROXY_HEADER: "the PROXY protocol header names {value}, its client's end",
    Kind.REQUEST_ID: "both have “{value}”",
    Kind.NAMED_SERVER: "“{value}” names this server",
    Kind.NAMED_QUESTION: "it asks for {value}, whose address is looked up here",
    Kind.SAME_QUESTION: "both ask for {value}",
    Kind.SAME_REQUEST: "both say {value}",
    Kind.SAME_HOST: "both ask the host {value}",
    Kind.VIA: "“{value}” says that a proxy sends it",
    Kind.SAME_SENT: "the same {number} B",
    Kind.SAME_BODY: "{number} B of the reply's body are in the other reply",
    Kind.SAME_NUMBERS: "both sides have the initial sequence numbers {value}",
    Kind.SAME_IDENTIFICATION: "both SYNs have the IP identification {value}",
}


def fact_words(fact: Fact, options: Options) -> str:
    """One fact, as a part of a sentence."""
    signs = glyphs(ascii_only=options.ascii)
    saying = _(SAYING[fact.kind])
    if options.ascii:
        saying = saying.replace("“", '"').replace("”", '"')
    value = cut(safe(fact.value), LONGEST, signs.ellipsis)
    time = duration(fact.number or 0, micro=signs.micro) if "{time}" in saying else ""
    return saying.format(value=value, number=fact.number, time=time)


def by_weight(evidence: Sequence[Fact]) -> list[Fact]:
    """What packets say themselves first, then what they have in common, time last."""
    timing = (Kind.OPENED, Kind.ASKED)
    return sorted(evidence, key=lambda fact: (fact.kind in timing, fact.kind not in STRONG))


def confidence_words(cause: Cause) -> str:
    """How sure it is, in a word."""
    return _("certain") if cause.confidence is Confidence.CERTAIN else _("likely")


def tell_causes(causes: Sequence[Cause], packet: int, options: Options, *, full: bool) -> list[str]:
    """Sentences about a packet: what caused it, and what it caused; none for a packet that is neither."""
    told = [_tell_effect(each, packet, options, full=full) for each in causes if packet in (each.opening, each.request)]
    effects = [each for each in causes if each.packet == packet]
    if effects:
        named = [_effect(each) for each in effects[:MOST]]
        if len(effects) > MOST:
            more = len(effects) - MOST
            named.append(ngettext("{count} more", "{count} more", more).format(count=more))
        told.append(_("It caused {effects}.").format(effects=", ".join(named)))
    return told


def connection_causes(causes: Sequence[Cause], connection: int) -> str:
    """Which connections caused one and which it caused, for the first line: `caused by #0, caused #2 #3?`."""
    by = _numbers((each.connection, each) for each in causes if each.effect == connection)
    of = _numbers((each.effect, each) for each in causes if each.connection == connection)
    told = [(_("caused by {numbers}"), by), (_("caused {numbers}"), of)]
    return ", ".join(words.format(numbers=some) for words, some in told if some)


def caused_by(causes: Sequence[Cause]) -> str:
    """The connections of these causes, for a cell of the list: `#0 #3?`."""
    return _numbers((each.connection, each) for each in causes)


def _numbers(some: Iterable[tuple[int, Cause]]) -> str:
    """Connections by their numbers, ascending; `?` marks one that is only likely."""
    sure: dict[int, bool] = {}
    for connection, cause in some:
        sure[connection] = sure.get(connection, False) or cause.confidence is Confidence.CERTAIN
    named = " ".join(f"#{each}" + "?" * (not sure[each]) for each in sorted(sure)[:MOST])
    more = len(sure) - MOST
    if more <= 0:
        return named
    return named + " " + ngettext("and {count} more", "and {count} more", more).format(count=more)


def _tell_effect(cause: Cause, packet: int, options: Options, *, full: bool) -> str:
    translated = any(fact.kind is Kind.SAME_NUMBERS for fact in cause.evidence)
    if translated:
        said = _("This is connection {connection} (packet {packet}) with other addresses, {sure}: {facts}.")
    elif packet == cause.opening:
        said = _("Opened because of packet {packet} on connection {connection}, {sure}: {facts}.")
    else:
        said = _("Asked because of packet {packet} on connection {connection}, {sure}: {facts}.")
    facts = by_weight(cause.evidence)
    words = "; ".join(fact_words(fact, options) for fact in (facts if full else facts[:SHORT]))
    return said.format(
        packet=number(cause.packet), connection=cause.connection, sure=confidence_words(cause), facts=words
    )


def _effect(cause: Cause) -> str:
    place = number(cause.effect_packet)
    said = _("connection {connection} (packet {packet}, {sure})")
    return said.format(connection=cause.effect, packet=place, sure=confidence_words(cause))
