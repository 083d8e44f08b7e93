"""What the include patterns and the ignore file leave: tables, Docker's libraries, devtools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctxsize.engine.evaluate import DockerIgnoreSpec, Mark
from ctxsize.engine.narrow import NOT_ASKED_FOR, Narrowed, follow
from ctxsize.errors import BuildFailsError, DockerfileError, IgnoreFileError
from tests.oracles.devtools import DevtoolsError, list_context
from tests.oracles.golibrary import GoLibrary
from tests.resolving import resolve
from tests.transfer.planting import Plant, links, paths, patterns
from tests.transfer.walking import names_sent, names_transferred
from tests.trees import build_tree, file, link

FILES = ["a.py", "b.txt", "foo/x", "foo/sub/y", "foo/sub/deep/z", "lib/m.py", "lib/n|o", "!foo/q"]

FOO = ["foo/", "foo/sub/", "foo/sub/deep/", "foo/sub/deep/z", "foo/sub/y", "foo/x"]

CASES: list[tuple[str, list[str], list[str]]] = [
    ("", ["a.py"], ["a.py"]),
    ("", ["foo/sub/y"], ["foo/", "foo/sub/", "foo/sub/y"]),
    ("", ["foo/s*"], ["foo/", "foo/sub/", "foo/sub/deep/", "foo/sub/deep/z", "foo/sub/y"]),
    ("", ["foo/*/**"], []),
    ("", ["foo/*/**", "l*"], [*FOO[:-1], "lib/", "lib/m.py", "lib/n|o"]),
    ("", ["missing"], []),
    ("", ["!foo"], []),
    # `|` is an alternative where a wildcard makes a pattern an expression.
    (
        "",
        ["*.py", "lib/n|o*"],
        ["!foo/", "!foo/q", ".dockerignore", "a.py", *FOO, "lib/", "lib/n|o"],
    ),
    ("foo/sub", ["foo"], ["foo/", "foo/x"]),
    ("foo\n!foo/sub/y", ["foo/sub"], ["foo/", "foo/sub/", "foo/sub/y"]),
    ("*\n!lib", ["foo", "lib/m.py"], ["lib/", "lib/m.py"]),
    ("**/*.py", ["."], []),
    ("a.py", ["a.py"], []),
]


def sent(context: Path, asked: list[str], ignoring: str = "") -> tuple[list[str], set[str]]:
    """What is sent and what is refused, whatever the Dockerfile would be."""
    (context / ".dockerignore").write_text(ignoring, errors="surrogateescape")
    plan = resolve(str(context))
    include = follow(plan.root, sorted(asked))
    return names_sent(plan, None if include is None else Narrowed(plan.spec, include))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("narrow") / "context", FILES)


@pytest.mark.parametrize(("ignoring", "asked", "names"), CASES[:-2] + CASES[-1:])
def test_only_what_is_asked_for_is_sent(
    tree: Path, ignoring: str, asked: list[str], names: list[str]
) -> None:
    assert sent(tree, asked, ignoring) == (names, set())


@pytest.mark.parametrize(("ignoring", "asked"), [case[:2] for case in CASES])
def test_the_library_sends_the_same(
    tree: Path, golibrary: GoLibrary, ignoring: str, asked: list[str]
) -> None:
    names, refused = sent(tree, asked, ignoring)
    answer = golibrary.ask(ignorefile=ignoring.encode(), root=tree, follow=sorted(asked))
    assert (tuple(names), refused, answer.walk_error) == (answer.listed, answer.refused, "")


def test_an_entry_that_nobody_asks_for_has_its_own_mark() -> None:
    evaluator = Narrowed(DockerIgnoreSpec.from_lines(["*.log"]), ["src"])
    root = evaluator.root()
    others = evaluator.others(root, "", ["a", "b.log", "src"])
    assert others == {"a": NOT_ASKED_FOR, "b.log": Mark(True, 0, False)} | {
        name: mark for name, mark in others.items() if name == "src"
    }
    assert "src" not in others
    src = evaluator.enter(root, "", "src")
    assert src.mark == Mark(ignored=False, decider=None, refused=False)
    assert evaluator.others(src, "src/", ["x", "y.log"]) == {}
    assert not evaluator.enters(evaluator.enter(root, "", "big"), "big")


def test_files_may_arrive_empty_by_include_patterns_alone(tmp_path: Path) -> None:
    """`!a` takes `a/x` away from the sender but not from its walk, which met `a/x` before."""
    tree = build_tree(tmp_path / "context", ["a/x", "b"])
    evaluator = Narrowed(DockerIgnoreSpec([]), ["a/x", "!a"])
    assert names_sent(resolve(str(tree)), evaluator) == (["a/", "a/x"], {"a/x"})


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ("[", "invalid includepatterns: [[]: syntax error in pattern"),
        ("!", 'invalid includepatterns: [!]: illegal exclusion pattern: "!"'),
        ("[z-a]x", "failed to match includepatterns: syntax error in pattern"),
    ],
)
def test_bad_patterns_fail_the_build(
    tree: Path, golibrary: GoLibrary, include: str, message: str
) -> None:
    with pytest.raises(DockerfileError) as caught:
        sent(tree, [include])
    assert caught.value.message == message
    assert golibrary.ask(root=tree, follow=[include]).walk_error == older_words(message)


def older_words(message: str) -> str:
    """Return the message of Debian's fsutil, which does not name the patterns."""
    return re.sub(r"(?s)(includepatterns: )\[.*\](: )", r"\1[]\2", message)


LINES = ["*", "a", "b", "*.py", "**/c", "!a", "!a/b", "!**/b", "a/*", "!x*", "**", "!ab/**", "é"]
ignore_files = st.lists(st.sampled_from(LINES), max_size=4).map("\n".join)
questions = st.lists(st.one_of(patterns, patterns, st.sampled_from(["a|b", "*|c", "[z-a]", "#"])))


@pytest.mark.fuzz
@given(
    files=st.lists(paths, max_size=8),
    symlinks=links,
    ignoring=ignore_files,
    asked=questions.filter(bool),
)
@example(files=["a/x"], symlinks={}, ignoring="", asked=["!a", "a/x"])
@example(files=[], symlinks={"a/b": "."}, ignoring="*\n!a/b\n*", asked=["a"])
def test_random_questions(
    golibrary: GoLibrary,
    plant: Plant,
    files: list[str],
    symlinks: dict[str, str],
    ignoring: str,
    asked: list[str],
) -> None:
    tree = plant(files, symlinks)
    try:
        names, refused = sent(tree, asked, ignoring)
        error = ""
    except (DockerfileError, IgnoreFileError) as refusal:
        error = older_words(refusal.message)
    except BuildFailsError:
        error = "too many levels of symbolic links"
    question = {"root": tree, "follow": sorted(asked)}
    answer = golibrary.ask(ignorefile=ignoring.encode(), **question)  # type: ignore[arg-type]
    loops = answer.walk_error.endswith("too many levels of symbolic links")
    assert error == (answer.walk_error.rpartition(": ")[2] if loops else answer.walk_error)
    if not error:
        assert (tuple(names), refused) == (answer.listed, answer.refused)


SOURCES = [
    "a",
    "b",
    "c",
    "ab",
    "./a/../b",
    "*",
    "a*",
    "?",
    "[ab]",
    "a/b",
    "*/c",
    "/a/",
    "**/b",
    ".",
]
instructions = st.one_of(
    st.builds("COPY {} /x/".format, st.lists(st.sampled_from(SOURCES), min_size=1).map(" ".join)),
    st.builds("ADD {} /x/".format, st.sampled_from([*SOURCES, "https://example.invalid/a"])),
    st.builds("COPY {} /y/".format, st.sampled_from(SOURCES)),
    st.sampled_from(["WORKDIR /w", "RUN x", "COPY --from=one /a /", "COPY <<E /\nCOPY . /\nE"]),
)
bodies = st.lists(instructions, max_size=3).map("\n".join)
small_trees = st.tuples(st.lists(paths, max_size=8), links)


@given(planting=small_trees, ignoring=ignore_files, first=bodies, last=bodies)
@settings(max_examples=60)
def test_random_dockerfiles_agree_with_devtools(
    devtools: None,
    plant: Plant,
    planting: tuple[list[str], dict[str, str]],
    ignoring: str,
    first: str,
    last: str,
) -> None:
    tree = plant(*planting)
    text = f"FROM alpine AS one\n{first.replace('=one', '=busybox')}\nFROM alpine\n{last}\n"
    (tree / "Dockerfile").write_text(text)
    (tree / ".dockerignore").write_text(ignoring)
    # It calls an ignored directory transferred in which nothing is.
    try:
        theirs = [each.name for each in list_context(tree, whole=False) if each.name[-1] != "/"]
    except DevtoolsError:
        with pytest.raises((DockerfileError, BuildFailsError)):
            names_transferred(tree)
        return
    ours = [name for name in names_transferred(tree) if not name.endswith("/")]
    assert sorted(ours) == sorted(theirs)


def test_a_link_and_what_it_leads_to_travel_together(tmp_path: Path) -> None:
    nodes = [
        *("lib/v2/x", "lib/v1/y", "other", link("current", "lib/v2")),
        file("Dockerfile", b"FROM scratch\nCOPY current/x /\n"),
    ]
    tree = build_tree(tmp_path / "context", nodes)
    assert names_transferred(tree) == ["current", "lib/", "lib/v2/", "lib/v2/x"]
