"""An ignore file grows by a marked block, and nothing else in it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.errors import IgnoreFileError
from ctxsize.writer import END, START, Addition, edit_lines, merge
from tests.engine.strategies import nasty_files, nasty_patterns

FIRST = "# >>> ctxsize: `ctxsize suggest` adds to this part only; edit it as you like"


def file(data: bytes) -> IgnoreFile:
    return IgnoreFile.parse(".dockerignore", data)


def merged(data: bytes | None, *additions: Addition | str, at_start: bool = False) -> bytes:
    lines = [Addition(each) if isinstance(each, str) else each for each in additions]
    return merge(None if data is None else file(data), lines, at_start=at_start)


def block(*lines: str) -> bytes:
    return "\n".join([FIRST, *lines, "# <<< ctxsize", ""]).encode()


def without_blocks(data: bytes) -> bytes:
    """The file without blocks of ours and the blank lines that set them off."""
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    lines = [*file(data[len(bom) :]).lines]
    while (found := _block_in(lines)) is not None:
        start, end = found
        ending = lines[start][len(lines[start].rstrip(b"\r\n")) :]
        before, after = lines[:start], lines[end + 1 :]
        if not before:
            after = after[bool(after) and after[0].strip(b"\r\n") == b"" :]
        elif before[-1] in (b"\n", b"\r\n"):
            before = before[:-1]
        if before and not after and not lines[end].endswith(b"\n"):
            before[-1] = before[-1].removesuffix(ending)
        lines = before + after
    return bom + b"".join(lines)


def _block_in(lines: list[bytes]) -> tuple[int, int] | None:
    """The marks of the last block; a mark without its partner is a comment."""
    ends = [at for at, line in enumerate(lines) if line.startswith(END)]
    for end in reversed(ends):
        marks = (at for at in range(end - 1, -1, -1) if lines[at].startswith((START, END)))
        start = next(marks, None)
        if start is not None and lines[start].startswith(START):
            return start, end
    return None


ARTEFACT = Addition("**/target", "Build artefacts", "cargo makes it again")
CACHE = Addition("**/__pycache__", "Caches", "bytecode")
MORE = Addition("**/node_modules", "Build artefacts", "npm ci")


def test_a_new_file_is_grouped_and_commented() -> None:
    assert merged(None, ARTEFACT, CACHE, MORE) == block(
        "# Build artefacts",
        "# cargo makes it again",
        "**/target",
        "# npm ci",
        "**/node_modules",
        "",
        "# Caches",
        "# bytecode",
        "**/__pycache__",
    )


def test_an_empty_block_begins_with_its_first_line() -> None:
    assert merged(block(), ARTEFACT) == merged(None, ARTEFACT)


def test_a_second_run_adds_its_groups_at_the_end_of_the_block() -> None:
    once = merged(b"*.log\n", ARTEFACT, CACHE)
    assert merged(once, ARTEFACT, MORE, CACHE) == b"*.log\n\n" + block(
        "# Build artefacts",
        "# cargo makes it again",
        "**/target",
        "",
        "# Caches",
        "# bytecode",
        "**/__pycache__",
        "",
        "# Build artefacts",
        "# npm ci",
        "**/node_modules",
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", block("a")),
        (b"\n", b"\n\n" + block("a")),
        (b"x", b"x\n\n" + block("a")[:-1]),
        (b"x\n", b"x\n\n" + block("a")),
        (b"x\r\n!y\r\n", b"x\r\n!y\r\n\r\n" + block("a").replace(b"\n", b"\r\n")),
        (b"x\r\n!y", b"x\r\n!y\r\n\r\n" + block("a")[:-1].replace(b"\n", b"\r\n")),
        (b"x\r\ny\nz\n", b"x\r\ny\nz\n\n" + block("a")),
        (b"\xef\xbb\xbfx\n", b"\xef\xbb\xbfx\n\n" + block("a")),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf" + block("a")),
        (b"\xff\n", b"\xff\n\n" + block("a")),
    ],
)
def test_what_is_there_stays(data: bytes, expected: bytes) -> None:
    assert merged(data, "a") == expected


@pytest.mark.parametrize(
    ("data", "added"),
    [
        (b"a\n", False),
        (b"/a/\n", False),
        (b"  ./a//\r\n", False),
        (b"b/../a\n", False),
        (b"#a\n", True),
        (b"!a\n", True),
        (b"a\n!a\n", True),
        (b"a\n!b\n", True),
        (b"!b\na\n", False),
        (b"**/a\n", True),
    ],
)
def test_nothing_is_there_twice(data: bytes, added: bool) -> None:
    assert (merged(data, "a") != data) == added
    assert (merged(data, "./a/", "a") != data) == added


def test_additions_go_behind_the_last_exception() -> None:
    edited = block("a").replace(b"# <<<", b"!a/keep\n# <<<")
    assert merged(edited, "b") == block("a", "!a/keep", "", "b")
    below = block("a") + b"!a/keep\n"
    assert merged(below, "b") == below + b"\n" + block("b")


def test_exceptions_go_behind_all_that_ignores() -> None:
    """In the block above, `*.log` would undo the exception."""
    before = block("old") + b"*.log\n"
    data = merged(before, "big", "!big/a.log")
    assert data == before + b"\n" + block("big", "!big/a.log")
    patterns = DockerIgnoreSpec.from_lines(file(data).texts())
    assert not patterns.match_file("big/a.log")


def test_a_group_goes_behind_an_exception() -> None:
    edited = merged(None, ARTEFACT).replace(b"# <<<", b"\n!target/keep\n# <<<")
    assert merged(edited, MORE).endswith(
        b"!target/keep\n\n# Build artefacts\n# npm ci\n**/node_modules\n# <<< ctxsize\n"
    )


def test_exceptions_stay_in_order_and_at_the_start() -> None:
    lines = ["*", "!src", "!lib"]
    once = merged(b"**/node_modules\n", *lines, at_start=True)
    assert once == block(*lines) + b"\n**/node_modules\n"
    assert merged(once, *lines, at_start=True) == once
    assert merged(once, "*", "!app", "!lib", "!src", at_start=True) == (
        block(*lines, "!app") + b"\n**/node_modules\n"
    )
    assert without_blocks(once) == b"**/node_modules\n"
    with_more = merged(once, "**/target")
    assert with_more == block(*lines, "", "**/target") + b"\n**/node_modules\n"
    assert merged(with_more, "*", "!app", at_start=True) == (
        block(*lines, "!app", "", "**/target") + b"\n**/node_modules\n"
    )


def test_a_byte_order_mark_stays_first() -> None:
    once = merged(b"\xef\xbb\xbfa\n", "*", "!b", at_start=True)
    assert once == b"\xef\xbb\xbf" + block("*", "!b") + b"\na\n"
    assert without_blocks(once) == b"\xef\xbb\xbfa\n"


def test_a_mark_without_its_partner_is_a_comment() -> None:
    data = block("a").replace(b"# <<< ctxsize\n", b"")
    assert merged(data, "b") == data + b"\n" + block("b")
    assert merged(b"# <<< ctxsize\n", "b") == b"# <<< ctxsize\n\n" + block("b")


@pytest.mark.parametrize("line", ["", "  ", "# comment", "a\nb"])
def test_an_addition_is_one_pattern(line: str) -> None:
    with pytest.raises(ValueError, match="not one pattern"):
        merged(b"", line)


def test_a_reason_does_not_repeat_the_heading() -> None:
    assert merged(None, Addition("docs", "Documentation", "Documentation")) == block(
        "# Documentation", "docs"
    )


def test_a_comment_has_one_line() -> None:
    assert merged(None, Addition("a", "two\nlines", "\ud800")) == block(
        "# two lines", "# \\ud800", "a"
    )


@pytest.mark.parametrize(
    ("data", "changes", "expected"),
    [
        (b"a\nb\nc\n", {2: None}, b"a\nc\n"),
        (b"a\nb\nc\n", {2: "x"}, b"a\nx\nc\n"),
        (b"a\r\nb\nc", {1: "x", 3: "y"}, b"x\r\nb\ny"),
        (b"a\r\nb\r\nc", {3: None}, b"a\r\nb"),
        (b"a\nb", {1: None, 2: None}, b""),
        (b"a b\r\n", {1: "a\nb"}, b"a\r\nb\r\n"),
        (b"x\r\na b", {2: "a\nb"}, b"x\r\na\r\nb"),
        (b"\xef\xbb\xbfa\nb\n", {1: None}, b"\xef\xbb\xbfb\n"),
        (b"\xef\xbb\xbfa\nb\n", {1: "x"}, b"\xef\xbb\xbfx\nb\n"),
        (b"\xff\nb\n", {2: "\udcfe"}, b"\xff\n\xfe\n"),
        (b"a\n", {}, b"a\n"),
        # Without its end, "a\r" would be read as "a", and a blank line not at all.
        (b"a\r\r\nb", {2: None}, b"a\r\r\n"),
        (b"a\n\nb", {3: None}, b"a\n\n"),
    ],
)
def test_lines_change_one_by_one(
    data: bytes, changes: dict[int, str | None], expected: bytes
) -> None:
    assert edit_lines(file(data), changes) == expected


additions = st.lists(
    st.builds(
        Addition,
        nasty_patterns.filter(lambda line: DockerIgnoreSpec.pattern_class.split(line) is not None),
        st.sampled_from(["", "Caches", "Artefacts"]),
        st.sampled_from(["", "why", "why not"]),
    ).filter(lambda each: "\n" not in each.line),
    max_size=6,
)
plain = additions.map(lambda each: [a for a in each if not split(a.line).exception])


def texts(data: bytes) -> list[str]:
    """The lines, without the byte order mark that the builder does not see either."""
    lines = file(data).texts()
    return [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else []


def split(line: str):  # type: ignore[no-untyped-def]
    return DockerIgnoreSpec.pattern_class.split(line)


files = st.none() | nasty_files | st.sampled_from([b"", b"\n", b"\xef\xbb\xbf", b"a\r", b"\n\n"])


@given(files)
def test_law_nothing_added_nothing_changed(data: bytes | None) -> None:
    assert merge(None if data is None else file(data), []) == (data or b"")


@given(files, additions, st.booleans())
def test_law_twice_is_once(data: bytes | None, lines: list[Addition], at_start: bool) -> None:
    once = merge(None if data is None else file(data), lines, at_start=at_start)
    assert merge(file(once), lines, at_start=at_start) == once


@given(files, additions, additions, st.booleans())
def test_law_without_the_block_it_is_what_it_was(
    data: bytes | None, lines: list[Addition], more: list[Addition], at_start: bool
) -> None:
    once = merge(None if data is None else file(data), lines, at_start=at_start)
    assert without_blocks(once) == (data or b"")
    twice = merge(file(once), more, at_start=at_start)
    assert without_blocks(twice) == (data or b"")


@given(nasty_files, additions, st.booleans())
def test_law_every_line_stays_in_order(
    data: bytes,
    lines: list[Addition],
    at_start: bool,
) -> None:
    after = iter(each.rstrip("\r") for each in texts(merge(file(data), lines, at_start=at_start)))
    assert all(line in after for line in (each.rstrip("\r") for each in texts(data)) if line)


@given(files, plain, plain)
def test_law_each_addition_is_read_as_it_was_meant(
    data: bytes | None, lines: list[Addition], more: list[Addition]
) -> None:
    once = merge(None if data is None else file(data), lines)
    for after, added in ((once, lines), (merge(file(once), more), more)):
        texts = [
            line.removeprefix("\ufeff") if not n else line
            for n, line in enumerate(file(after).texts())
        ]
        have = [parsed for parsed in map(split, texts) if parsed is not None]
        last = max((at for at, each in enumerate(have) if each.exception), default=-1)
        for each in added:
            assert have[last + 1 :].count(split(each.line)) >= 1


@given(nasty_files, st.dictionaries(st.integers(1, 6), st.none() | nasty_patterns))
def test_law_only_the_named_lines_change(data: bytes, changes: dict[int, str | None]) -> None:
    kept = [text for number, text in enumerate(texts(data), 1) if number not in changes]
    after = iter(texts(edit_lines(file(data), changes)))
    assert all(text in after for text in kept)
    assert edit_lines(file(data), {}) == data


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@given(data=nasty_files, lines=plain)
def test_law_what_was_valid_stays_valid(
    builder: Builder, data: bytes, lines: list[Addition]
) -> None:
    try:
        builder.spec_class.from_lines(file(data).texts())
        builder.spec_class.from_lines([each.line for each in lines])
    except IgnoreFileError:
        return
    pattern_class = builder.spec_class.pattern_class
    try:
        after = merge(file(data), lines, pattern_class=pattern_class)
    except ValueError:
        return
    builder.spec_class.from_lines(file(after).texts())
