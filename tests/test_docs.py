"""What the documents say exists, exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from commands import COMMANDS
from netviz import cli
from tui.bindings import TABLE, keys_shown

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PATH = re.compile(r"`((?:[a-z_0-9]+/)+[a-z_0-9.-]*|[a-z_]+\.(?:py|md|toml|svg))`")


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "fixtures/README.md"])
def test_every_path_named_in_a_document_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    folder = (ROOT / document).parent
    links = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    paths = [path for path in PATH.findall(text) if not (folder / path).exists() and not (ROOT / path).exists()]
    assert [target for target in links if not (folder / target).exists()] == []
    assert paths == []


def test_every_package_has_its_place_in_the_architecture() -> None:
    packages = [file.parent.name for file in ROOT.glob("*/__init__.py")]
    assert [name for name in packages if f"`{name}/`" not in ARCHITECTURE] == []


def test_every_module_that_the_architecture_points_to_is_there() -> None:
    names = re.findall(r"`((?:commands|capture|analysis|views|tui|export|lab)\.[a-z_.]+)`", ARCHITECTURE)
    assert names
    assert [name for name in names if not (ROOT / (name.replace(".", "/") + ".py")).is_file()] == []


def every_command(command: click.Command) -> Iterator[click.Command]:
    """A command and, if it is a group, those in it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every_command(found)


def test_every_command_in_the_readme_is_one_of_ours() -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    named = re.findall(r"\bnetviz ([a-z]+)", blocks)
    assert named
    assert set(named) <= set(COMMANDS)


def test_every_option_in_the_readme_is_one_of_ours() -> None:
    options = {
        option
        for command in every_command(cli)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"`(--[a-z-]+)", README)) <= options | {"--help", "--version"}


def test_every_key_in_the_readme_is_bound() -> None:
    bound = {key for entry in TABLE for key in keys_shown(entry).split()}
    rows = re.findall(
        r"^\| ([^|]*`[^|]*) \| [^|]* \|$", README.partition("## Keys")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert rows
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert keys - bound == set()


def test_the_readmes_commands_need_only_python() -> None:
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    for command in commands:
        words = {part.split()[0] for part in command.split("&&")}
        assert words <= {"python3", ".venv/bin/pip", ".venv/bin/netviz", ".venv/bin/python", ".venv/bin/pytest"}
