"""The version and the kind of walk, in a module that needs no other of the package."""

import os
import sys
from os.path import dirname, exists, join

__version__ = "0.1.0"  # the same value as in `pyproject.toml`

CORE = join(dirname(__file__), "engine", "native", "_core.abi3.so")


def refuse_windows() -> None:
    """Raise `ImportError` on native Windows, which lacks what reading a hostile tree needs."""
    if sys.platform == "win32":
        raise ImportError("ctxsize does not run on native Windows: use it in WSL")


def core_path() -> str | None:
    """Return the path of the compiled core to load, None if CTXSIZE_NATIVE or its lack says so."""
    if os.environ.get("CTXSIZE_NATIVE") == "0" or not _can_load():
        return None
    path = os.environ.get("CTXSIZE_NATIVE_CORE") or CORE
    if exists(path):
        return path
    return None


def address_of(path: str) -> str | None:
    """Return the address of a file of this version; None while `project.urls` has no Repository."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("ctxsize").get_all("Project-URL") or []
    except PackageNotFoundError:  # in a zip, for example
        return None
    for url in urls:
        label, _, address = url.partition(", ")
        if label == "Repository":
            return f"{address.rstrip('/')}/blob/v{__version__}/{path}"
    return None


def version_line() -> str:
    """Return what `--version` prints. Scripts parse the first two words."""
    walk = "Python walk"
    if core_path():
        walk = "compiled core"
    return f"ctxsize {__version__} ({walk})"


def _can_load() -> bool:
    """Return whether this interpreter has the stable ABI that the core is compiled for."""
    return (
        sys.implementation.name == "cpython"
        and "t" not in getattr(sys, "abiflags", "")  # that of a free-threaded interpreter
        and sys.byteorder == "little"  # as the words of the core's tables are
    )
