"""The quick test of names: no expression for a file that may define builds needs less."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ctxsize import repository
from ctxsize.engine import dockerfiles
from ctxsize.repository import bake, discover, projects
from ctxsize.repository.recognisers import file_kinds
from ctxsize.repository.search import Search
from tests.trees import build_tree, file, link

if sys.version_info >= (3, 11):
    from re import _parser as sre_parse  # type: ignore[attr-defined]
else:
    import sre_parse

GAP = "\0"  # stands for any text
EXPRESSIONS = {
    "compose": projects.WANTED.__self__.pattern,
    "bake": bake.WANTED.__self__.pattern,
    "Dockerfile": dockerfiles._DOCKERFILE,
    "ignore file": dockerfiles._IGNORE_FILE,
    **{kind.name: kind.pattern.pattern for kind in file_kinds() if not kind.begins},
}


def outlines(nodes: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """Yield what each match of an expression has for certain, with gaps between."""
    for parts in product(*(set(outlines_of(str(kind), what)) for kind, what in nodes)):
        yield "".join(parts)


def outlines_of(kind: str, argument: Any) -> Iterator[str]:
    match kind:
        case "LITERAL":
            yield chr(argument)
        case "SUBPATTERN":
            yield from outlines(argument[-1])
        case "BRANCH":
            for branch in argument[1]:
                yield from outlines(branch)
        case "MAX_REPEAT" if argument[:2] == (0, 1):
            yield ""
            yield from outlines(argument[2])
        case "ASSERT" | "ASSERT_NOT" | "AT":
            yield ""
        case _:
            yield GAP


def needs_more(expression: str) -> list[str]:
    """Return the outlines of matches that may be names which the quick test refuses."""
    missing = []
    for outline in outlines(sre_parse.parse(expression)):
        name = outline.lower()
        has_word = any(word in name for word in repository._WORDS)
        if not has_word and not name.endswith(repository._ENDS):
            missing.append(outline)
    return missing


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_wanted_name_passes_the_quick_test(expression: str) -> None:
    """A new kind of file may need another word or end in `ctxsize.repository`."""
    assert needs_more(expression) == []


@pytest.mark.parametrize("expression", ["x", "docker.*", "fi.?le", "(?:a|b.sh)", "(?:.sh)?", "sh"])
def test_other_expressions_are_noticed(expression: str) -> None:
    assert needs_more(expression)


@pytest.mark.parametrize(
    "name", ["dockerf\u0131le", "DOCKERF\u0130LE", "a.\u017fh", "MA\u212aEFILE"]
)
def test_letters_that_count_as_others_pass_it(name: str) -> None:
    assert repository.is_wanted(name)


def test_files_are_listed_by_directory_and_in_order(tmp_path: Path) -> None:
    """Those of a directory come before those below; a symlink is a file, whatever it leads to."""
    tree = ["b", "a", "z/b", "z/a/x", "a-b/x", "C", "caf\udce9/x", "node_modules/a/x", ".git/x"]
    tool = ["tool/CACHEDIR.TAG", "tool/x"]
    build_tree(tmp_path, [*tree, *tool, link("link", "z")])
    search = Search(str(tmp_path))
    listing = search.list_files(lambda path: True, everywhere=False)
    expected = ["C", "a", "b", "link", "a-b/x", "caf\udce9/x", "z/b", "z/a/x"]
    assert search.paths == expected
    assert listing.paths == tuple(expected)


def test_a_listing_is_of_one_directory(tmp_path: Path) -> None:
    build_tree(tmp_path, ["a/Dockerfile", "b/Dockerfile", link("c", "a")])
    listing = discover(str(tmp_path / "a")).listing
    assert listing is not None
    assert listing.is_about(str(tmp_path / "c"), everywhere=False)
    assert not listing.is_about(str(tmp_path / "a"), everywhere=True)
    elsewhere = discover(str(tmp_path), listing=listing)
    assert [os.path.relpath(path, tmp_path) for path in elsewhere.dockerfiles] == [
        "a/Dockerfile",
        "b/Dockerfile",
    ]


def test_without_guesses_only_what_files_define_is_returned(tmp_path: Path) -> None:
    services = b"services:\n  a:\n    build: a\n"
    dockerfiles = [file(f"{name}/Dockerfile", b"FROM scratch\nCOPY . /\n") for name in "ab"]
    build_tree(tmp_path, [*dockerfiles, file("compose.yaml", services)])
    found = [
        [os.path.relpath(build.build.context, tmp_path) for build in discovery.builds]
        for discovery in (discover(str(tmp_path)), discover(str(tmp_path), guesses=False))
    ]
    assert found == [["a", "b"], ["a"]]
