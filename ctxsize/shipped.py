"""Read the files that the package ships with, also where it is imported from a zip.

The loader of the package reads them: that of a zipapp or of PyInstaller knows where they are.
"""

from __future__ import annotations

import os
from os.path import dirname, isdir, join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    _read: Callable[[str], bytes]
else:
    _read = __spec__.loader.get_data

_PACKAGE = dirname(__file__)


def shipped(path: str) -> bytes:
    """Return the content of a file of the package; `path` is relative to it, with slashes."""
    return _read(join(_PACKAGE, *path.split("/")))


def shipped_text(path: str) -> str:
    """Return the content of a text of the package, which is UTF-8."""
    return shipped(path).decode("utf-8")


def shipped_names(package: str) -> list[str]:
    """Return the names of the files in a package below this one, unsorted."""
    directory = join(_PACKAGE, package)
    if isdir(directory):
        return os.listdir(directory)
    from importlib import resources  # slow to import, and only a zip needs it

    return [file.name for file in resources.files(f"ctxsize.{package}").iterdir()]
