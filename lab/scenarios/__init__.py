"""The scenarios, a module for each group of topics.

How to write one: put a `Scenario` into the tuple `SCENARIOS` of the module of its topic (a new module is found by
itself). It needs

- `network`: a function of the options' values that returns the plan (`lab.network`): cables, LANs, gateways. Hosts
  are there because a cable or LAN names them. Give a cable a `Wire` for delay, rate and loss, or a
  `Fault` on the n-th segment.
- `play`: a function of the `Stage`. `stage["server"]` is a host; `host.listen(port)`, `host.connect(address, port)`,
  `host.bound(port, kind)` make sockets that note each call, which then stands as a comment on its packet;
  `host.start(function, …)` runs a program beside the rest; `host.run([…])` starts an installed one (then
  `host.wait_for_port`). Never sleep to wait for something to be ready. Sleep only where the pause is part of the story.
  `stage.answer(text)` says what a program saw. The stage waits for the programs and for the last frames by itself.
- `points`: where to capture, as `host:eth0`. One point is an ordinary capture; with several, the same packet is seen at
  several places.
- `story`: what netviz must tell of it. `tests/test_lab_scenarios.py` runs every scenario and compares.

- `only_ipv4`, if it cannot be played over IPv6 (`lab.renumbering`): why. Take addresses from hosts, and it can.
- `real`, if a well-known program can play a part: the same by that program (`lab.real`), for `--real`.

MAC addresses, client ports (40001 …), congestion control (Reno) and the frames that get lost are the same in each run.
Addresses are private, names end in `.example`. A scenario should take less than three seconds and 60 kB.

`python -m fixtures.build NAME` makes its fixture when it is as it should be.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.scenario import Scenario


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, those of the first topics first."""
    modules = [import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    found: list[Scenario] = [scenario for module in modules for scenario in module.SCENARIOS]
    return {each.name: each for each in sorted(found, key=lambda each: each.topics[0])}


def find(name: str) -> Scenario:
    """The scenario of that name. Raises `LabError` if there is none."""
    known = scenarios()
    if name not in known:
        raise LabError(f"There is no scenario {name}; netviz lab lists all of them.")
    return known[name]
