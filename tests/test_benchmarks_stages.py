"""What `benchmarks.stages` times is there to be timed."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from benchmarks.stages import ANALYSING, DECODING

STAGES = DECODING | ANALYSING


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_function(stage: str) -> None:
    module, path = STAGES[stage]
    assert callable(reduce(getattr, path.split("."), importlib.import_module(module)))
