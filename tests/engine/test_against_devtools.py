"""Generated trees: our list, and that of programs made of Docker's own Go code.

docker-devtools needs nothing but a wheel, so this runs everywhere. It never
passes by an ignored directory, which is only noticed where passing by is not
neutral. The Go libraries themselves, where they can be compiled, do that too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given

from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.go import strings
from tests.engine.ours import walked
from tests.engine.strategies import trees_with_ignore_files
from tests.oracles.devtools import DevtoolsError, list_context
from tests.oracles.golibrary import GoLibrary
from tests.resolving import resolve

Tree = tuple[list[str], bytes]


class Unpruned(DockerIgnoreSpec):
    """Goes into every ignored directory."""

    def enters(self, directory: str) -> bool:
        return True


# Neither oracle sends the patterns through a header, and one not even through JSON.
WITHOUT_HEADER = replace(BUILDKIT, check_patterns=None)
WITHOUT_JSON = replace(WITHOUT_HEADER, replaces_undecodable=False)
DEVTOOLS = replace(WITHOUT_JSON, spec_class=Unpruned)

PRUNED: Tree = (["foo/a", "foo/sub/x", "foo/sub/deep/y", "b"], b"*\n!foo/*/**\n")
ARRIVES_EMPTY: Tree = (["foo/bar", "foo/baz"], b"foo\n!foo/bar\nfoo\n")
BLANK_IN_FRONT: Tree = (["a", "b.js"], b"/\xc2\x85/**a\n/\xc2\x85/*.js\n")
CONTROL: Tree = (["a\x01b", "b"], b"a\x01b\n")
WRONG_TWICE: Tree = (["a"], b"!\n[]a]\x80")


@contextmanager
def context(tree: Tree) -> Iterator[Path]:
    """The tree on disk, beside a Dockerfile and its ignore file."""
    files, ignorefile = tree
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "ctx"
        root.mkdir()
        for path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(b"x")
        (root / "Dockerfile").write_bytes(b"FROM scratch\nCOPY . /\n")
        (root / ".dockerignore").write_bytes(ignorefile)
        yield root


def names_or_error(plan: Plan, *, reference: bool = False) -> list[str] | str:
    try:
        return walked(plan, reference=reference)
    except CtxsizeError as error:
        return error.message


def as_devtools_prints(names: list[str] | str) -> list[str] | str:
    """The list in devtools' order, which is that of whole paths."""
    if isinstance(names, str):
        return names
    return sorted((strings.as_go_sees(name) for name in names), key=str.encode)


def of_devtools(root: Path) -> list[str] | str:
    try:
        return sorted((entry.name for entry in list_context(root)), key=str.encode)
    except DevtoolsError as error:
        return str(error)


def plan_or_error(root: Path, builder: Builder) -> Plan | str:
    try:
        return resolve(str(root), builder=builder)
    except IgnoreFileError as error:
        return error.message


def refused_by_devtools(plan: Plan) -> tuple[str, ...]:
    """Its errors about patterns that Docker accepts: it looks at each one by itself.

    So it compiles also those that no entry reaches, and takes what follows the
    `!` of `!!`, an exception for the name `!`, for an exception without a path.
    """
    patterns = plan.spec.patterns
    marks = [each.text for each in patterns if each.include is False and each.text[0] == "!"]
    faulty = any(each.fault is not None and each.text not in marks for each in patterns)
    mark = "!" in marks
    messages = {"syntax error in pattern": faulty, 'illegal exclusion pattern: "!"': mark}
    return tuple(message for message, expected in messages.items() if expected)


@pytest.mark.fuzz
@pytest.mark.usefixtures("devtools")
@given(tree=trees_with_ignore_files())
@example(tree=PRUNED)
@example(tree=ARRIVES_EMPTY)
@example(tree=CONTROL)
@example(tree=BLANK_IN_FRONT)
def test_devtools(tree: Tree) -> None:
    with context(tree) as root:
        theirs = of_devtools(root)
        plan = plan_or_error(root, DEVTOOLS)
        if isinstance(plan, str):
            assert isinstance(theirs, str), plan
            assert theirs.endswith(plan)
            return
        refused = refused_by_devtools(plan)
        if refused:
            assert isinstance(theirs, str)
            assert theirs.endswith(refused)
            return
        ours = names_or_error(plan, reference=True)
        if isinstance(ours, str):
            assert isinstance(theirs, str)
            assert theirs.endswith(ours)
            return
        assert as_devtools_prints(ours) == theirs
        if not any(each.text.endswith("/*/**") for each in plan.spec.patterns):
            pruned = names_or_error(resolve(str(root), builder=WITHOUT_JSON))
            assert as_devtools_prints(pruned) == theirs


@pytest.mark.fuzz
@given(tree=trees_with_ignore_files())
@example(tree=PRUNED)
@example(tree=ARRIVES_EMPTY)
@example(tree=CONTROL)
@example(tree=WRONG_TWICE)
def test_go_library(golibrary: GoLibrary, tree: Tree) -> None:
    """The list, what arrives empty, and both evaluators, in Docker's own order."""
    with context(tree) as root:
        text = tree[1].decode("utf-8", "surrogateescape")
        as_sent = strings.as_go_sees(text).encode()
        theirs = golibrary.ask(ignorefile=as_sent, root=root)
        plan = plan_or_error(root, WITHOUT_HEADER)
        if isinstance(plan, str):
            assert plan == theirs.error
            return
        names = names_or_error(plan)
        assert names == names_or_error(plan, reference=True)
        assert theirs.error == ""
        if isinstance(names, str) or theirs.walk_error:
            assert names == "syntax error in pattern"
            assert theirs.walk_error.endswith("syntax error in pattern")
            return
        assert names == list(theirs.listed)
        emptied = {entry.path for entry in Listing(plan) if entry.arrives_empty}
    assert emptied == theirs.refused
