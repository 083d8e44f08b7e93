"""The one place that decides whether a test may run without a tool.

A stranger without Docker gets the engine tests skipped, each with its reason.
In CI (``CI=true``) the same reason is a failure: a suite that quietly stopped
asking the engines would prove nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ctxsize.version import core_path

PLUGIN_DIRECTORIES = tuple(
    Path(prefix) / "docker" / "cli-plugins"
    for prefix in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)

_ROOT = Path(__file__).parents[2]
# dockerd lives in sbin, which an ordinary login's PATH leaves out.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def in_ci() -> bool:
    """Whether a missing tool is a failure."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def unavailable(reason: str) -> NoReturn:
    """Skip the test for ``reason``, or fail it in CI."""
    if in_ci():
        pytest.fail(f"CI must not skip this: {reason}", pytrace=False)
    pytest.skip(reason)


def require(tool: str) -> None:
    """Return if ``tool`` can be used here, else skip (in CI: fail) the test."""
    reason = missing(tool)
    if reason is not None:
        unavailable(reason)


def require_checkout() -> None:
    """Return if git tracks the files of this directory, else skip the test.

    An unpacked sdist has no repository, so that a test is skipped there in CI, too.
    """
    if (_ROOT / ".git").exists():
        require("git")
    elif (_ROOT / "PKG-INFO").exists():
        pytest.skip("needs a checkout, and this is an unpacked sdist")
    else:
        unavailable("needs a checkout with its repository")


def missing(tool: str) -> str | None:
    """Why ``tool`` cannot be used here, or None if it can."""
    check = _CHECKS.get(tool)
    return check() if check else _command(tool)


def find_command(name: str, path: str = SEARCH_PATH) -> str | None:
    """The full path of an executable, sbin included."""
    return shutil.which(name, path=path)


def browser() -> str | None:
    """The executable of a chromium, which has a different name where it is no package."""
    found = map(find_command, ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


def buildx_plugin() -> Path | None:
    """The executable behind ``docker buildx``, which also runs alone."""
    candidates = (directory / "docker-buildx" for directory in PLUGIN_DIRECTORIES)
    return next((path for path in candidates if path.exists()), None)


def _command(name: str) -> str | None:
    return None if find_command(name) else f"{name} is not installed"


def _root() -> str | None:
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    return None if os.geteuid() == 0 else "needs root"


def _buildx() -> str | None:
    return None if buildx_plugin() else "the docker buildx plugin is not installed"


def _core() -> str | None:
    return None if core_path() else "the compiled core is not there, or CTXSIZE_NATIVE=0"


def _headers() -> str | None:
    header = Path(sysconfig.get_path("include"), "Python.h")
    return None if header.exists() else f"{header} is not there"


def _compiler() -> str | None:
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    return _first(_command("cc"), _headers())


def _first(*reasons: str | None) -> str | None:
    return next((reason for reason in reasons if reason is not None), None)


def _docker() -> str | None:
    return _first(_root(), *(_command(name) for name in ("dockerd", "docker", "rm")), _buildx())


def _buildah() -> str | None:
    return _first(_root(), _command("buildah"))


def _browser() -> str | None:
    return None if browser() else "chromium is not installed"


def _exfat() -> str | None:
    fuse = None if os.path.exists("/dev/fuse") else "/dev/fuse is not there"
    tools = ("mkfs.exfat", "mount.exfat-fuse", "losetup")
    return _first(_root(), fuse, *map(_command, tools))


def _devtools() -> str | None:
    try:
        from docker_devtools import find_binary

        find_binary()
    except ImportError:
        return "docker-devtools is not installed"
    except FileNotFoundError as error:
        return str(error)
    return None


_CHECKS: dict[str, Callable[[], str | None]] = {
    "root": _root,
    "docker-cli": lambda: _command("docker"),
    "docker-buildx": lambda: _first(_command("docker"), _buildx()),
    "docker": _docker,
    "buildah": _buildah,
    "core": _core,
    "compiler": _compiler,
    "browser": _browser,
    "devtools": _devtools,
    "exfat": _exfat,
}
