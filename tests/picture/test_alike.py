"""Entries of a directory that are alike are looked at once, and add up as if each were."""

from __future__ import annotations

import functools
import itertools
import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ctxsize import api
from ctxsize.build import Build
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial, planned, with_lines
from ctxsize.page import picture
from ctxsize.page.classes import Fates, in_file_order
from ctxsize.page.nodes import added, nodes
from tests.contexts import CONTEXTS
from tests.picture.test_exact import BUILDERS, BUILDS, LINKS, MORE, NODE, RUST, TAKES, TREES
from tests.trees import Node, build_tree, file, link, socket

OTHERS = [
    *(file(f"tools/target/{n}{end}", size_bytes=n) for n in range(9) for end in (".d", ".log")),
    *(file(f"node_modules/x/lib/{n}.js", size_bytes=n % 3) for n in range(40)),
    *(link(f"node_modules/x/lib/l{n}", "index.js") for n in range(3)),
]
MIXED = [*RUST, *NODE, *MORE, *LINKS, *OTHERS]
IGNORES = ("", "*.md\n", "tools\n!tools/target/y\n!**/*.log\n", "*\n!target\n!tools\n!src\n")
ODD: dict[str, list[str | Node]] = {
    "several-patterns": [
        file("Dockerfile", TAKES),
        file(".dockerignore", b"*.md\ntools/**/*.d\ntools/**/*.log\n!tools/**/[12].*\n**/l1\n"),
        *MIXED,
    ],
    "sources-that-empty": [  # as in `test_files_that_only_the_sources_empty_are_a_problem`
        file("Dockerfile", b'FROM scratch\nCOPY [" docs/[a-c]", "src", "!docs", "/x/"]\n'),
        *(file(f"docs/{name}", size_bytes=70 * at) for at, name in enumerate("abcd")),
        *(file(f"src/{name}", size_bytes=70 * at) for at, name in enumerate("abcd")),
    ],
}
INVENTED = [*itertools.product(IGNORES, range(6))]
LINES = [
    *("target", "**/target", "tools", "**/*.log", "**/lib", "node_modules", "*.md", "src"),
    *("!target/release", "!tools/target/y", "!**/*.d", "!node_modules/x", "!**/l1", ".*"),
]


def apart(_: Fates, directory: MemoryDirectory) -> Collection[list[str]]:
    """Return groups in which no entry has another one beside it."""
    return [[name] for name in directory.entries]


def drawn(root: Path, builder: str, *, ignored: bool) -> list[str]:
    """Return the pages of `measure` and `suggest`."""
    build = Build(str(root), builder=builder, platforms=("linux/amd64", "linux/arm64"))
    outcomes = [api.glance(build, ignored=ignored), api.suggest(build)]
    return [json.dumps(picture.page(outcome, None)) for outcome in outcomes]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("context", [*CONTEXTS, *TREES, *ODD])
def test_page_is_the_same_if_each_entry_is_looked_at_alone(
    context: str, builder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {**CONTEXTS, **ODD}.get(context, [])
    if context in TREES:
        lines, dockerfile, tree = TREES[context]
        tree = [*tree, *OTHERS, file("Dockerfile", dockerfile)]
        if lines is not None:
            tree.append(file(".dockerignore", lines))
    root = build_tree(tmp_path / "ctx", tree)
    together = [drawn(root, builder, ignored=ignored) for ignored in (False, True)]
    monkeypatch.setattr(Fates, "_alike", apart)
    assert [drawn(root, builder, ignored=ignored) for ignored in (False, True)] == together


def invented(root: Path, ignore: str, seed: int) -> tuple[Trial, list[Any]]:
    """Return a context, and suggestions that nobody would make."""
    rng = random.Random(seed)
    tree = [*MIXED, file("Dockerfile", TAKES), file(".dockerignore", ignore.encode())]
    snapshot = Snapshot.take(api.plan_for(Build(str(build_tree(root, tree)))))
    some = (rng.sample(LINES, rng.randint(1, 3)) for _ in range(5))
    return Trial(planned(snapshot)), [SimpleNamespace(patterns=tuple(lines)) for lines in some]


@pytest.mark.parametrize(("ignore", "seed"), INVENTED)
def test_chains_are_those_of_sets_of_paths(ignore: str, seed: int, tmp_path: Path) -> None:
    """A suggestion hides what it hides alone, and keeps what others hide without it."""
    trial, suggestions = invented(tmp_path / "ctx", ignore, seed)
    order = in_file_order(suggestions)

    @functools.cache
    def gone(*chosen: int) -> tuple[set[str], set[str]]:
        lines = [line for index in chosen for line in suggestions[index].patterns]
        attempt = trial.attempt(with_lines(trial.plan, lines))
        return {*attempt.hidden}, {*attempt.hidden, *attempt.emptied}

    def chain(path: str, subject: int) -> list[tuple[int, str]]:
        signs = []
        for position, (index, has_exceptions) in enumerate(order):
            others = [other for other, _ in order[:position] if has_exceptions]
            if path in gone(index)[subject]:
                signs.append((index, "-"))
            elif any(path in gone(one)[subject] - gone(one, index)[subject] for one in others):
                signs.append((index, "+"))
        return signs

    paths = [path for path in trial.before.paths if path not in trial.before.directories]
    files = defaultdict(list)
    for path in paths:
        files[(tmp_path / "ctx" / path).lstat().st_ino].append(path)
    fates = Fates(trial, suggestions, 5, travels=True, ignored=False)
    seen = set()
    for folder in trial.snapshot.folders:
        for leaf in fates.leaves(folder):
            path = folder.prefix + leaf.name
            names = next(names for names in files.values() if path in names)
            wanted = [[chain(path, 0)], [chain(name, 1) for name in names]]
            found = [fates.classes[amount.number]["hidden_by"] for amount in leaf.amounts]
            seen.add(path)
            for chains in wanted:
                assert (chains if all(chains) else []) in found, path
            assert all(chains in [*wanted, []] for chains in found), path
    assert seen == {*paths}


def test_invented_suggestions_hide_keep_and_empty(tmp_path: Path) -> None:
    """So the tests above have something to say."""
    signs = Counter[str]()
    for number, (ignore, seed) in enumerate(INVENTED):
        trial, suggestions = invented(tmp_path / str(number), ignore, seed)
        fates = Fates(trial, suggestions, 5, travels=True, ignored=False)
        nodes(trial.snapshot.root, fates.leaves, amounts=fates.amounts)
        for shown in fates.classes:
            chains: Any = shown["hidden_by"]
            signs.update("".join(sign for _, sign in chain) for chain in chains)
    assert {"-", "-+", "--"} <= {*signs}


@pytest.mark.parametrize("ignored", [False, True])
def test_like_entries_are_looked_at_once(
    ignored: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Counter[str]()

    def counting(name: str) -> None:
        original = getattr(Fates, name)

        def counted(*arguments: Any) -> Any:
            looks[name] += 1
            return original(*arguments)

        monkeypatch.setattr(Fates, name, counted)

    for name in ("_amounts", "_sent", "_class"):
        counting(name)
    costs = []
    for count in (40, 900):
        looks.clear()
        names = itertools.product(("node_modules", "docs"), "012", range(count))
        root = build_tree(
            tmp_path / str(count),
            [
                *(file("Dockerfile", BUILDS), file(".dockerignore", b"docs/0\n"), "package.json"),
                "node_modules/.package-lock.json",
                *("/".join(map(str, parts)) for parts in names),
            ],
        )
        build = Build(str(root))
        picture.page(api.glance(build, ignored=ignored), None)
        picture.page(api.suggest(build), None)
        costs.append({**looks})
    assert costs[0] == costs[1]
    assert sum(costs[0].values()) < 200


def test_amounts_of_a_directory_are_those_of_its_leaves(tmp_path: Path) -> None:
    for number, ignore in enumerate(IGNORES):
        trial, suggestions = invented(tmp_path / str(number), ignore, number)
        fates = Fates(trial, suggestions, 5, travels=True, ignored=True)
        for folder in trial.snapshot.folders:
            leaves = [leaf.amounts for leaf in fates.leaves(folder)]
            assert added(fates.amounts(folder)) == added(leaves), folder.path
            assert bool(leaves) == bool(fates.amounts(folder)), folder.path


def test_no_builder_misses_what_another_one_sends(tmp_path: Path) -> None:
    """Builds of a repository share what was read, and the classic builder sends no socket."""
    sockets = [socket("run/a"), socket("tmp/b"), file("tmp/c", size_bytes=7)]
    root = str(build_tree(tmp_path / "ctx", [file("Dockerfile", TAKES), *sockets]))
    snapshot = Snapshot.take(api.plan_for(Build(root)))
    trial = Trial(snapshot.asked(api.plan_for(Build(root, builder="classic"))))
    fates = Fates(trial, [], 5, travels=False, ignored=True)
    folders = {folder.path: folder for folder in snapshot.folders}
    assert fates.amounts(folders["run"]) == []
    (amounts,) = fates.amounts(folders["tmp"])
    assert [amount[1:] for amount in amounts] == [(7, 1)]
    assert [leaf.name for leaf in fates.leaves(folders["tmp"])] == ["c"]
