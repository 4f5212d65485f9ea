"""What importing a part of netviz loads: the promise of start-up times, kept at run time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules_after(code: str) -> set[str]:
    """The names of all modules that a fresh interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    return set(done.stderr.split())


def every_module(package: str) -> str:
    """Code that imports each module of a package."""
    names = [file.relative_to(ROOT).with_suffix("") for file in sorted((ROOT / package).rglob("*.py"))]
    return "import " + ", ".join(".".join(name.parts).removesuffix(".__init__") for name in names)


@pytest.mark.parametrize("package", ["capture", "analysis", "views"])
def test_reading_and_judging_a_capture_needs_neither_a_screen_nor_scapy(package: str) -> None:
    loaded = modules_after(every_module(package))
    assert package in loaded
    assert not loaded & {"textual", "rich", "scapy"}


def test_a_report_needs_no_screen() -> None:
    loaded = modules_after(every_module("export"))
    assert "export" in loaded
    assert not loaded & {"textual", "rich"}


def test_what_runs_in_namespaces_needs_only_the_standard_library() -> None:
    code = "from importlib.util import find_spec\n" + every_module("lab")
    loaded = modules_after(code)
    assert "lab.runner" in loaded
    assert not loaded & {"numpy", "click", "textual", "rich", "scapy", "capture", "analysis"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["replay", "--help"], ["report", "--help"], ["lab", "--help"], ["completion", "bash"]]
)
def test_help_and_completion_load_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_after(f"import netviz\nsys.argv[1:] = {arguments}\nnetviz.main()")
    assert "click" in loaded
    assert not loaded & {"numpy", "textual", "rich", "scapy"}
