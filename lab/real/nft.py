"""nftables: the kernel's own address translation, told by nft what to do."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.real import log_of, start, write

if TYPE_CHECKING:
    from lab.stage import Host, Stage

RULES: Final = """\
table ip nat {{
    chain leaving {{
        type nat hook postrouting priority srcnat;
        oifname "{device}" masquerade
    }}
}}
"""


def masquerade(stage: Stage, router: Host, device: str) -> None:
    """Give what leaves by a device the router's own address. Raises `LabError`."""
    rules = write(stage, "nat.nft", RULES.format(device=device))
    try:
        failed = start(stage, router, ["nft", "-f", rules]).wait(5)
    except subprocess.TimeoutExpired as error:
        raise LabError("nft did not end.") from error
    if failed:
        said = log_of(stage, router, "nft").read_text("utf-8", "replace").splitlines()  # the reason, then the place
        raise LabError(f"nft did not take its rules: {said[0] if said else 'it gave no reason'}")
