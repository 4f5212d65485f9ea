"""What neighbour discovery means: who asks for whose hardware address, and who is where (RFC 4861)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.discovery import discovery
from views.telling_open import Told
from views.wording import _

if TYPE_CHECKING:
    from analysis.details import Detail

MULTICAST: Final = 0xFF


def tell_ndp(detail: Detail) -> Told | None:
    """The packet's title and sentences; None where it is neither a solicitation nor an advertisement."""
    if detail.network < 0:
        return None
    packet = detail.data[detail.network :]
    told = discovery(packet, detail.transport - detail.network)
    if told is None:
        return None
    values = {"sender": told.sender, "target": told.target, "hardware": told.hardware}
    if told.asks:
        return Told(_("neighbour solicitation"), (_asking(packet).format(**values), *_own(told.hardware)))
    if told.hardware is None:
        return Told(_("neighbour advertisement"), (_("{target} is there, and is asked for no more.").format(**values),))
    if told.solicited:
        what = _("{target} is at {hardware}: who asked can send frames there from now on.")
        return Told(_("neighbour answer"), (what.format(**values),))
    what = _("{sender} tells, unasked, that {target} is at {hardware}; who knows it elsewhere keeps that.")
    if told.override:
        what = _("{sender} tells, unasked, that {target} is at {hardware}: whoever knew it elsewhere sends there now.")
    return Told(_("neighbour announcement"), (what.format(**values),))


def _asking(packet: bytes) -> str:
    if not any(packet[8:24]):
        return _("A host without an address asks whether {target} is taken, before it uses it.")
    if packet[24] == MULTICAST:
        return _("{sender} asks for the hardware address of {target}: whoever shares its last 24 bits hears it.")
    return _("{sender} asks {target} itself whether it is still there.")


def _own(hardware: str | None) -> tuple[str, ...]:
    return () if hardware is None else (_("Its own hardware address is {hardware}.").format(hardware=hardware),)
