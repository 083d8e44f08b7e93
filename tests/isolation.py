"""Takes the caller's settings away, so that the suite answers alike on every machine.

No test, and no program that a test starts, reads the home, the git configuration, the locale,
the time zone, the width of the terminal or the umask of who runs it. `tests/foreign.py` is an
account whose settings would break a test that did.
"""

from __future__ import annotations

import locale
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

SETTINGS = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TEMPLATE_DIR": "",  # no samples of hooks in each new repository
}
"""What stands in place of the caller's settings."""
UMASK = 0o022
_KEPT = re.compile(
    "|".join(
        (
            # Where programs and temporary files are.
            *("PATH", "TMPDIR", "RUSTUP_HOME", "PYENV_ROOT", "LD_LIBRARY_PATH", "DYLD_.*"),
            # How this interpreter runs, and what watches it.
            *("PYTHONPATH", "PYTHONHASHSEED", "PYTHONPYCACHEPREFIX"),
            *("PYTHONMALLOC", "LD_PRELOAD", "(A|L|T|UB)SAN_OPTIONS", "COV", "COV(ERAGE|_CORE)_.*"),
            # The switches of the suite, of ctxsize and of pytest.
            *("CI", "HYPOTHESIS_PROFILE", "FUZZ_EXAMPLES", "CTXSIZE_.*", "PYTEST_.*"),
        )
    )
)
"""The variables that a test may read. All others are the caller's own."""


def without_settings(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the variables of `environment` that are no settings, with our own settings."""
    kept = {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}
    rustup = Path(environment.get("HOME", "/"), ".rustup")
    if rustup.is_dir():
        kept.setdefault("RUSTUP_HOME", str(rustup))  # its compilers are programs, no settings
    return {**kept, **SETTINGS, "HOME": str(home)}


def isolate() -> Callable[[], None]:
    """Take the caller's settings from this process and its children; return what cleans up."""
    home = Path(tempfile.mkdtemp(prefix="ctxsize-home-"))
    home.chmod(0o755)  # a test may become another user
    environment = without_settings(os.environ, home)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(UMASK)
    # Without compiled modules, half the time of a command would go into compiling them again.
    sys.dont_write_bytecode = False
    # A shell starts a job in the background so that it ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    time.tzset()
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    return lambda: shutil.rmtree(home, ignore_errors=True)
