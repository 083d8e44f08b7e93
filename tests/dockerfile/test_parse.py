"""Splitting a Dockerfile: lines, forms, heredocs, complaints, and laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.instructions import Dockerfile, Instruction
from ctxsize.dockerfile.parse import find_syntax, parse_dockerfile
from ctxsize.errors import DockerfileError


def last(text: str | bytes) -> Instruction:
    return parse_dockerfile(text).instructions[-1]


ARGUMENTS = [
    ("COPY a ./b\t/c", ("a", "./b", "/c"), False),
    ('COPY ["a b", "c"]', ("a b", "c"), True),
    ('COPY ["a", b]', ('["a",', "b]"), False),
    ('COPY "a b" c', ('"a', 'b"', "c"), False),
    ("RUN echo 'x  y' && z", ("echo 'x  y' && z",), False),
    ('RUN ["a", "\\u00e9"]', ("a", "é"), True),
    ("RUN", (), False),
    ("ENV A=1 B='x y' C=a\\ b", ("A", "1", "B", "'x y'", "C", "a\\ b"), False),
    ("ENV A  x = y", ("A", "x = y"), False),
    ("ARG A B=1", ("A", "B=1"), False),
    ("HEALTHCHECK CMD curl x", ("CMD", "curl x"), False),
    ("HEALTHCHECK NONE", ("NONE",), False),
    ("copy a b", ("a", "b"), False),
    ("FROM x", ("x",), False),
    ("LABEL a=b", ("a", "b"), False),
    ("EXPOSE 80 90/tcp", ("80", "90/tcp"), False),
]


@pytest.mark.parametrize(("line", "arguments", "json_form"), ARGUMENTS)
def test_arguments_are_split_as_buildkit_splits_them(
    line: str, arguments: tuple[str, ...], json_form: bool
) -> None:
    instruction = last(f"FROM alpine\n{line}\n")
    assert instruction.keyword == line.split()[0].upper()
    assert instruction.arguments == arguments
    assert instruction.json_form is json_form


FLAGS = [
    ("COPY --from=a --link x y", ("--from=a", "--link")),
    ("COPY --exclude=a --exclude=b x y", ("--exclude=a", "--exclude=b")),
    ('COPY --chown="a b" x y', ("--chown=a b",)),
    ("COPY --chown=a\\ b x y", ("--chown=a b",)),
    ("COPY -- --x y", ()),
    ("COPY x --from=y z", ()),
    ("COPY --chown=\u00e9 x y", ("--chown=\u00c3\u00a9",)),
]


@pytest.mark.parametrize(("line", "flags"), FLAGS)
def test_takes_flags_off_the_front(line: str, flags: tuple[str, ...]) -> None:
    assert last(f"FROM alpine\n{line}\n").flags == flags


def test_joins_continuations_over_comments_and_blank_lines() -> None:
    text = "FROM alpine\nCOPY a \\\n# no\n  # no\n\n  b \\ \t\n c /x\nRUN z\n"
    copy = parse_dockerfile(text).instructions[1]
    assert (copy.arguments, copy.line, copy.end_line) == (("a", "b", "c", "/x"), 2, 7)


def test_two_escapes_do_not_continue_a_line() -> None:
    assert last("FROM alpine\nRUN a \\\\\nRUN b\n").arguments == ("b",)


def test_the_end_of_the_file_ends_a_continuation() -> None:
    assert last("FROM alpine \\\n").arguments == ("alpine",)


def test_reads_directives_until_the_first_other_line() -> None:
    text = "# Syntax = docker/dockerfile:1 \n#escape=`\n#x\n# check=skip=all\nFROM a `\n# c\n\n"
    dockerfile = parse_dockerfile(text)
    found = [(each.name, each.value, each.line) for each in dockerfile.directives]
    assert found == [("syntax", "docker/dockerfile:1", 1), ("escape", "`", 2)]
    assert dockerfile.escape == "`"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"# syntax=a/b:1 extra\nFROM x\n", "a/b:1"),
        (b"\xef\xbb\xbf# syntax=a\n", "a"),
        (b"#!/usr/bin/env x\n# syntax=a\n", "a"),
        (b"// syntax=a\n", "a"),
        (b'{"syntax": "a"}', "a"),
        (b"FROM x\n# syntax=a\n", None),
        (b" # syntax=a\n", None),
        (b'{"syntax": 1}', None),
    ],
)
def test_finds_another_frontend(data: bytes, value: str | None) -> None:
    found = find_syntax(data)
    assert (found.value if found else None) == value


def test_byte_order_mark_and_carriage_returns_do_not_matter() -> None:
    plain = parse_dockerfile(b"FROM alpine\nCOPY a \\\n b /x/\n")
    other = parse_dockerfile(b"\xef\xbb\xbfFROM alpine\r\nCOPY a \\\r\n b /x/\r\n")
    assert other == plain


@pytest.mark.parametrize(
    "line", ["RUN echo ${SHA:0:7} && cat <<E", "COPY --chmod=${X:x} <<-'E' /a"]
)
def test_a_modifier_that_only_shells_know_hides_no_heredoc(line: str) -> None:
    parsed = parse_dockerfile(f"FROM a\n{line}\nhi\nE\nCOPY b /\n".encode())
    assert [each.keyword for each in parsed.instructions][1:] == [line.split()[0], "COPY"]


def test_heredocs_belong_to_their_instruction() -> None:
    text = (
        "FROM a\nCOPY <<A <<-'B' f /x/\na\nA\n\tb\n\tB\nRUN cat <<EOF >x\nCOPY no /\nEOF\nRUN y\n"
    )
    _, copy, run, after = parse_dockerfile(text).instructions
    assert [(each.name, each.content) for each in copy.heredocs] == [("A", "a\n"), ("B", "\tb\n")]
    assert [(each.expand, each.strip_tabs) for each in copy.heredocs] == [
        (True, False),
        (False, True),
    ]
    assert (copy.line, copy.end_line, run.line, run.end_line, after.line) == (2, 6, 7, 9, 10)
    assert run.heredocs[0].content == "COPY no /\n"


def test_onbuild_holds_its_trigger() -> None:
    onbuild = last("FROM a\nONBUILD COPY --link <<E /x\nhi\nE\n")
    assert onbuild.trigger is not None
    assert (onbuild.trigger.keyword, onbuild.trigger.flags) == ("COPY", ("--link",))
    assert onbuild.heredocs[0].content == "hi\n"


LONG_LINE = "x" * 70_000 + "\n"
TOO_LONG = "dockerfile line greater than max allowed size of 65535"
ONLY_STRINGS = "a JSON array must have strings only"
REFUSED = [
    ("", None, "the Dockerfile cannot be empty"),
    ("\n# c\n", 2, "file with no instructions"),
    ("ARG A\n", None, "dockerfile contains no stages to build"),
    ("RUN x\nFROM a\n", 1, "no build stage in current context"),
    ("FORM a\n", 1, "unknown instruction: FORM"),
    ("FROM a\nENV --x=b\n", 2, "unknown flag: --x"),
    ("FROM a\n\nrunn x\n", 3, "unknown instruction: runn"),
    ("FROM a b\n", 1, "FROM requires either one or three arguments"),
    ("FROM a AS 1\n", 1, 'invalid name for build stage: "1"'),
    ("FROM a\nCOPY --frm=b x y\n", 2, "unknown flag: --frm"),
    ("FROM a\nCOPY --from x y\n", 2, "missing a value on flag: --from"),
    ("FROM a\nCOPY --from=a --from=b x y\n", 2, "duplicate flag specified: --from"),
    ("FROM a\nCOPY --link=x a b\n", 2, "expecting boolean value for flag --link, not: x"),
    ("FROM a\nCOPY x\n", 2, "COPY requires at least two arguments"),
    ("FROM a\nCOPY x <<E\nE\n", 2, "COPY cannot accept a heredoc as a destination"),
    ("FROM a\nRUN <<E\nx\n", 2, "unterminated heredoc"),
    ("FROM a\nENV x\n", 2, "ENV must have two arguments"),
    ("FROM a\nENV x=1 y\n", 2, '"y" must be of the form name=value'),
    ("FROM a\nARG A = 1\n", 2, "ARG names can not be blank"),
    ("FROM a\nWORKDIR\n", 2, "WORKDIR requires exactly one argument"),
    ("FROM a\nEXPOSE\n", 2, "EXPOSE requires at least one argument"),
    ("FROM a\nSHELL sh -c\n", 2, "SHELL requires the arguments to be in JSON form"),
    ('FROM a\nRUN ["a", 1]\n', 2, ONLY_STRINGS),
    ("FROM a\nONBUILD\n", 2, "ONBUILD requires at least one argument"),
    ("FROM a\nONBUILD ONBUILD RUN x\n", 2, "ONBUILD isn't allowed as an ONBUILD trigger"),
    ("FROM a\nONBUILD FROM x\n", 2, "FROM isn't allowed as an ONBUILD trigger"),
    ("FROM a\nHEALTHCHECK NONE x\n", 2, "HEALTHCHECK requires NONE, or CMD and a command"),
    ("FROM a\nHEALTHCHECK TEST x\n", 2, "HEALTHCHECK requires NONE, or CMD and a command"),
    (
        "FROM a\nRUN --mount='a\"b' x\n",
        2,
        r'failed to parse csv mounts: a stray quote in "a\"b"',
    ),
    (
        "FROM a\nRUN --mount=from=$x y\n",
        2,
        "from= of a mount takes no variable: name a stage",
    ),
    ("# escape=x\nFROM a\n", 1, "the escape directive takes ` or \\, not x"),
    ("# escape=`\n# escape=`\nFROM a\n", 2, "only one escape parser directive can be used"),
    ("FROM a\nRUN " + LONG_LINE, 2, TOO_LONG),
    # For BuildKit (`parser.Parse`), the text ends before a line that is too long.
    ("FROM a\nRUN <<E\n" + LONG_LINE + "E\n", 2, "unterminated heredoc"),
    ("# c\n" + LONG_LINE, 1, "file with no instructions"),
    ("FROM a\nENV x \\\n" + LONG_LINE, 2, "ENV must have two arguments"),
    ("FROM a\nRUN [1] \\\n" + LONG_LINE, 2, ONLY_STRINGS),
    ("FROM a b\n" + LONG_LINE, 2, TOO_LONG),
    ("FROM a\nRUN x \\\n" + LONG_LINE + "ENV x\n", 3, TOO_LONG),
]


@pytest.mark.parametrize(("text", "line", "reason"), REFUSED)
def test_refuses_with_line_and_reason(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile(text)
    assert (caught.value.line, caught.value.message) == (line, reason)


@pytest.mark.parametrize("end", ["\n", ""])
def test_the_longest_line(end: str) -> None:
    """With its line end it may have a byte more."""
    room = 65_535 - len("RUN ")
    (_, run) = parse_dockerfile(f"FROM a\nRUN {'x' * room}{end}").instructions
    assert run.keyword == "RUN"
    with pytest.raises(DockerfileError, match=TOO_LONG):
        parse_dockerfile(f"FROM a\nRUN {'x' * (room + 1)}{end}")


def uncovered(dockerfile: Dockerfile, count: int) -> set[int]:
    """The lines that belong to no instruction. Raises if two share a line."""
    covered = [
        number for each in dockerfile.instructions for number in range(each.line, each.end_line + 1)
    ]
    assert covered == sorted(set(covered))
    return set(range(1, count + 1)) - set(covered)


PIECES = ["RUN x", "COPY a b", " \\", "\\\n", "# c", "\n", "\n\n", "\r\n", "<<E", "E\n", "ENV a=b"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_every_line_is_an_instruction_a_comment_or_blank(body: str) -> None:
    text = f"FROM alpine\n{body}"
    try:
        dockerfile = parse_dockerfile(text)
    except DockerfileError:
        return
    lines = text.split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    for number in uncovered(dockerfile, len(lines)):
        assert not lines[number - 1].strip() or lines[number - 1].lstrip().startswith("#")


TOKENS = [
    b"FROM ",
    b"COPY ",
    b"--from=",
    b'["',
    b'"]',
    b"\\\n",
    b"<<E\n",
    b"ONBUILD ",
    b"# escape=`\n",
]


@given(
    st.lists(st.one_of(st.binary(max_size=4), st.sampled_from(TOKENS)), max_size=20).map(b"".join)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    find_syntax(data)
    try:
        parse_dockerfile(data)
    except DockerfileError as error:
        str(error).encode()
