"""A path becomes the pattern that matches it and nothing else, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.builders import BUILDERS, Builder, check_header
from ctxsize.engine.patterns import pattern_for
from ctxsize.errors import IgnoreFileError
from tests.engine.strategies import nasty_names, nasty_paths
from tests.oracles import devtools
from tests.oracles.engines import Docker
from tests.trees import COPY_ALL, build_tree, file

NAMES = [
    *("plain", "a b", " ahead", "behind ", " ", "\xa0nbsp\xa0", "#hash", "!bang", "in#side!"),
    *("star*", "what?", "[id].ts", "[", "]", "a\\b", "\\", "[!a]", "[^a]", "**", "a**b", "?"),
    *("a|b", "{a,b}", "a^b", "x{2}", "(a)", "c++", "$HOME", "a|*", "{2}*", "^*", ".", "..."),
    *("new\nline", "tab\there", "\ttab", "end\r", "esc\x1b[31m", "del\x7f", "\x1cfs", "\ufeffbom"),
    *("日本語", "é*", "-", "a-[b]", "~", "%41", "+", "'\"`"),
]


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@given(data=st.data())
def test_it_matches_the_path_and_no_other(builder: Builder, data: st.DataObject) -> None:
    path = data.draw(nasty_paths | st.sampled_from(NAMES))
    pattern = pattern_for(path, pattern_class=builder.spec_class.pattern_class)
    if pattern is None:
        assert any(char == "\ufffd" or "\udc80" <= char <= "\udcff" for char in path) or path == "."
        return
    spec = builder.spec_class.from_lines(["", pattern])
    assert spec.match_file(path)
    check_header([pattern])
    at = data.draw(st.integers(0, len(path) - 1))
    others = {
        *data.draw(st.lists(nasty_paths, max_size=5)),
        path[:at] + path[at + 1 :],
        path[:at] + data.draw(nasty_names) + path[at + 1 :],
        path[:at] + data.draw(nasty_names) + path[at:],
        f"x/{path}",
        f"{path}x",
        f"x{path}",
    }
    for other in others - {path, ""}:
        if not other.startswith(f"{path}/") and "//" not in other and other.strip("/") == other:
            assert not spec.match_file(other), other


@pytest.mark.parametrize("path", ["a\udcff", "\ufffd/b", "", "a//b", "./a", "a/.."])
def test_no_pattern_matches_it_alone(path: str) -> None:
    """Bytes that are not UTF-8 are sent as U+FFFD, so that their pattern would match both."""
    assert pattern_for(path) is None


HEADER = 1_048_896 - 48
"""Bytes of the longest pattern that fits into the request of BuildKit alone."""


@pytest.mark.parametrize(
    ("pattern", "size"),
    [("x", 1), ("*", 1), ("é", len("%C3%A9")), ("日", len("%E6%97%A5")), ("é*", len("%C3%A9%2A"))],
)
def test_a_list_that_is_not_ascii_takes_more_room(pattern: str, size: int) -> None:
    """Each byte of it that is special in a URL is sent as three."""
    check_header([pattern * (HEADER // size)])
    with pytest.raises(IgnoreFileError, match=r"accepts at most 1,048,896"):
        check_header([pattern * (HEADER // size + 1)])


TREE = [name for name in NAMES if name != "."]


@pytest.mark.usefixtures("devtools")
def test_docker_devtools_agrees(tmp_path: Path) -> None:
    build_tree(tmp_path, ["Dockerfile", *TREE, *(f"deep/{name}" for name in TREE)])
    for name in TREE:
        for path in (name, f"deep/{name}"):
            pattern = pattern_for(path)
            assert pattern is not None
            (tmp_path / ".dockerignore").write_bytes(pattern.encode() + b"\n")
            listed = devtools.list_context(tmp_path, ignored=True)
            assert [entry.name for entry in listed if entry.ignored] == [path]


def test_the_engine_agrees(docker: Docker, tmp_path: Path) -> None:
    neighbours = [f"{name}x" for name in TREE] + [f"x{name}" for name in TREE]
    patterns = [pattern_for(name) or "" for name in TREE]
    ignore_file = "\n".join([*patterns, ".dockerignore", ""]).encode()
    head = [file("Dockerfile", COPY_ALL), file(".dockerignore", ignore_file)]
    build_tree(tmp_path, [*head, *TREE, *neighbours])
    sent = docker.build_buildkit(tmp_path).names
    assert sorted(sent) == sorted({"Dockerfile", *neighbours})
