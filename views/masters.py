"""Who was the master of a virtual router when, as rows: a line for each router, then its masters on one time axis."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from analysis.masters import Began
from views.durations import duration
from views.glyphs import glyphs
from views.moment import number
from views.spans import span_bar
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.learned import Learned
    from analysis.masters import Mastership
    from views.options import Options

BAR: Final = 12
"""Cells of a bar, so that all of it stands in 80 columns."""


def master_entries(learned: Learned, options: Options) -> Iterator[tuple[tuple[str, ...], int | None]]:
    """The cells of each row, and the packet (a row) that tells it."""
    signs = glyphs(ascii_only=options.ascii)
    for _router, spells in groupby(learned.masters, key=lambda each: each.virtual):
        some = list(spells)
        begin, end = some[0].begin_ns, max(each.end_ns for each in some)
        first = some[0]
        every = _("every {time}").format(time=duration(first.interval_ns, micro=signs.micro))
        yield (
            (f"VRRPv{first.version} {first.router}", ", ".join(first.addresses), every, _packet(first.packet)),
            first.packet,
        )
        for each in some:
            bar = span_bar(each.begin_ns - begin, each.end_ns - begin, end - begin, signs, BAR)
            what = f"  {each.master} ({each.priority})"
            yield (what, bar, began(each, signs.micro), _packet(each.packet)), each.packet


def began(spell: Mastership, micro: str) -> str:
    """How a time as master began, and whether it ended in a resignation."""
    silence = duration(spell.silence_ns or 0, micro=micro)
    words = {
        Began.SEEN: _("first seen"),
        Began.RESIGNED: _("the other resigned"),
        Began.SILENCE: _("after {time} silence"),
        Began.PRIORITY: _("higher priority"),
        Began.BESIDE: _("beside another"),
        Began.AGAIN: _("after {time} silence"),
    }[spell.began].format(time=silence)
    return words + (_(", resigned") if spell.resigned else "")


def _packet(packet: int) -> str:
    return _("packet {number}").format(number=number(packet))
