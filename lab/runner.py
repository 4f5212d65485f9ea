"""Runs one scenario in namespaces of its own and writes what passed as pcapng to standard output.

    python -m lab.runner --status FD scenario NAME OPTIONS-AS-JSON
    python -m lab.runner --status FD probe

A process for itself, with one thread until it is inside, because only such a one may enter a user namespace. What it
has to say beside the capture goes to the descriptor FD, one JSON object a line: `{"ready": …}`, `{"answers": […]}`,
`{"failed": "sentence", "allowed": false}`.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.building import build
from lab.causes import why_not
from lab.errors import LabError, NotAllowedError
from lab.isolation import as_first_process, die_with_parent, furnish, isolate
from lab.namespaces import inside
from lab.netlink import mac_bytes
from lab.network import Cable, End, Lan, Network, Wire
from lab.programs import version_of
from lab.recorder import Recorder, point
from lab.renumbering import over_ipv6
from lab.scenarios import find
from lab.stage import Stage
from lab.words import describe

if TYPE_CHECKING:
    from lab.building import Built
    from lab.scenario import Scenario

FAILED: Final = 1
NOT_ALLOWED: Final = 3
PROBE_SECONDS: Final = 5.0
PROGRAM: Final = "netviz lab"


class Status:
    """Lines of JSON to whoever started us."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **what: Any) -> None:
        """Say one thing."""
        os.write(self._descriptor, (json.dumps(what) + "\n").encode())

    def failed(self, error: Exception) -> int:
        """Say why nothing comes, and return the exit status."""
        self.say(failed=str(error), allowed=not isinstance(error, NotAllowedError))
        return NOT_ALLOWED if isinstance(error, NotAllowedError) else FAILED


def play(scenario: Scenario, given: dict[str, Any], status: Status) -> int:
    """Build the network, capture, let the programs run, say their answers. Returns the exit status."""
    try:
        files = furnish("netviz")
        values = scenario.values(given)
        network = scenario.network(values)
        built = _build(over_ipv6(network) if given.get("ipv6") else network)
        recorder = _recorder(scenario, built, everywhere=bool(given.get("everywhere")))
        names = {each.address.partition("/")[0]: each.host for each in built.devices if each.address}
        about = [
            describe(scenario, values, ipv6=bool(given.get("ipv6"))),
            *([version_of(scenario.by)] if scenario.by else []),
        ]
        recorder.start(PROGRAM, about, names)
        status.say(ready=scenario.name)
    except LabError as error:
        return status.failed(error)
    except OSError as error:
        return status.failed(LabError(f"{scenario.name} could not begin: {error}."))
    return perform(scenario, Stage(built, recorder, values, files), recorder, status)


def perform(scenario: Scenario, stage: Stage, recorder: Recorder, status: Status) -> int:
    """Let the programs run while the recorder does, and say their answers. Returns the exit status."""
    failed: LabError | None = None
    try:
        scenario.play(stage)
        stage.finish()
    except LabError as error:
        failed = error
    except OSError as error:
        failed = LabError(f"{scenario.name} did not go as it should: {error}.")
    recorder.finish(stage.answers)  # also of what went wrong: its last packets tell why
    if failed is not None:
        return status.failed(failed)
    status.say(answers=stage.answers)
    return 0


def probe(status: Status) -> int:
    """Do what every scenario needs, devices and settings: some systems allow namespaces and then nothing in them."""
    try:
        furnish("netviz")
        ends = End("one", "10.0.0.1/24"), End("two", "10.0.0.2/24")
        _build(Network(cables=(Cable(*ends, Wire()),), lans=(Lan("LAN", ends),)))
    except LabError as error:
        return status.failed(error)
    status.say(ready="probe")
    return 0


def _build(network: Network) -> Built:
    try:
        return build(network)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):  # a user namespace that was given no rights
            raise NotAllowedError(why_not(error)) from error
        raise LabError(
            f"The network could not be made ({error.filename or 'system call'}: {error.strerror})."
        ) from error


def _recorder(scenario: Scenario, built: Built, *, everywhere: bool) -> Recorder:
    wanted = [each for each in built.devices if everywhere or each.point in scenario.points]
    wanted.sort(
        key=lambda each: scenario.points.index(each.point) if each.point in scenario.points else len(built.devices)
    )
    points = []
    for each in wanted:
        with inside(built.namespaces[each.host]):
            points.append(point(each.point, f"{each.host} on {each.segment}", mac_bytes(each.mac)))
    return Recorder(points, sys.stdout.fileno(), snap_length=scenario.snap_length)


def main() -> int:
    """Go inside and do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--status", type=int, default=2)
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("kind", choices=["scenario", "probe"])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    status = Status(arguments.status)
    try:
        isolate(as_root=True)
    except NotAllowedError as error:
        return status.failed(error)
    die_with_parent(arguments.parent)
    if arguments.kind == "probe":
        return as_first_process(lambda: probe(status), PROBE_SECONDS)
    scenario = find(arguments.rest[0])
    given = json.loads(arguments.rest[1]) if len(arguments.rest) > 1 else {}
    if given.get("real"):
        scenario = scenario.as_real()
    return as_first_process(lambda: play(scenario, given, status), scenario.seconds)


if __name__ == "__main__":
    Path("/proc/self/comm").write_text("netviz-lab", "ascii")
    sys.exit(main())
