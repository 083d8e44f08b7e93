"""What the engines answered where a rule of one builder decides, in tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine.builders import CLASSIC, PODMAN
from ctxsize.errors import IgnoreFileError
from ctxsize.findings import Severity
from ctxsize.formats.wording import level
from tests.engine.ours import ask
from tests.trees import Node, build_tree, directory, file, hardlink, link

pytestmark = pytest.mark.usefixtures("each_walk")

ERROR = Severity.ERROR

NODES: list[str | Node] = [
    *("bar/ab", "bar/cd", "foo/x/q", "foo/x/y/z", "deep/a/b/c/d", "top"),
    directory("e"),
    file("Dockerfile", b"FROM scratch\nCOPY . /\n"),
]
FOO = ["foo/", "foo/x/", "foo/x/y/", "foo/x/y/z"]
PARENTS: dict[str, list[str]] = {
    "*\n!bar/ab\n": ["bar/", "bar/ab"],
    "**\n!bar/ab\n": ["bar/", "bar/ab"],
    "**/*\n!bar/ab\n": ["bar/", "bar/ab"],
    "*\n!bar/*\n": ["bar/", "bar/ab", "bar/cd"],
    "*\n!foo/x/y\n": FOO,
    "*\n!foo/x/y/z\n": FOO,
    "*\n!foo\nfoo/x/q\n": FOO,
    "*\n!deep/a/b/c/d\n!top\n": [
        *("deep/", "deep/a/", "deep/a/b/", "deep/a/b/c/", "deep/a/b/c/d", "top")
    ],
    "*\n!e\n": ["e/"],
    "*\n!e/none\n": [],
    "*\n!bar/none\n": [],
    "*\n!**/ab\n": [],
    "*\n!*/ab\n": [],
    "*\n!ba\n": [],
}
"""The image of `COPY .`, the same of Buildah 1.39.3 and 1.43.2."""


@pytest.mark.parametrize("ignorefile", PARENTS)
def test_podman_lists_the_parents_of_what_an_exception_brings_back(
    ignorefile: str, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "ctx", NODES)
    (root / ".dockerignore").write_text(ignorefile)
    assert [*ask(root, builder=PODMAN).names] == PARENTS[ignorefile]


BOM, FAILS = b"\xef\xbb\xbf", True
MARKED: dict[bytes, bool] = {
    BOM + b"a\tb\n": FAILS,
    BOM + b"x\na\x01b\n": FAILS,
    BOM + b"\na\x01b\n": FAILS,
    BOM + b"#c\na\tb\n": FAILS,
    BOM + b"!a\tb\n": FAILS,
    BOM + b"a\rb\n": FAILS,
    BOM + b"a\x7fb\n": FAILS,
    BOM + b"a\x00b\n": FAILS,
    BOM + b"a\\\tb\n": FAILS,
    BOM + b"a[\t]b\n": FAILS,
    BOM + "#é\na\tb\n".encode(): FAILS,
    BOM + BOM + b"a\tb\n": not FAILS,
    BOM + "é\na\tb\n".encode(): not FAILS,
    BOM + b" " + BOM + b"x\na\tb\n": not FAILS,
    BOM + b"#\t\x01\nx\n": not FAILS,
    BOM + b"a\t\n": not FAILS,
    b"x\n" + BOM + b"\na\tb\n": not FAILS,
    b"a" + BOM + b"\na\tb\n": not FAILS,
    b"\xff\na\tb\n": not FAILS,
}
"""Whether the header of the request refuses the list: the same of Docker 26.1.5 and 28.5.2."""


@pytest.mark.parametrize("data", MARKED, ids=ascii)
def test_a_byte_order_mark_makes_no_control_character_legal(data: bytes, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["a", file(".dockerignore", data)])
    for builder in (CLASSIC, PODMAN):
        assert ask(root, builder=builder).error is None
    error = ask(root).error
    assert (error is not None) == MARKED[data], error
    if error is not None:
        assert "non-printable ASCII" in error.message
    lint = api.lint([str(root / ".dockerignore")])
    stopped = [each for each in lint.findings if each.code == "CTX122" and each.severity is ERROR]
    assert bool(stopped) == MARKED[data]


NOT_UTF8: dict[str, tuple[list[str | Node], str, str, int]] = {
    "name": (["a\udcff", "b"], "", ".", 1),
    "name of a directory": (["d\udcff/f", "b"], "", ".", 2),
    "name of an empty directory": ([directory("d\udcff"), "b"], "", ".", 1),
    "ignored directory, sent as a parent": (["d\udcff/f", "d\udcff/g"], "d*\n!d*/f", ".", 2),
    "target of a symlink": ([link("l", "t\udcff"), "b"], "", ".", 1),
    "surrogate": (["a\udced\udca0\udc80"], "", ".", 1),
    "overlong": (["a\udcc0\udcaf"], "", ".", 1),
    "beyond Unicode": (["a\udcf4\udc90\udc80\udc80"], "", ".", 1),
    "name of an attribute": ([file("a", xattrs={"user.k\udcff": b"1"})], "", ".", 1),
    "of a directory's attribute": ([directory("d", xattrs={"user.\udcff": b""})], "", ".", 1),
    "taken by a wildcard": (["a\udcff", "b"], "", "[ab]?", 1),
    "taken through a symlink": ([link("l", "t\udcff"), "t\udcff/q", "k"], "", "l/q", 3),
    "ignored": (["a\udcff", "b"], "a*", ".", 0),
    "ignored directory": (["d\udcff/f", "b"], "d*", ".", 0),
    "ignored symlink": ([link("l", "t\udcff"), "b"], "l", ".", 0),
    "not taken": (["a\udcff", "b"], "", "b", 0),
    "not taken by a wildcard": (["a\udcff", "b"], "", "b*", 0),
    "not taken, but for a heredoc": (["a\udcff"], "", "<<b", 0),
    "first name ignored": (["a\udcff", hardlink("b", "a\udcff")], "a*", ".", 0),
    "U+FFFD": (["a\ufffd"], "", ".", 0),
    "not a character": (["a\uffff"], "", ".", 0),
    "value of an attribute": ([file("a", xattrs={"user.k": b"\xff\xfe"})], "", ".", 0),
}
"""Nodes, ignore file, source, and how many entries 28.5.2 refuses; 26.1.5 builds each of them."""


@pytest.mark.parametrize("name", NOT_UTF8)
def test_what_is_not_utf8_fails_the_build_that_takes_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, ignorefile, source, count = NOT_UTF8[name]
    dockerfile = f"FROM scratch\nCOPY {source} /x/\n" + ("b\n" if source == "<<b" else "")
    own = [file("Dockerfile", dockerfile.encode()), file(".dockerignore", ignorefile.encode())]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", [*nodes, *own]))
    report = api.measure()
    found = [each for each in report.findings if each.code == "CTX019"]
    assert sum(each.files or 1 for each in found) == count
    assert all(each.severity is ERROR for each in found)
    assert all("string field contains invalid UTF-8" in each.message for each in found)
    assert all(each.message.startswith("Docker 28.5 refuses this entry") for each in found)
    assert all("Docker 26.1 builds it" in each.message for each in found)
    assert (level(report) == "build-fails") == (count > 0)
    for builder in ("classic", "podman"):
        assert "CTX019" not in {each.code for each in api.measure(builder=builder).findings}
    listing = api.ls(transfer=True)
    assert [*listing] != [] or source == "<<b"
    assert sum(each.count for each in listing.problems) == count
    sent, every = api.ls(), api.ls(ignored=True)
    assert [*sent] == [each for each in every if not each.verdict.ignored]
    assert sent.problems == every.problems
    Path("Dockerfile").rename("Elsewhere")
    assert api.measure().lower_bound is False


def test_what_is_not_utf8_in_a_named_context(tmp_path: Path) -> None:
    build_tree(tmp_path / "lib", ["a\udcff", "b"])
    for source, fails in (("a*", True), (".", True), ("b", False)):
        text = f"FROM scratch\nCOPY --from=lib {source} /x/\n".encode()
        root = build_tree(tmp_path / f"ctx{fails}{source}", [file("Dockerfile", text), "\udcff"])
        report = api.measure(str(root), build_contexts={"lib": str(tmp_path / "lib")})
        assert [each.code for each in report.all_problems] == ["not-utf8"] * fails
        assert (level(report) == "build-fails") == fails
        (lib,) = report.named_contexts
        assert [each.path for each in lib.problems] == ["a\udcff"] * fails


EMPTY_VALUES: dict[str, tuple[Node, int]] = {
    "one": (file("a", b"v", xattrs={"user.k": b""}), 41),
    "none": (file("a", b"v", xattrs={"user.k": b"1"}), 42),
    "two": (file("a", b"v", xattrs={"user.k": b"", "user.kk": b""}), 54),
    "one of two": (file("a", b"v", xattrs={"user.k": b"", "user.kk": b"12"}), 56),
    "directory": (directory("d", xattrs={"user.k": b""}), 35),
    "empty file": (file("a", b"", xattrs={"user.k": b""}), 34),
    "longer heads": (file("a", b"v", xattrs={"user." + "k" * 120: b""}), 162),
}
"""Bytes of the transfer, as Docker 28.5.2 prints them; 26.1.5 prints two less for each."""


@pytest.mark.parametrize("name", EMPTY_VALUES)
def test_an_attribute_without_a_value_takes_two_bytes(name: str, tmp_path: Path) -> None:
    node, expected = EMPTY_VALUES[name]
    own = [file("Dockerfile", b"FROM scratch\nCOPY . /\n"), file(".dockerignore", b"D*\n.d*\n")]
    root = build_tree(tmp_path / "ctx", [node, *own])
    report = api.measure(str(root))
    assert report.context.wire_bytes == expected


RAW_BYTES: dict[bytes, str] = {
    **dict.fromkeys((b"[\xff]", b"![\xffa]", b"[a\xff]", b"[^\xff]", b"[\xff-\xfe]"), "newer"),
    **dict.fromkeys((b"[a-\xff]", b"x[\xff]", b"?[\xff]", b".[\xff]", b"*[\xff]"), "newer"),
    **dict.fromkeys((b"[\xc3]", b"[\xe2\x82]", b"[\xed\xa0\x80]", b"[\xc0\x80]"), "newer"),
    **dict.fromkeys((b"**[\xff]", b"**/[\xff]", b"/[\xff]", b" [\xff] ", b"a/[\xff]"), "newer"),
    **dict.fromkeys((b"[\xff]/b", b"[b][\xff]", b".*[\xff]", b"?*[\xff]", b"*.[\xff]"), "newer"),
    **dict.fromkeys((b"*[\xff]*", b"[\xf4\x90\x80\x80]", b"[\xff\xef\xbf\xbd]"), "newer"),
    **dict.fromkeys((BOM + b"[\xff]", b"x\n[\xff]"), "newer"),
    **dict.fromkeys((b"[\xff-a]", b"[\\\xff]", b"[a\\\xff]", b"\\\xff", b"[\xff"), "both"),
    **dict.fromkeys((b"x*[\xff]", b"\xff[a]", b"[a]\xff", b"?\xff", b"a\xff[b]"), "none"),
    **dict.fromkeys((b"[\xc3\xa9]", b"[\xef\xbf\xbd]", b"#[\xff]"), "none"),
}
"""Patterns and who calls them a syntax error: Docker 26.1.5 and 28.5.2, or the newer one."""


@pytest.mark.parametrize("pattern", RAW_BYTES, ids=ascii)
def test_a_byte_in_a_class_that_is_not_utf8(pattern: bytes, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["a", file(".dockerignore", pattern + b"\n")])
    error, refused_by = ask(root).error, RAW_BYTES[pattern]
    assert (error is not None) == (refused_by != "none"), error
    if error is not None:
        assert "syntax error in pattern" in error.message
        assert (error.line or 0) == 1 + pattern.startswith(b"x\n") or refused_by == "both"
    if refused_by == "newer":
        assert ask(root, builder=CLASSIC).error is not None  # it sees the bytes as well


def test_the_ignore_file_of_a_named_context_is_read_as_it_travels(tmp_path: Path) -> None:
    """28.5.2 takes `[\\xff]` there, as 26.1.5 does."""
    build_tree(tmp_path / "lib", ["a", "b", file(".dockerignore", b"[\xff]\n")])
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", b"FROM scratch\nCOPY --from=l a /\n")])
    report = api.measure(str(root), build_contexts={"l": str(tmp_path / "lib")})
    assert [each.files for each in report.named_contexts[0].transfers] == [1]


HEREDOC = "FROM scratch\nCOPY <<E /x\nhi\nE\n"
UNUSED = [
    ("[", HEREDOC),
    ("!", HEREDOC),
    ("[", "FROM scratch\nENV a=b\n"),
    ("[", "FROM scratch AS a\nCOPY . /\nFROM scratch\nENV a=b\n"),
    ("[", "FROM scratch AS a\nCOPY <<E /x\nhi\nE\nFROM scratch\nCOPY --from=a /x /\n"),
    ("[", "FROM scratch\nADD http://example.com/x /y\n"),
    ("[", "FROM scratch\nCOPY . /\n"),
    ("[", "FROM scratch\nRUN --mount=target=/x true\n"),
    ("x" * 65_600, HEREDOC),
]
"""Ignore file and Dockerfile; 28.5.2 fails on each, 26.1.5 builds those that take no file."""


@pytest.mark.parametrize(("pattern", "dockerfile"), UNUSED, ids=range(len(UNUSED)))
def test_a_faulty_pattern_where_nothing_is_taken(
    pattern: str, dockerfile: str, tmp_path: Path
) -> None:
    own = [file("Dockerfile", dockerfile.encode()), file(".dockerignore", pattern.encode())]
    root = build_tree(tmp_path / "ctx", ["a", *own])
    for command in (api.measure, api.ls):
        with pytest.raises(IgnoreFileError):
            command(str(root))
