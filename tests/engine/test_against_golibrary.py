"""Patterns and paths: our evaluation and that of Docker's own Go libraries."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from ctxsize.engine.builders import ClassicIgnoreSpec
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile, sent_text
from ctxsize.errors import IgnoreFileError
from tests.engine.strategies import nasty_files, nasty_paths, nasty_patterns, random_question
from tests.oracles.golibrary import Answer, GoLibrary

SYNTAX = "syntax error in pattern"


def verdict(question: Callable[[], bool]) -> str:
    try:
        return "ignored" if question() else "sent"
    except IgnoreFileError as error:
        return error.message


def our_answer(lines: list[str], paths: list[str]) -> Answer:
    """What we say about `lines`, in the library's words."""
    texts = [
        sent_text(line.removeprefix("\ufeff" if at == 0 else "")) for at, line in enumerate(lines)
    ]
    error, walk, or_parent, deprecated = "", [], [], []
    try:
        spec = ClassicIgnoreSpec.from_lines(lines)
        for path in paths:
            walk.append(verdict(lambda path=path: [*spec.steps(path)][-1][1].ignored))
            or_parent.append(verdict(lambda path=path: spec.refuses(path)))
            deprecated.append(verdict(lambda path=path: spec.ignores_with_one_ancestor(path)))
    except IgnoreFileError as refused:
        error = refused.message
    patterns = tuple(text for text in texts if text is not None)
    return Answer(
        patterns, error, tuple(walk), tuple(or_parent), tuple(deprecated), (), frozenset(), ""
    )


@pytest.mark.fuzz
@given(ignorefile=nasty_files, paths=st.lists(nasty_paths, min_size=1, max_size=6))
@example(ignorefile=b"foo\n!foo/bar\nfoo\n", paths=["foo/bar"])
@example(ignorefile=b"*\n!foo/*/**\n", paths=["foo/sub/x"])
def test_ignore_file(golibrary: GoLibrary, ignorefile: bytes, paths: list[str]) -> None:
    lines = IgnoreFile.parse(".dockerignore", ignorefile).texts()
    assert our_answer(lines, paths) == golibrary.ask(ignorefile=ignorefile, paths=paths)


@pytest.mark.fuzz
@given(seed=st.integers(0, 2**64))
@settings(phases=[Phase.generate])
def test_fifty_random_ignore_files(golibrary: GoLibrary, seed: int) -> None:
    rng = Random(seed)
    for _ in range(50):
        ignorefile, paths = random_question(rng)
        lines = IgnoreFile.parse(".dockerignore", ignorefile).texts()
        answer = golibrary.ask(ignorefile=ignorefile, paths=paths)
        assert our_answer(lines, paths) == answer, (ignorefile, paths)


@pytest.mark.fuzz
@given(pattern=nasty_patterns, path=nasty_paths)
def test_pattern_alone(golibrary: GoLibrary, pattern: str, path: str) -> None:
    """One pattern over one name, where nothing hides a difference."""
    answer = golibrary.ask(ignorefile=pattern.encode("utf-8", "surrogateescape"), paths=[path])
    assert our_answer([pattern.removesuffix("\r")], [path]) == answer


@pytest.mark.parametrize(
    ("patterns", "path", "walk", "or_parent"),
    [
        (["foo/*", "!foo"], "foo/bar", "ignored", "sent"),
        (["src/deep", "!src"], "src/deep/x", "ignored", "sent"),
        (["foo", "!foo/bar", "foo"], "foo/bar", "sent", "ignored"),
        (["[z-a]"], "x", SYNTAX, SYNTAX),
    ],
)
def test_library_is_what_we_take_it_for(
    golibrary: GoLibrary, patterns: list[str], path: str, walk: str, or_parent: str
) -> None:
    answer = golibrary.ask(patterns=patterns, paths=[path])
    assert (answer.walk, answer.or_parent) == ((walk,), (or_parent,))


def test_spec_is_the_classic_one_but_for_pruning() -> None:
    assert issubclass(ClassicIgnoreSpec, DockerIgnoreSpec)
    assert ClassicIgnoreSpec.step is DockerIgnoreSpec.step
