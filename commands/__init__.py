"""The commands of netviz, a file for each: its options, its help, and the parts that it puts together.

`COMMANDS` names them. Whatever is heavy to import is imported inside the function that needs it, so that help and
completion come at once.
"""

from __future__ import annotations

from typing import Final

COMMANDS: Final = ("run", "live", "lab", "replay", "report", "interfaces", "completion")
"""The names of the commands, as typed. Each is the module of its name (`-` is `_` there), which defines `command`."""
