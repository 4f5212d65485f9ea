"""Each TCP flag, explained where it occurs (RFC 9293 section 3.1; ECN: RFC 3168, RFC 9768)."""

from __future__ import annotations

from capture.protocol import Flag
from views.labels import FLAG_ORDER
from views.wording import _


def _meaning(flag: Flag, flags: Flag) -> str:
    opening = bool(flags & Flag.SYN)
    return {
        Flag.SYN: _("SYN: here my sequence numbers begin."),
        Flag.FIN: _("FIN: I have nothing more to send."),
        Flag.RST: _("RST: this connection ends at once."),
        Flag.PSH: _("PSH: hand the data to the application without waiting for more."),
        Flag.ACK: _("ACK: the acknowledgment number counts."),
        Flag.URG: _("URG: the urgent pointer counts."),
        Flag.ECE: _("ECE: I can do ECN.") if opening else _("ECE: a router on the way to me marked congestion."),
        Flag.CWR: _("CWR: I can do ECN.") if opening else _("CWR: I have slowed down after your ECE."),
        Flag.AE: _("AE: part of the count that accurate ECN sends back."),
    }[flag]


def flag_meanings(flags: Flag) -> list[str]:
    """A sentence for each flag that is set."""
    if not flags:
        return [_("No flag is set: TCP sends no such segment, scanners do.")]
    return [_meaning(flag, flags) for flag in FLAG_ORDER if flag & flags]
