"""Installed programs in the parts that are played by hand otherwise; skipped where they are not installed."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from commands.lab import lab
from fixtures.build import captured
from fixtures.judging import lacking, told_of
from lab.errors import LabError
from lab.programs import version_of
from lab.real import PATIENCE, wait_until
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
    assert version_of(scenario.real.program).encode() in file.read_bytes()  # a comment of the capture
    assert report["capture"]["problems"] == []
    assert lacking(report, scenario.real) == []


def test_what_plays_a_part_is_needed_and_named() -> None:
    scenario = scenarios()["nginx-reverse"]
    real = scenario.as_real()
    assert (real.programs, real.by, scenario.by) == (("nginx",), "nginx", "")
    assert "nginx" in real.line
    assert scenarios()["echo"].as_real() is scenarios()["echo"]


def test_a_program_that_ends_before_it_is_ready_is_told_with_its_last_words() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as running:
        began = time.monotonic()
        with pytest.raises(LabError, match="It said no"):
            wait_until(lambda: False, running, lambda: "It said no.")
        assert time.monotonic() - began < PATIENCE


def test_a_program_that_is_not_there_has_no_version() -> None:
    assert version_of("netviz-has-no-such-program") == ""


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


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.starting.find_program", lambda _: None)


@pytest.mark.usefixtures("nothing_installed")
def test_the_list_says_what_a_part_needs_and_that_it_can_be_played_without() -> None:
    told = " ".join(CliRunner().invoke(lab, []).output.split())
    assert "the back ends in turn. [--real needs nginx: not installed]" in told
    assert "what the page asks for besides. [needs openssl: not installed]" in told
    assert "All but browse can run here" in told or "None can run here." in told


@pytest.mark.usefixtures("nothing_installed")
def test_who_asks_for_a_program_that_is_not_there_is_told_so() -> None:
    done = CliRunner().invoke(lab, ["nginx-reverse", "--real", "--report"])
    needs = "nginx-reverse --real needs nginx, which is not installed here; without --real its part is played by hand."
    assert needs in done.stderr
    assert "netviz lab nginx-reverse --recorded" in done.stderr
