"""Compile the optional core, parse the TOML files of `knowledge`, and make the man pages.

The description for a package index is made here too. Hatchling calls the two hooks when it builds.

`python hatch_build.py [OUTPUT [FLAGS]]` parses, and compiles the core beside its source, or to
another file with additional compiler flags. CTXSIZE_BUILD_NATIVE=1 makes a failure fatal, 0 skips
the core.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SWITCH = "CTXSIZE_BUILD_NATIVE"
NATIVE = Path("ctxsize/engine/native")
PAGES, MAKE_PAGES = Path("man"), Path("man_pages.py")
SOURCE, CORE = NATIVE / "_core.c", NATIVE / "_core.abi3.so"
KNOWLEDGE = Path("ctxsize/knowledge")
PARSED = KNOWLEDGE / "parsed.json"
ABI = "cp310-abi3"
FLAGS = ["-O2", "-fPIC", "-shared", "-pthread", "-Wall", "-Wextra"]
LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_core", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""


_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")
"""A Markdown image or link with a relative target."""


class NotBuiltError(Exception):
    """The core or a page could not be made; the message says why, in one line."""


class CustomMetadataHook(MetadataHookInterface):
    """Make the description for a package index of README.md."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        address = metadata.get("urls", {}).get("Repository")
        described = description(text, address, f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": described}


def description(text: str, address: str | None, tag: str) -> str:
    """Return Markdown with absolute images and links into the repository at `address`.

    Without an address it has neither: an image is left out, and of a link its text remains.
    """

    def replaced(found: re.Match[str]) -> str:
        image, label, target = found.groups()
        if address is not None:
            kind = "raw" if image else "blob"
            return f"{image}[{label}]({address.rstrip('/')}/{kind}/{tag}/{target})"
        return "" if image else label

    parts = re.split(r"(?ms)(^```.*?^```$)", text)  # every other one is a block of code
    parts[::2] = [_LINK.sub(replaced, part) for part in parts[::2]]
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)) if address is None else "".join(parts)


class CustomBuildHook(BuildHookInterface[Any]):
    """Put the core, the parsed knowledge and the man pages into a wheel; into an sdist the pages.

    An editable install gets the core and the knowledge beside their sources.
    """

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable":
            self._build(root, root / CORE)
            place_knowledge(root, self.app.display_warning)
            return
        self.scratch = tempfile.TemporaryDirectory()
        pages = self._pages(root, Path(self.scratch.name, PAGES.name))
        if self.target_name == "sdist":
            build_data["force_include"][str(pages)] = str(PAGES)
            return
        if pages.is_dir():
            build_data["shared_data"][str(pages)] = "share/man/man1"
        parsed = Path(self.scratch.name, PARSED.name)
        parsed.write_bytes(parsed_knowledge(root))
        build_data["force_include"][str(parsed)] = str(PARSED)
        core = Path(self.scratch.name, CORE.name)
        if self._build(root, core):
            build_data["force_include"][str(core)] = str(CORE)
            build_data["pure_python"] = False
            build_data["tag"] = f"{ABI}-{platform_tag()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self.scratch.cleanup()

    def _pages(self, root: Path, made: Path) -> Path:
        """Return the directory of the man pages: those of the sdist, or else new ones."""
        if (root / PAGES).is_dir():
            return root / PAGES
        try:
            run([sys.executable, "-B", str(root / MAKE_PAGES), str(made)])
        except NotBuiltError as error:
            if self.target_name == "sdist":
                raise SystemExit(f"ctxsize: no man pages: {error}") from None
            self.app.display_warning(f"ctxsize: no man pages: {error}")
        return made

    def _build(self, root: Path, core: Path) -> bool:
        """Return whether the core was compiled to `core`."""
        return build(root, core, self.app.display_warning)


def build(root: Path, core: Path, report: Any, more: list[str] | None = None) -> bool:
    """Compile the core to `core`, and return whether it is there; report why if that failed."""
    wanted = os.environ.get(SWITCH, "")
    try:
        if wanted == "0":
            raise NotBuiltError(f"{SWITCH}=0")
        check_platform()
        compile_core(root / SOURCE, core, more or [])
    except NotBuiltError as error:
        if wanted == "1":
            raise SystemExit(f"ctxsize: the core was not compiled: {error}") from None
        if wanted != "0" and is_current(core, root / SOURCE):
            report(f"ctxsize: the core of an earlier build is kept: {error}")
            return True
        core.unlink(missing_ok=True)
        report(f"ctxsize: the core was not compiled, Python walks: {error}")
        return False
    return True


def place_knowledge(root: Path, report: Any) -> None:
    """Parse the TOML files of `knowledge` to a file beside them; report why if that failed."""
    try:
        place(parsed_knowledge(root), root / PARSED)
    except NotBuiltError as error:
        report(f"ctxsize: each run parses its TOML files: {error}")


def parsed_knowledge(root: Path) -> bytes:
    """Return the table of each TOML file and the checksum of its text, as JSON by file."""
    tables = {}
    for file in sorted((root / KNOWLEDGE).rglob("*.toml")):
        text = file.read_text(encoding="utf-8")
        name = file.relative_to(root / KNOWLEDGE).as_posix()
        try:
            table = tomllib.loads(text)
        except ValueError as error:
            raise SystemExit(f"ctxsize: {KNOWLEDGE / name}: {error}") from None
        tables[name] = {"crc32": zlib.crc32(text.encode()), "table": table}
    return json.dumps(tables, separators=(",", ":"), ensure_ascii=False).encode()


def is_current(core: Path, source: Path) -> bool:
    """Return whether `core` is newer than its source: another interpreter may have built it."""
    return core.exists() and core.stat().st_mtime_ns >= source.stat().st_mtime_ns


def check_platform() -> None:
    """Raise `NotBuiltError` where the core does not run."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        raise NotBuiltError("it needs 64-bit Linux")
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotBuiltError("it needs CPython with its global lock")


def compile_core(source: Path, core: Path, more: list[str]) -> None:
    """Compile `source` to `core`, replacing it whole; it loads in this interpreter."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch, core.name)
        run([*compiler(), *FLAGS, *more, str(source), "-o", str(fresh), *linker_flags()])
        if "-fsanitize" not in " ".join(more):  # such a core loads only with its library
            run([sys.executable, "-I", "-c", LOAD, str(fresh)])
        place(fresh.read_bytes(), core)


def place(content: bytes, file: Path) -> None:
    """Write `file` in one step: a process may have the old one in use."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.chmod(0o644)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise NotBuiltError(str(error)) from None


def compiler() -> list[str]:
    """Return the command of the C compiler with the user's flags and Python's headers."""
    paths = dict.fromkeys(sysconfig.get_path(name) for name in ("include", "platinclude"))
    flags = shlex.split(os.environ.get("CFLAGS", ""))
    return [*shlex.split(os.environ.get("CC") or "cc"), *flags, *(f"-I{path}" for path in paths)]


def linker_flags() -> list[str]:
    """Return the user's flags for the linker."""
    return shlex.split(os.environ.get("LDFLAGS", ""))


def run(command: list[str]) -> None:
    """Run `command`; raise `NotBuiltError` with its first error if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise NotBuiltError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        wrong = [line for line in lines if "error" in line.lower()]
        raise NotBuiltError(f"{command[0]}: {(wrong or lines)[0]}")
    if done.stderr:
        sys.stderr.write(done.stderr)


def platform_tag() -> str:
    """Return the platform as wheels name it, for instance `linux_x86_64`."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def main() -> None:
    """Compile the core as the command line says, and parse the knowledge beside it."""
    root = Path(__file__).parent
    core = root / CORE
    if sys.argv[1:]:
        core = Path(sys.argv[1]).absolute()

    def report(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    place_knowledge(root, report)
    build(root, core, report, sys.argv[2:])


if __name__ == "__main__":
    main()
