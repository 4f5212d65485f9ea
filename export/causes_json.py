"""What caused what, and which addresses are one machine's, as the report's JSON objects; packets by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.learned import Learned


def machine_objects(learned: Learned) -> Iterator[dict[str, Any]]:
    """The machines whose addresses were learned; `grounds` says by what."""
    for each in learned.machines.all:
        yield {
            "name": each.name or None,
            "addresses": list(each.addresses),
            "hardware": list(each.hardware),
            "grounds": [ground.value for ground in each.grounds],
        }


def cause_objects(learned: Learned) -> Iterator[dict[str, Any]]:
    """The request that was the cause, what it had for an effect, and the evidence."""
    for each in learned.causes:
        yield {
            "connection": each.connection,
            "packet": each.packet + 1,
            "effect": each.effect,
            "opening_packet": None if each.opening is None else each.opening + 1,
            "request_packet": None if each.request is None else each.request + 1,
            "confidence": each.confidence.value,
            "evidence": [
                {
                    "fact": fact.kind.value,
                    "packets": [packet + 1 for packet in fact.packets],
                    "value": fact.value or None,
                    "number": fact.number,
                }
                for fact in each.evidence
            ],
        }
