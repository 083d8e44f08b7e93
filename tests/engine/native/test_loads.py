"""The core that is chosen can be loaded; `make sanitize` chooses others."""

from __future__ import annotations

import importlib.util

from ctxsize.version import core_path
from tests.oracles.availability import require


def test_chosen_core_loads() -> None:
    require("core")
    path = core_path()
    assert path is not None
    spec = importlib.util.spec_from_file_location("_core", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.__file__ == path
