"""The binding table is the only source of keys: every entry acts, is documented, and is alone on its key."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from tui.app import NetvizApp
from tui.bindings import TABLE, available, bindings_of, footer, keys_shown
from tui.help import HelpLines
from tui.layout import Pane
from tui.panels.status import keys_line
from tui.panels.timeline import TimelinePanel
from tui.scrolling import Scrolling
from views.text import cells, line_cells, plain

FOCUSABLE = (Pane.LADDER, Pane.CONNECTIONS, Pane.LAYERS, Pane.BYTES, Pane.EXPLANATION, Pane.TIMELINE)
OWNERS = {"app": NetvizApp, "lines": Scrolling, "timeline": TimelinePanel}


def test_every_binding_names_an_action_that_exists_and_takes_its_arguments() -> None:
    for entry in TABLE:
        call = ast.parse(entry.action if "(" in entry.action else entry.action + "()", mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        action = getattr(OWNERS[entry.where], f"action_{call.func.id}")
        inspect.signature(action).bind(None, *(ast.literal_eval(argument) for argument in call.args))


def test_ids_are_unique_and_no_pane_has_two_actions_on_a_key() -> None:
    assert len({entry.id for entry in TABLE}) == len(TABLE)
    for pane in FOCUSABLE:
        keys = [key for entry in available(pane) for key in entry.keys]
        assert len(keys) == len(set(keys)), pane


def test_widgets_have_no_keys_beside_the_table() -> None:
    for where, owner in OWNERS.items():
        assert vars(owner)["BINDINGS"] == bindings_of(where)
    # Dialogs have a key to close them, and that is all.
    outside = {
        path.name for path in Path(inspect.getfile(NetvizApp)).parent.rglob("*.py") if "Binding(" in path.read_text()
    }
    assert outside == {"bindings.py", "help.py", "asking.py", "learned.py"}


@pytest.mark.parametrize("pane", FOCUSABLE)
def test_help_documents_every_key_of_a_pane(pane: str) -> None:
    lines = HelpLines(pane, ["the capture ends inside packet 3"], ascii=False)
    shown = [plain(lines.draw(index, 200)) for index in range(len(lines))]
    for entry in available(pane):
        assert any(keys_shown(entry) in line and entry.text in line for line in shown), entry.id
    assert any("packet 3" in line for line in shown)
    assert len({plain(lines.draw(0, width)) for width in range(3)}) == 3


def test_nothing_listed_belongs_to_a_later_stage() -> None:
    taken = {key for entry in TABLE for key in entry.keys}
    assert not taken & {"n", "N", "ctrl+f", "o", "i", "u", "m", "'"}


@pytest.mark.parametrize("pane", FOCUSABLE)
@pytest.mark.parametrize("width", [20, 40, 80, 160])
def test_the_line_of_keys_fits_and_can_be_clicked(pane: str, width: int) -> None:
    line, places = keys_line(pane, width)
    assert line_cells(line) <= width
    if width >= 20:
        assert "help" in plain(line)
    for place, key in places:
        word = plain(line)[place.start : place.stop]
        assert any(word.startswith(keys) for keys, _, its in footer(pane) if its == key)


def test_words_fit_the_help_of_a_small_screen() -> None:
    for entry in TABLE:
        assert cells(entry.text) <= 60, entry.id
