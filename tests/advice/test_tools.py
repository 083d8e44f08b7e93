"""What the advice says of the tools themselves, asked of those that are here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ctxsize.advice import mounts


@pytest.mark.parametrize("value", [None, *mounts._ANY_SWITCH, ""])
def test_pip_uses_no_cache_whatever_the_variable_says(value: str | None) -> None:
    variable, values, off = mounts._SWITCHED_OFF["pip"]
    environment = {name: each for name, each in os.environ.items() if name != variable}
    environment |= {} if value is None else {variable: value}
    argv = [sys.executable, "-m", "pip", "cache", "dir"]
    cached = subprocess.run(argv, env=environment, capture_output=True, check=False).returncode == 0
    assert cached == (value in (None, off))
    assert cached == (value not in values)
