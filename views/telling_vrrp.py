"""What a VRRP advertisement means: who is the master of which address, and when others would take it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.vrrp import advertisement
from views.durations import duration
from views.glyphs import glyphs
from views.telling_open import Told
from views.wording import _

if TYPE_CHECKING:
    from analysis.details import Detail
    from views.moment import Moment


def tell_vrrp(moment: Moment, detail: Detail, words: str) -> Told | None:
    """The packet's title and sentences; None where it is no advertisement that a router would take."""
    if detail.network < 0:
        return None
    told = advertisement(detail.data[detail.network :], detail.transport - detail.network)
    if told is None:
        return None
    micro = glyphs(ascii_only=moment.options.ascii).micro
    values = {"sender": told.sender, "router": told.router, "addresses": ", ".join(told.addresses)}
    if not told.priority:
        what = _("{sender} gives up virtual router {router} (priority 0): another one takes {addresses} at once.")
        return Told(words, (what.format(**values),))
    what = _("{sender} says that it is the master of virtual router {router} and has {addresses}.").format(**values)
    if told.priority == 255:
        what += " " + _("Priority 255: the addresses are its own.")
    fields = {
        "every": duration(told.interval_ns, micro=micro),
        "priority": told.priority,
        "silence": duration(told.down_ns, micro=micro),
    }
    more = _(
        "It says so every {every}. A backup that hears nothing for three times as long and a little more takes over: "
        "with priority {priority} after {silence}, with a higher one sooner (RFC 9568 section 6.1)."
    )
    return Told(words, (what, more.format(**fields)))
