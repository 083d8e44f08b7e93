"""The benchmark: first the lists are shown to be equal, then whole processes are timed.

python benchmarks/run.py                        everything, some GB of page cache, many minutes
python benchmarks/run.py --scale 0.1 --rounds 3 a quick look
python benchmarks/run.py --render RESULTS.json --page docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import ignorefiles
import peers
import report
import timing
import trees
from lists import Comparison, compare

_STARTUP_ROUNDS = 15


def main() -> None:
    """Time ctxsize against the floor and its peers."""
    options = _options()
    if options.render:
        results = json.loads(options.render.read_text())
    else:
        results = _measure(options)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    print(report.table(results))
    if options.page:
        report.write_page(results, options.page)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    kinds = list(ignorefiles.ignore_files())
    add("--tree", action="append", choices=trees.TREES, help="only this tree (repeatable)")
    add("--ignore", action="append", choices=kinds, help="only this ignore file (repeatable)")
    add("--scale", type=float, default=1.0, help="0.1 for a tenth of the files")
    add("--rounds", type=int, default=5)
    add("--patience", type=float, default=30, help="seconds: what is slower is run once only")
    add("--dir", help=f"where the trees lie (or ${trees.ENVIRONMENT})")
    add("--tool", action="append", help="only tools whose name begins so, and the floor")
    add("--no-lists", action="store_true", help="do not compare the lists first")
    add("--against", choices=(*peers.DOCKER, "plain"), help="whose lists ours must equal")
    add("--docker-py", default=sys.executable, help="a Python with the package `docker`")
    add("--node-modules", default="", help="where @balena/dockerignore is installed")
    add("--json", type=Path, help="where to write the results (default: beside the trees)")
    add("--render", type=Path, help="show these results instead of measuring")
    add("--page", type=Path, help="put the table into this Markdown page")
    options = parser.parse_args()
    options.json = options.json or trees.home(options.dir) / "results.json"
    return options


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    base = trees.home(options.dir)
    cases = _cases(options, base)
    docker = peers.docker(base)
    others = [tool for tool in docker if options.against in (None, tool.name)]
    comparisons = [] if options.no_lists else [_compare(case, others) for case in cases]
    if any(each.difference for each in comparisons):
        sys.exit("The lists differ: times would mean nothing.")
    tools = _tools(options, base)
    startup = _startup(base)
    rows: list[report.Row] = []
    for case in cases:
        _say(f"timing {case.tree}, {case.ignore}")
        results = timing.interleaved(tools, case, options.rounds, options.patience)
        rows += report.rows(case, results, startup)
    return {
        "version": 1,
        "date": report.today(),
        "machine": report.machine(base),
        "scale": options.scale,
        "rounds": options.rounds,
        "trees": {name: tree.title for name, tree in trees.TREES.items()},
        "lists": report.list_rows(comparisons),
        "rows": rows,
        "startup": report.startup_rows(startup),
    }


def _cases(options: argparse.Namespace, base: Path) -> list[peers.Case]:
    names = options.tree or list(trees.TREES)
    found: list[peers.Case] = []
    dockerfiles = ignorefiles.write(base)
    for name in names:
        _say(f"tree {name}")
        path = trees.ensure(trees.TREES[name], base, options.scale)
        kinds = options.ignore or dockerfiles
        found += [peers.Case(name, kind, path, dockerfiles[kind]) for kind in kinds]
    return found


def _tools(options: argparse.Namespace, base: Path) -> list[peers.Tool]:
    every = peers.tools(peers.Places(base, options.docker_py, options.node_modules))
    wanted = ("floor", *options.tool) if options.tool else ("",)
    return [tool for tool in every if tool.name.startswith(tuple(wanted))]


def _compare(case: peers.Case, others: list[peers.Tool]) -> Comparison:
    _say(f"comparing lists of {case.tree}, {case.ignore}")
    found = compare(case, others)
    _say(f"  {found.entries} entries, {found.difference or 'equal'} ({found.against})")
    return found


def _startup(base: Path) -> dict[str, float | None]:
    """The median processor seconds of each start-up command, None for one that fails."""
    _say("timing start-up")
    small = trees.ensure(trees.SMALL, base)
    case = peers.Case("small", "none", small, ignorefiles.write(base)["none"])
    commands = peers.startup_commands(case)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_STARTUP_ROUNDS):
        for name, command in commands.items():
            _, taken, _, code = timing.run(command, [])
            seconds[name].append(taken if code == 0 else float("inf"))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {name: None if median == float("inf") else median for name, median in medians.items()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
