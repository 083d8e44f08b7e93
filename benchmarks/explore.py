"""How long the explorer takes to open and to answer, beside a measure by the compiled core.

All runs in one process, so that the ratios mean something on a busy machine too. Each answer has
the new figures, the lost sources, the lines, and the entries of the top and of the largest level.

python benchmarks/explore.py                 40,000 and 300,000 files, two minutes
python benchmarks/explore.py --files 40000   one tree
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trees

from ctxsize.api import measure
from ctxsize.build import Build
from ctxsize.errors import InputError
from ctxsize.explore.session import Session

_TREE_FILES = 300_000
_MB = 10**6


def main() -> None:
    """Show the milliseconds, and the share of a measure, of each answer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="*", default=[40_000, _TREE_FILES])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for files in options.files:
        part = round(files / _TREE_FILES, 4)
        tree = trees.ensure(trees.TREES["javascript"], trees.home(None), part)
        _shown(tree, options.rounds)


def _shown(tree: Path, rounds: int) -> None:
    session = Session(Build(str(tree)))
    print(f"{tree}: {session.before.context.files:,} files")

    def took(name: str, work: Callable[[], object], undo: Callable[[], object] = bool) -> None:
        seconds, whole = [], []
        for _ in range(rounds):
            for all_of, each in ((whole, lambda: measure(str(tree))), (seconds, work)):
                start = time.process_time()
                each()
                all_of.append(time.process_time() - start)
            undo()
        ratio = statistics.median(seconds) / statistics.median(whole)
        print(f"  {name:<40} {1e3 * statistics.median(seconds):8.1f} ms   {ratio:5.2f} of measure")

    def proposed(path: str, *, everywhere: bool = False) -> None:
        try:
            session.propose(path, everywhere=everywhere)
        except InputError as error:
            print(f"  {path}: {error.message}")
        [*map(session.entry, session.paths(""))]
        [*map(session.entry, session.paths(level))]

    level = session.largest()
    below = [each.path for each in [*map(session.entry, session.paths(level))] if each.is_directory]
    took("opening", lambda: Session(Build(str(tree))))
    took(f"ignoring {level}", lambda: proposed(level), session.undo)
    for name in (below[0], "node_modules", ".js"):
        path = session.matching(name, most=1)[0][0].path
        took(f"ignoring {path[-30:]}", partial(proposed, path), session.undo)
    everywhere = partial(proposed, session.matching("node_modules")[0][0].path, everywhere=True)
    took("ignoring **/node_modules", everywhere, session.undo)
    session.propose(level)
    took("bringing one directory back", lambda: proposed(below[0]), session.undo)
    session.undo()
    took("the filter", lambda: session.matching("index"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // _MB
    print(f"  {'memory, the measures included':<40} {peak:8} MB")


if __name__ == "__main__":
    main()
