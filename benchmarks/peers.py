"""The programs that are timed: the floor, the peers and ctxsize itself.

Each says how it is called for a tree and an ignore file, or why it cannot be:
a peer that is missing is shown as missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
DOCKER = ("fsutil", "docker-devtools")
"""The names of Docker's own walker: the first that is there is the yardstick."""
_GO_PACKAGE = "golang-github-tonistiigi-fsutil-dev"
_GO_LIBRARIES = "/usr/share/gocode"

_MEASURE = """
import sys
from ctxsize.engine.report import measure
from ctxsize.api import request_for
print(measure(request_for(sys.argv[1], dockerfile=sys.argv[2])).context.totals)
"""
_LIST = """
import os, sys
from ctxsize.api import request_for
from ctxsize.engine.evaluate import PatternByPattern
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.walk import Walk
request = request_for(sys.argv[1], dockerfile=sys.argv[2])
plain = PatternByPattern(request.spec) if sys.argv[3:] == ["plain"] else None
for event in Walk(request, evaluator=plain):
    if isinstance(event, Folder):
        sys.stdout.buffer.write(os.fsencode(event.path) + b"\\0")
    elif isinstance(event, Files):
        paths = [event.prefix + name + "\\0" for name in event.names]
        sys.stdout.buffer.write(os.fsencode("".join(paths)))
"""
_DOCKER_PY = """
import os, sys
from docker.utils.build import exclude_paths
root, ignore_file = sys.argv[1], sys.argv[2]
lines = open(ignore_file).read().split("\\n") if os.path.exists(ignore_file) else []
patterns = [line for line in lines if line and not line.startswith("#")]
stats = [os.lstat(os.path.join(root, path)) for path in exclude_paths(root, patterns)]
print(len(stats), sum(each.st_size for each in stats))
"""


@dataclass(frozen=True)
class Case:
    """One tree under one ignore file."""

    tree: str
    ignore: str
    path: Path
    dockerfile: Path

    @property
    def ignore_file(self) -> Path:
        """The ignore file that goes with the Dockerfile; it need not exist."""
        return self.dockerfile.with_name("Dockerfile.dockerignore")


@dataclass(frozen=True)
class Tool:
    """A program of the benchmark; `missing` says why it cannot be run here."""

    name: str
    command: Callable[[Case], list[str]]
    missing: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    lists: tuple[str, ...] = ()
    """What to add to its command so that it lists what is sent, separated by NUL."""
    may_be_stopped: bool = True
    """False for what the ratios need, however long it takes."""
    reads_ignore_file: bool = True
    """A tool that reads none, and is no floor, is run once per tree only."""

    def fits(self, case: Case) -> bool:
        """Whether its answer means something for `case`."""
        return self.reads_ignore_file or self.name == "floor" or case.ignore == "none"


@dataclass(frozen=True)
class Places:
    """Where peers are looked for that need not be installed beside this Python."""

    base: Path
    docker_py: str = sys.executable
    """A Python that can import `docker`."""
    node_modules: str = ""


_SIZERS = {
    "du": ("du", "-s", "--apparent-size"),
    "gdu": ("gdu", "-npas"),
    "dust": ("dust", "-s", "-d", "0", "-P"),
}
"""Programs that add up what a directory holds, of Debian's packages coreutils, gdu and du-dust."""


def _sizer(name: str) -> Tool:
    return Tool(
        name,
        lambda case: [*_SIZERS[name], str(case.path)],
        missing="" if _runs([*_SIZERS[name], str(HERE)]) else f"no {name}",
        reads_ignore_file=False,
    )


def tools(places: Places) -> list[Tool]:
    """Everything that is timed, the floor first and ctxsize last."""
    return [
        floor(places.base),
        *map(_sizer, _SIZERS),
        *docker(places.base),
        _docker_py(places.docker_py),
        _balena(places.node_modules),
        *ours(),
    ]


def floor(base: Path) -> Tool:
    """The C floor, compiled now if there is a compiler."""
    binary = base / "floor"
    compiler = shutil.which("cc")
    if compiler:
        base.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(binary), str(HERE / "floor.c")], check=True)
    return Tool(
        "floor",
        lambda case: [str(binary), str(case.path)],
        missing="" if compiler else "no C compiler (cc)",
        may_be_stopped=False,
        reads_ignore_file=False,
    )


def docker(base: Path) -> list[Tool]:
    """Docker's own walker, in two guises: the first that is not missing is the yardstick."""
    library, program = _fsutil(base), _devtools()
    yardstick = program if library.missing else library
    return [replace(tool, may_be_stopped=tool is not yardstick) for tool in (library, program)]


def _fsutil(base: Path) -> Tool:
    """The library that BuildKit's client walks with, from Debian's packages, and nothing around it.

    The fairest opponent: with many patterns docker-devtools needs several times as long.
    """
    binary, go = base / "fsutil", shutil.which("go")
    missing = "" if go else "no Go compiler"
    if go:
        base.mkdir(parents=True, exist_ok=True)
        libraries = {"GO111MODULE": "off", "GOPATH": _GO_LIBRARIES, "GOTOOLCHAIN": "local"}
        build = [go, "build", "-o", str(binary), str(HERE / "fsutil.go")]
        missing = "" if _runs(build, libraries) else f"no {_GO_PACKAGE}"
    return Tool(
        "fsutil",
        lambda case: [str(binary), str(case.path), str(case.ignore_file)],
        missing,
        lists=("list",),
    )


def _devtools() -> Tool:
    """docker-devtools from PyPI: Docker's walker and evaluation in a program of its own."""
    beside = Path(sys.executable).with_name("docker-devtools")
    binary = str(beside) if beside.exists() else shutil.which("docker-devtools")
    listing = [binary or "", "build-context", "ls", "--whole-context"]
    return Tool(
        "docker-devtools",
        lambda case: [*listing, "-f", str(case.dockerfile), str(case.path)],
        missing="" if binary else "not installed (pip install docker-devtools)",
        lists=("-0",),
    )


def _docker_py(python: str) -> Tool:
    there = _runs([python, "-c", "import docker.utils.build"])
    return Tool(
        "docker-py",
        lambda case: [python, "-c", _DOCKER_PY, str(case.path), str(case.ignore_file)],
        missing="" if there else "no `docker` package (--docker-py PYTHON)",
    )


def _balena(node_modules: str) -> Tool:
    node = shutil.which("node") or ""
    environment = (("NODE_PATH", node_modules),) if node_modules else ()
    there = node and _runs([node, "-e", 'require("@balena/dockerignore")'], dict(environment))

    def command(case: Case) -> list[str]:
        ignore_file = [str(case.ignore_file)] if case.ignore_file.exists() else []
        return [node, str(HERE / "balena.js"), str(case.path), *ignore_file]

    missing = "no @balena/dockerignore (--node-modules DIRECTORY)" if node else "no node"
    return Tool("@balena/dockerignore", command, "" if there else missing, environment)


# --- ctxsize -------------------------------------------------------------------------------------


def ours() -> list[Tool]:
    """`ctxsize measure` with the compiled core and without, and what holds as much."""
    has_command = "--format" in _output(_ctxsize("measure", "--help"))
    return [
        Tool(
            "ctxsize measure",
            measure_command if has_command else _bare_measure,
            may_be_stopped=False,
        ),
        Tool(
            "ctxsize measure, 1 thread",
            lambda case: [*measure_command(case), "--jobs", "1"],
            missing="" if "compiled" in _output(_ctxsize("--version")) else "no compiled core",
            may_be_stopped=False,
        ),
        Tool(
            "ctxsize measure, Python",
            measure_command,
            environment=(("CTXSIZE_NATIVE", "0"),),
            may_be_stopped=False,
        ),
        Tool("ctxsize check", lambda case: _on(case, "check", "--max", "100GB")),
        Tool("ctxsize ls", lambda case: _on(case, "ls")),
    ]


def _on(case: Case, command: str, *options: str) -> list[str]:
    return _ctxsize(command, str(case.path), "-f", str(case.dockerfile), *options)


def measure_command(case: Case) -> list[str]:
    """How `ctxsize measure` is called."""
    return _on(case, "measure", "--format", "json")


def _bare_measure(case: Case) -> list[str]:
    """The engine alone, as long as there is no command."""
    return [sys.executable, "-c", _MEASURE, str(case.path), str(case.dockerfile)]


def list_command(case: Case) -> list[str]:
    """What lists the entries that ctxsize would send, separated by NUL."""
    where = [str(case.path), "-f", str(case.dockerfile)]
    if "-0" in _output(_ctxsize("ls", "--help")):
        return _ctxsize("ls", "-0", *where)
    return [sys.executable, "-c", _LIST, str(case.path), str(case.dockerfile)]


def plain_list_command(case: Case) -> list[str]:
    """The same by the plain evaluation, pattern by pattern."""
    return [sys.executable, "-c", _LIST, str(case.path), str(case.dockerfile), "plain"]


def startup_commands(case: Case) -> dict[str, list[str]]:
    """What start-up is measured with, the yardstick first."""
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "ctxsize --version": _ctxsize("--version"),
        "ctxsize measure, 20 files": _ctxsize("measure", str(case.path)),
        "ctxsize measure --format json, 20 files": measure_command(case),
        "ctxsize suggest, 20 files": _ctxsize("suggest", str(case.path)),
        "ctxsize, 20 files": _ctxsize(str(case.path)),
    }


def environment(*more: tuple[str, str]) -> dict[str, str]:
    """The environment of a child: this checkout's ctxsize, and what the tool asks for."""
    bytecode = {"PYTHONDONTWRITEBYTECODE": ""}  # an installed package is compiled, so is this one
    return {**os.environ, **bytecode, "PYTHONPATH": str(CHECKOUT), **dict(more)}


_SCRIPT = "import sys; from ctxsize.__main__ import main; sys.exit(main())"
"""What the installed command `ctxsize` does."""


def _ctxsize(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _SCRIPT, *arguments]


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    return done.stdout if done.returncode == 0 else ""


def _runs(command: list[str], more: dict[str, str] | None = None) -> bool:
    """Whether `command` exists and ends well."""
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment(*(more or {}).items()), check=False
        )
    except OSError:
        return False
    return done.returncode == 0
