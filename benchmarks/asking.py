"""The floor of Python: what a report that is exact must ask for, and nothing done with it.

Names and kinds in each directory that must be opened; for each file that is sent its size and
whether it has extended attributes, which BuildKit sends and counts. Each is asked in the
shortest way that is known, and no answer is looked at. Nothing is decided either: how many files
are asked about in which directory, and which directories are opened, is worked out beforehand
(`--plan`), and two processes share that half and half.

With a Dockerfile the ignore file's verdict on each name is asked for too, of ctxsize's evaluator,
and not looked at either.

    python benchmarks/asking.py --plan PLAN CONTEXT DOCKERFILE
    python benchmarks/asking.py PLAN CONTEXT PROCESSES [DOCKERFILE]
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
from pathlib import Path
from typing import Any

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_AT_ONCE = 256
Plan = tuple[int, list[tuple[str, Any]], int]
"""How many files are asked about, the directories that are opened, and how much all that is."""


def plan(context: str, dockerfile: str) -> Plan:
    """What `measure` asks for."""
    from ctxsize.engine.events import Files, Folder, IgnoredFolder
    from ctxsize.engine.request import resolve
    from ctxsize.engine.walk import Walk

    asked: dict[str, int] = {}
    opened = {""}
    for event in Walk(resolve(context, dockerfile=dockerfile)):
        if isinstance(event, Files):
            path = event.prefix.rstrip("/")
            asked[path] = asked.get(path, 0) + len(event.names)
        elif isinstance(event, Folder) or (isinstance(event, IgnoredFolder) and event.entered):
            opened.add(event.path)
    below: dict[str, list[tuple[str, Plan]]] = {}
    for path in sorted(opened, key=lambda each: -each.count("/") if each else 1):
        children = below.pop(path, [])
        own = asked.get(path, 0)
        found = own, children, 1 + own + sum(child[2] for _, child in children)
        if not path:
            return found
        above, _, name = path.rpartition("/")
        below.setdefault(above, []).append((name, found))
    raise AssertionError("the context itself is opened")


class Asking:
    """Carries out a plan, from one amount of it to another."""

    def __init__(self, evaluator: Any = None) -> None:
        import ctypes

        self._evaluator = evaluator
        self._lstat = ctypes.PyDLL(None).lstat
        room = ctypes.c_char * 256  # more than an answer takes anywhere
        self._rooms = [ctypes.byref(room()) for _ in range(_AT_ONCE)]

    def ask_all(self, context: str, plan: Plan, since: int, until: int) -> None:
        """Ask about a whole context."""
        fd = os.open(context, _OPEN)
        state = self._evaluator and self._evaluator.root()
        self._ask(fd, listed(fd), plan, since, until, "", state)

    def _ask(
        self, fd: int, names: list[str], plan: Plan, since: int, until: int, prefix: str, state: Any
    ) -> None:
        """Ask about what is below the directory `fd`, whose `names` were listed."""
        files, directories, _ = plan
        if state:
            self._evaluator.odd(state, prefix, names)
        if since < files:
            os.fchdir(fd)
            self._files(names[max(since, 0) : min(until, files)])
        if since <= 0:
            os.listxattr(fd)
        done = files + 1
        for name, child in directories:
            if since < done + child[2] and until > done:
                below = os.open(name, _OPEN, dir_fd=fd)
                inside = state and self._evaluator.enter(state, prefix, name)
                path = f"{prefix}{name}/"
                self._ask(below, listed(below), child, since - done, until - done, path, inside)
                os.close(below)
            done += child[2]

    def _files(self, names: list[str]) -> None:
        for at in range(0, len(names), _AT_ONCE):
            encoded = os.fsencode("\0".join(names[at : at + _AT_ONCE])).split(b"\0")
            if any(map(self._lstat, encoded, self._rooms)):
                sys.exit("one that cannot be asked about")
            any(map(os.listxattr, encoded))


def listed(fd: int) -> list[str]:
    """The names in a directory that are not those of directories."""
    names: list[str] = []
    directories: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            (directories if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
    return names


def evaluator_of(context: str, dockerfile: str) -> Any:
    """What gives the verdicts of the ignore file that a build with that Dockerfile has."""
    from ctxsize.engine.automaton import fastest
    from ctxsize.engine.request import resolve

    return fastest(resolve(context, dockerfile=dockerfile).spec)


def main(plan_path: str, context: str, processes: str, dockerfile: str = "") -> None:
    """Ask, in one process or in two."""
    gc.disable()
    whole: Plan = marshal.loads(Path(plan_path).read_bytes())
    asking = Asking(evaluator_of(context, dockerfile) if dockerfile else None)
    amount = whole[2]
    half = amount if processes == "1" else amount // 2
    child = 0 if half == amount else os.fork()
    if child or half == amount:
        asking.ask_all(context, whole, 0, half)
    else:
        asking.ask_all(context, whole, half, amount)
        os._exit(0)
    if child and os.waitpid(child, 0)[1]:
        sys.exit("the other process failed")


if __name__ == "__main__":
    if sys.argv[1] == "--plan":
        Path(sys.argv[2]).write_bytes(marshal.dumps(plan(*sys.argv[3:])))
    else:
        main(*sys.argv[1:])
