"""Installed programs in the parts that are played by hand otherwise; skipped where they are not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.build import captured
from fixtures.judging import lacking, told_of
from lab.scenario import Real, Scenario, Told
from lab.scenarios import scenarios
from lab.starting import missing, why_not_here

if TYPE_CHECKING:
    from pathlib import Path

WITH_PROGRAMS = [each for each in scenarios().values() if each.real is not None]


def test_the_programs_of_the_topics_have_their_parts() -> None:
    assert {each.name: each.real.program for each in WITH_PROGRAMS if each.real is not None} == {
        "nat": "nft",
        "dns": "dnsmasq",
        "nginx-reverse": "nginx",
        "nginx-balance": "nginx",
        "keepalived": "keepalived",
        "haproxy": "haproxy",
    }


@pytest.mark.lab
@pytest.mark.parametrize("scenario", WITH_PROGRAMS, ids=lambda scenario: scenario.name)
def test_the_program_itself_tells_the_story(scenario: Scenario, tmp_path: Path) -> None:
    hindrance = why_not_here()
    if hindrance is not None:
        pytest.skip(hindrance)
    if absent := missing(scenario.as_real()):
        pytest.skip(f"{scenario.name} needs {', '.join(absent)}")
    file = tmp_path / "real.pcapng"
    file.write_bytes(captured(scenario, real=True))
    report = told_of(file)
    assert scenario.real is not None
    assert report["capture"]["problems"] == []
    assert lacking(report, scenario.real) == []


def test_what_plays_a_part_is_needed_and_named() -> None:
    scenario = scenarios()["nginx-reverse"]
    real = scenario.as_real()
    assert (real.programs, real.by, scenario.by) == (("nginx",), "nginx", "")
    assert "nginx" in real.line
    assert scenarios()["echo"].as_real() is scenarios()["echo"]


def test_connections_must_be_told_in_their_order() -> None:
    report = {"answers": ["yes"], "connections": [of("udp", None), of("tcp", "refused"), of("tcp", "closed normally")]}
    refused, closed = Told(outcome="refused"), Told(outcome="closed normally")
    assert lacking(report, real(refused, closed)) == []
    assert len(lacking(report, real(closed, refused))) == 1
    assert len(lacking(report | {"answers": []}, real(refused))) == 1


def real(*told: Told) -> Real:
    return Real("a program", "It runs.", lambda _: None, told, ("yes",))


def of(protocol: str, outcome: str | None) -> dict[str, object]:
    end: dict[str, object] = {"state": None, "marks": {}}
    return {"protocol": protocol, "outcome": outcome, "history": "", "client": end, "server": end, "findings": []}
