"""No build is left out whose layers a real Docker makes otherwise than before the commit.

Each content that differs from another one has a length of its own, so that the sizes of an image's
files tell their contents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

import ctxsize
from ctxsize.errors import CtxsizeError
from ctxsize.history.affected import BuildChange
from tests.history.layers import Builder, Layers, Recipe, laid_out
from tests.history.random_commits import History
from tests.history.repository import commit, planted
from tests.history.test_affected import APART, CASES, ELSEWHERE, NODES
from tests.oracles.engines import Docker

RECIPES = {
    "api": Recipe("api", "api/Dockerfile"),
    "web": Recipe(".", "web.Dockerfile"),
    "job": Recipe("job", "job/Dockerfile"),
}
OUT = Recipe("current", "docker/out.Dockerfile", {}, {"shared": "common"})
STANDS_ON = {"job": "api"}
EXCUSES = (
    *("Dockerfile", "ignore file", "defines it", "stands on", "not known"),
    "leads to the context",
)
"""What an instruction begins with that is reason enough without another layer."""
SEEDS = range(10)
COMMITS = 10


class Step(NamedTuple):
    """A commit, and what ctxsize says of it."""

    before: Path
    after: Path
    old: Mapping[str, Recipe]
    new: Mapping[str, Recipe]
    answer: ctxsize.Affected
    had: Mapping[str, str]  # the digests of the builds by service, before and after
    has: Mapping[str, str]


@pytest.fixture(scope="module")
def layers() -> dict[tuple[str, str], Layers]:
    """What Docker answered to the tests of this module."""
    return {}


@pytest.fixture
def builder(docker: Docker, tmp_path: Path, layers: dict[tuple[str, str], Layers]) -> Builder:
    return Builder(docker, tmp_path, layers)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Step]]:
    """The random histories that were made for the tests of this module, by their seeds."""
    return {}


def steps_of(seed: int, directory: Path) -> list[Step]:
    """Return the commits of one random history."""
    history = History(directory / "r", Random(seed))
    history.plant()
    before = laid_out(history.root, directory / "0")
    old = history.recipes
    had = digests_of(before)
    steps = []
    for number in range(1, COMMITS + 1):
        history.change()
        after = laid_out(history.root, directory / f"{number}")
        answer = ctxsize.affected(history.root, "HEAD~1..HEAD")
        has = digests_of(after)
        steps.append(Step(before, after, old, history.recipes, answer, had, has))
        before = after
        old = history.recipes
        had = has
    check_lengths(*(step.after for step in steps))
    return steps


def digests_of(top: Path) -> dict[str, str]:
    """Return the digests of the builds that have one, by service."""
    digests = {}
    for found in ctxsize.discover(top).builds:
        with suppress(CtxsizeError):
            digest = ctxsize.digest(found.build).digest
            digests |= {place.name: digest for place in found.places}
    return digests


def by_service(answer: ctxsize.Affected) -> dict[str, BuildChange]:
    """Return the builds by the names of the Compose services that define them."""
    changes = {}
    for change in answer.builds:
        for place in change.found.places:
            changes[place.name] = change
    return changes


def is_excused(change: BuildChange) -> bool:
    """Return whether there is a reason besides what the instructions take."""
    whole = [because.instruction for because in change.because if because.line is None]
    return any(instruction.startswith(EXCUSES) for instruction in whole)


def check(change: BuildChange, before: Layers, after: Layers, links: set[str], said: str) -> None:
    """Compare what is said of a build with its layers before and after.

    An instruction may be named for one of `links` alone, which may lead to what it takes.
    """
    if before.failed or after.failed:
        assert change.affected or before.failed == after.failed, said
        return
    if is_excused(change):
        return
    unlike = after.lines_unlike(before)
    named = {because.line for because in change.because}
    sure = {because.line for because in change.because if because.path not in links}
    assert sure <= unlike <= named, said


@pytest.mark.parametrize("name", CASES)
def test_the_builds_named_are_those_whose_layers_differ(
    name: str, builder: Builder, tmp_path: Path
) -> None:
    root = planted(tmp_path / "r", NODES)
    before = laid_out(root, tmp_path / "before")
    CASES[name].change(root)
    commit(root)
    after = laid_out(root, tmp_path / "after")
    check_lengths_of(before, after)
    changes = by_service(ctxsize.affected(root, "HEAD~1..HEAD"))
    assert changes.keys() == RECIPES.keys()
    for service, recipe in RECIPES.items():
        old = builder.build(before, recipe)
        new = builder.build(after, recipe)
        if service == "api" and builder.docker.age == "older":
            assert "unknown flag: exclude" in str(new.error)
            continue
        check(changes[service], old, new, set(), str(changes[service].because))
    for service, base in STANDS_ON.items():
        assert changes[service].affected or not changes[base].affected


@pytest.mark.parametrize("name", APART)
def test_a_build_is_named_that_reads_elsewhere(name: str, builder: Builder, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", ELSEWHERE)
    before = laid_out(root, tmp_path / "before")
    change, _ = APART[name]
    change(root)
    commit(root)
    after = laid_out(root, tmp_path / "after")
    check_lengths_of(before, after)
    answer = ctxsize.affected(root, "HEAD~1..HEAD")
    (out,) = (build for build in answer.builds if build.context == "current")
    if "no.Docker" in (after / "compose.yaml").read_text():
        assert out.affected
        return
    check(out, builder.build(before, OUT), builder.build(after, OUT), set(), str(out.because))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_build_of_random_commits_is_left_out(
    seed: int,
    builder: Builder,
    histories: dict[int, list[Step]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if seed not in histories:
        histories[seed] = steps_of(seed, tmp_path_factory.mktemp(f"history-{seed}-"))
    for number, step in enumerate(histories[seed], start=1):
        changes = by_service(step.answer)
        links = {".git"} | links_of(step.before) | links_of(step.after)
        for service, recipe in step.new.items():
            change = changes[service]
            said = f"commit {number}: {service}: {change.because}"
            if service in step.old:
                old = builder.build(step.before, step.old[service])
                new = builder.build(step.after, recipe)
                check(change, old, new, links, said)
                if step.had.get(service, "") == step.has.get(service):
                    assert (new.by_line, new.failed) == (old.by_line, old.failed), said
            elif recipe not in step.old.values():
                assert change.affected, said


def test_the_check_can_fail(tmp_path: Path) -> None:
    root = planted(tmp_path / "r", NODES)
    CASES["a file that is taken"].change(root)
    commit(root)
    changes = by_service(ctxsize.affected(root, "HEAD~1..HEAD"))
    nothing = Layers({}, None)
    copied = Layers({2: frozenset({"l.py"})}, None)
    more = Layers({**copied.by_line, 3: frozenset({"m.py"})}, None)
    check(changes["api"], nothing, copied, set(), "")
    check(changes["api"], nothing, nothing, {"api/lib/l.py"}, "")
    check(changes["web"], copied, copied, set(), "")
    for service, after in (("api", nothing), ("api", more), ("web", copied)):
        with pytest.raises(AssertionError):
            check(changes[service], nothing, after, set(), "")
    with pytest.raises(AssertionError):
        check(changes["web"], nothing, Layers({}, "failed"), set(), "")


def links_of(top: Path) -> set[str]:
    """Return the symlinks below a directory, relative to it."""
    links = set()
    for directory, directories, names in os.walk(top):
        for name in (*directories, *names):
            path = Path(directory, name)
            if path.is_symlink():
                links.add(str(path.relative_to(top)))
    return links


def check_lengths(*tops: Path) -> None:
    """Make sure that a file's length tells its content."""
    contents: dict[int, bytes] = {}
    for top in tops:
        for directory, _, names in os.walk(top):
            for path in (Path(directory, name) for name in names):
                if not path.is_symlink():
                    content = path.read_bytes()
                    assert contents.setdefault(len(content), content) == content, path


def check_lengths_of(before: Path, after: Path) -> None:
    """Make sure that the lengths tell which files differ that an instruction takes."""
    for directory, _, names in os.walk(after):
        for path in (Path(directory, name) for name in names):
            earlier = before / path.relative_to(after)
            if "Dockerfile" in path.name or path.name == "compose.yaml":
                continue
            if earlier.is_file() and path.is_file():
                content = path.read_bytes()
                is_same = earlier.read_bytes() == content
                assert is_same == (earlier.stat().st_size == len(content)), path
