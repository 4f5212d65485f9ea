"""Every scenario is run for real and tells its story; its fixture tells the same, packet by packet if it repeats."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest

from fixtures.build import LARGEST, captured
from fixtures.judging import apart, as_over_ipv6, differences, fingerprint, told_of
from lab.scenario import Level
from lab.scenarios import scenarios
from lab.starting import Running, missing, why_not_here
from lab.topics import TOPICS

if TYPE_CHECKING:
    from lab.scenario import Scenario

FIXTURES = Path(__file__).parents[1] / "fixtures"
ALL = list(scenarios().values())
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]
PYTHON_FOR_ALL = "/usr/bin/python3"
"""A Python that others than its owner can start; that of a virtual environment may stand in a closed folder."""


@cache
def hindrance() -> str | None:
    return why_not_here()


def can_run(scenario: Scenario) -> None:
    """Skip the test if the scenario cannot run on this machine."""
    if hindrance() is not None:
        pytest.skip(hindrance() or "")
    if absent := missing(scenario):
        pytest.skip(f"{scenario.name} needs {', '.join(absent)}")


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_the_recorded_capture_tells_the_story(scenario: Scenario) -> None:
    file = FIXTURES / f"{scenario.name}.pcapng"
    assert file.stat().st_size <= LARGEST
    assert differences(told_of(file), scenario.story) == []


@pytest.mark.lab
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_run_again_it_tells_the_same(scenario: Scenario, tmp_path: Path) -> None:
    can_run(scenario)
    file = tmp_path / "again.pcapng"
    file.write_bytes(captured(scenario))
    again = told_of(file)
    assert differences(again, scenario.story, marks=False) == []
    level = scenario.story.same
    first, second = fingerprint(told_of(FIXTURES / f"{scenario.name}.pcapng"), level), fingerprint(again, level)
    assert first == second, apart(first, second, scenario)


LONG = ("keepalive", "keepalive-dead", "syn-filtered", "zero-window", "server-lock")
"""They take seconds, and differ from shorter ones in what IPv6 does not change; syn-filtered comes again below."""
OVER_IPV6 = [each for each in ALL if not each.only_ipv4 and each.name not in LONG]


@pytest.mark.lab
@pytest.mark.parametrize("scenario", OVER_IPV6, ids=lambda scenario: scenario.name)
def test_over_ipv6_it_tells_the_same(scenario: Scenario, tmp_path: Path) -> None:
    can_run(scenario)
    file = tmp_path / "six.pcapng"
    file.write_bytes(captured(scenario, ipv6=True))
    report, story = as_over_ipv6(told_of(file), scenario.story)
    assert differences(report, story, marks=False) == []
    addresses = [each[end]["address"] for each in report["connections"] for end in ("client", "server")]
    assert all(":" in address for address in addresses)


@pytest.mark.lab
@pytest.mark.parametrize("name", ["handshake", "close", "close-3", "half-close", "syn-filtered", "rto"])
def test_over_both_versions_the_same_segments_go_to_and_fro(name: str, tmp_path: Path) -> None:
    scenario = scenarios()[name]
    can_run(scenario)
    file = tmp_path / "six.pcapng"
    file.write_bytes(captured(scenario, ipv6=True))
    runs = told_of(FIXTURES / f"{name}.pcapng"), told_of(file)
    (four,), (six,) = ([segments for _, segments in fingerprint(each, Level.DATA)[:1]] for each in runs)
    assert [each[:2] for each in four] == [each[:2] for each in six]  # whose, and with which flags: sizes differ
    assert runs[0]["answers"] == runs[1]["answers"]


@pytest.mark.lab
@pytest.mark.parametrize("name", ["arp", "ndp", "tcp-vs-udp", "traceroute", "lvs-tun", "server-processes"])
def test_it_runs_without_root(name: str, tmp_path: Path) -> None:
    can_run(scenarios()[name])
    if os.getuid() != 0:
        pytest.skip("all of these tests run without root here")
    if which("setpriv") is None or not Path(PYTHON_FOR_ALL).exists():
        pytest.skip(f"needs setpriv and {PYTHON_FOR_ALL}")
    here = Path(__file__).resolve()
    if not all(folder.stat().st_mode & 0o5 == 0o5 for folder in here.parents):
        pytest.skip("this copy lies where other users may not read")
    with Running(["scenario", name, "{}"], python=PYTHON_FOR_ALL, prefix=NOBODY) as running:
        running.wait_until_ready()
        with os.fdopen(running.capture, "rb") as stream:
            content = stream.read()
        running.wait()
    file = tmp_path / "nobody.pcapng"
    file.write_bytes(content)
    assert differences(told_of(file), scenarios()[name].story, marks=False) == []


def test_each_scenario_is_under_a_topic_and_has_a_line() -> None:
    for scenario in ALL:
        assert scenario.topics
        assert set(scenario.topics) <= set(TOPICS)
        assert scenario.line.endswith((".", "?"))
        assert len(scenario.line) <= 110
