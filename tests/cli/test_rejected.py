"""Dockerfiles that the builder rejects, and those that lack a value: exit codes and words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from tests.cli.conftest import Cli

HEAD = "FROM scratch\n"

# What BuildKit of Docker 28.5.2 says, and the line.
REJECTED = {
    "an unknown flag": (f"{HEAD}COPY --nope a /\n", 2, "unknown flag: --nope"),
    "an unknown instruction": (f"{HEAD}FOO a\n", 2, "unknown instruction: FOO"),
    "no FROM": ("COPY a /\n", 1, "no build stage in current context"),
    "an empty file": ("", None, "the Dockerfile cannot be empty"),
    "a port": (f"{HEAD}EXPOSE abc\n", 2, 'invalid port: "abc"'),
    "a mount": (f"{HEAD}RUN --mount=target=. x\n", 2, 'invalid mount target "/"'),
    "a source that is no pattern": (f"{HEAD}COPY [ /\n", 2, "syntax error in pattern"),
    "a base that no argument names": ("FROM $X\n", 1, "base name ($X) should not be blank"),
    "a required variable": (f"{HEAD}COPY ${{X:?need}} /\n", 2, "X: need"),
    "a frontend that is BuildKit's own": (
        f"# syntax=docker/dockerfile:1\n{HEAD}FOO a\n",
        3,
        "unknown instruction: FOO",
    ),
}


def flat(text: str) -> str:
    """Return `text` as if it were not wrapped."""
    return " ".join(text.split())


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("a\n")
    return tmp_path


def dockerfile(context: Path, text: str) -> Path:
    (context / "Dockerfile").write_text(text)
    return context


@pytest.mark.parametrize("name", REJECTED)
def test_measure_reports_and_exits_2(cli: Cli, context: Path, name: str) -> None:
    text, line, reason = REJECTED[name]
    result = cli("measure", cwd=dockerfile(context, text))
    assert result.code == 2
    assert flat(result.out).startswith("The build fails: nothing is built; see the problems below")
    assert "Largest files" in result.out
    assert "transferring context" not in result.out
    where = "Dockerfile" if line is None else f"Dockerfile:{line}"
    assert f"! {where}: the build fails: " in flat(result.out)
    assert f"Next: correct {where}\n" in result.out
    assert reason in flat(result.out)
    assert result.err.startswith(f"ctxsize: error: {where}: the build fails: ")
    assert reason in result.err


@pytest.mark.parametrize("name", REJECTED)
def test_every_format_names_it_as_an_error(cli: Cli, context: Path, name: str) -> None:
    text, _, _ = REJECTED[name]
    dockerfile(context, text)
    result = cli("measure", "--format", "json", cwd=context)
    report = json.loads(result.out)
    (problem,) = report["problems"]
    assert (result.code, report["transfer"], problem["fails"]) == (2, None, True)
    assert (problem["code"], problem["message"][:17]) == ("transfer-unknown", "the build fails: ")
    for style, sign in (
        ("markdown", "The build fails: "),
        ("github", "::error file=Dockerfile"),
        ("sarif", '"level": "error"'),
        ("junit", "the build fails: "),
        ("gitlab", "the build fails: "),
    ):
        result = cli("measure", "--format", style, cwd=context)
        assert (result.code, sign in result.out) == (2, True), style


def test_all_commands_agree_on_a_rejected_dockerfile(cli: Cli, context: Path) -> None:
    dockerfile(context, f"{HEAD}COPY --nope a /\n")
    words = "Dockerfile:2: the build fails: unknown flag: --nope"
    for arguments in (
        ("ls", "--transfer"),
        ("explain", "--source", "a"),
        ("check", "--max", "1MB"),
        ("check", "--max", "1B", "--exit-zero"),
        ("suggest",),
    ):
        result = cli(*arguments, cwd=context)
        assert (result.code, words in result.err) == (2, True), arguments
    assert cli("ls", cwd=context).out == "Dockerfile\na\n"
    assert "the build fails" in cli("check", "--max", "1MB", "--of", "transfer", cwd=context).err
    result = cli("explain", "--trace", "a", cwd=context)
    assert (result.code, "unknown flag: --nope" in result.out) == (2, True)


def test_a_dockerfile_that_cannot_be_read_is_rejected(cli: Cli, context: Path) -> None:
    (context / "Dockerfile").mkdir()
    result = cli("measure", cwd=context)
    assert result.code == 2
    assert "Dockerfile: is a directory" in result.err
    result = cli("check", "--max", "1MB", "--of", "transfer", cwd=context)
    assert (result.code, "is a directory" in result.err) == (2, True)


def test_a_named_context_with_a_rejected_source(cli: Cli, context: Path) -> None:
    (context / "lib").mkdir()
    dockerfile(context, f"{HEAD}COPY --from=lib [ /\n")
    result = cli("measure", "--build-context", "lib=lib", cwd=context)
    assert (result.code, "invalid includepatterns" in result.err) == (2, True)


def test_a_rejection_that_is_accepted_is_none(cli: Cli, context: Path) -> None:
    dockerfile(context, f"{HEAD}COPY --nope a /\n")
    text = '[[suppress]]\ncode = "CTX004"\nreason = "another tool reads it"\n'
    (context / "ctxsize.toml").write_text(text)
    assert cli("measure", cwd=context).code == 0


# The arguments that make the build go on; what Docker says without them.
LACKING = {
    "a base": ("ARG X\nFROM $X\n", "X", "base name ($X) should not be blank"),
    "a tag": ("ARG X\nFROM foo:$X\n", "X", 'invalid image name "foo:"'),
    "a part of a name": ("ARG X\nFROM ${X}-foo\n", "X", 'invalid image name "-foo"'),
    "by way of another": ("ARG X\nARG Y=$X\nFROM $Y\n", "X", "base name ($Y) should not be blank"),
    "a platform": ("ARG X\nFROM --platform=$X a\n", "X", "cannot parse platform specifier"),
    "two": ("ARG X\nARG Y\nFROM $X$Y\n", "XY", "base name ($X$Y) should not be blank"),
    "a required one": ("ARG X\nFROM ${X:?}\n", "X", "X: is not allowed to be unset"),
    "required in a stage": (f"{HEAD}ARG X\nCOPY ${{X:?need}} /\n", "X", "X: need"),
    "required in a heredoc": (f"{HEAD}ARG X\nCOPY <<E /\n${{X?}}\nE\n", "X", "X: is not allowed"),
    "a port": (f"{HEAD}ARG X\nEXPOSE $X/tcp\n", "X", 'invalid port: "/tcp"'),
    "a type of mount": (f"{HEAD}ARG X\nRUN --mount=type=$X,target=/x y\n", "X", "mount type"),
    "a global one": ("ARG X\nFROM scratch\nARG X\nEXPOSE $X/tcp\n", "X", 'invalid port: "/tcp"'),
}


UNDECIDED = ("required in a stage", "required in a heredoc", "a type of mount")


@pytest.mark.parametrize("name", LACKING)
def test_a_missing_argument_is_no_rejection(cli: Cli, context: Path, name: str) -> None:
    text, names, reason = LACKING[name]
    result = cli("measure", cwd=dockerfile(context, text))
    assert (result.code, result.err) == (0, "")
    assert "the build fails" not in result.out
    assert reason in flat(result.out)
    assert " ".join(f"--build-arg {each}=…" for each in names) in flat(result.out)
    result = cli("check", "--max", "1MB", cwd=context)
    assert (result.code, result.err) == (0, "")
    (problem,) = api.measure(str(context)).problems
    code = "unknown-argument"
    if name in UNDECIDED:
        code = "transfer-unknown"
    assert (problem.code, problem.fails) == (code, False)


@pytest.mark.parametrize("name", UNDECIDED)
def test_a_missing_argument_may_decide_what_is_taken(cli: Cli, context: Path, name: str) -> None:
    result = cli("measure", cwd=dockerfile(context, LACKING[name][0]))
    assert "what the Dockerfile takes is not known: " in flat(result.out)
    result = cli("ls", "--transfer", cwd=context)
    assert (result.code, "the build fails" in result.err) == (2, False)
    assert "--build-arg X=…" in result.err


WITHOUT_BASE = {
    "a base": ("ARG X\nFROM $X\nCOPY a /\n", "base name ($X) should not be blank"),
    "a digest": ("ARG X\nFROM a/b:1@sha256:$X\nCOPY a /\n", "invalid image name"),
    "a later stage": ("ARG X\nFROM scratch AS s\nFROM $X\nCOPY a /\n", "base name"),
    "another frontend": ("# syntax=docker/dockerfile:1\nARG X\nFROM $X\nCOPY a /\n", "base name"),
}
COMMANDS = (
    ("measure",),
    (".",),
    ("ls", "--transfer"),
    ("suggest",),
    ("suggest", "--all"),
    ("scan",),
    ("lint",),
    ("check", "--max", "1MB"),
    ("check", "--all", "--max", "1MB"),
    ("init", "--dry-run"),
)


@pytest.mark.parametrize("name", WITHOUT_BASE)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_names_the_argument_and_goes_on(
    cli: Cli, context: Path, name: str, command: tuple[str, ...]
) -> None:
    text, reason = WITHOUT_BASE[name]
    result = cli(*command, cwd=dockerfile(context, text))
    assert result.code == 0
    if command[0] == "ls":
        assert result.out == "a\n"
        return
    words = flat(result.out + result.err)
    assert f"the build needs --build-arg X=…, else it fails: {reason}" in words
    assert "not known" not in words


def test_the_sources_do_not_depend_on_the_base(cli: Cli, context: Path) -> None:
    dockerfile(context, "ARG X\nFROM $X\nCOPY a /\n")
    assert "Transfer 2 B in 1 file" in flat(cli("measure", cwd=context).out)
    dockerfile(context, "ARG X\nFROM $X\nCOPY gone /\n")
    assert "COPY gone: not found" in flat(cli("measure", cwd=context).out)
    assert cli("check", "--max", "1MB", cwd=context).code == 1


def test_an_argument_that_is_given_and_empty_is_a_rejection(cli: Cli, context: Path) -> None:
    dockerfile(context, "ARG X\nFROM $X\n")
    assert cli("measure", "--build-arg", "X=", cwd=context).code == 2
    assert cli("measure", "--build-arg", "X=scratch", cwd=context).code == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{HEAD}ARG X\nCOPY gone$X /\n", "no value for ARG X: add --build-arg X=…"),
        (f"ARG X\n{HEAD}ARG X\nCOPY gone/$X /\n", "no value for ARG X: add --build-arg X=…"),
        ("FROM alpine\nCOPY gone$HERE /\n", "unless the base image sets $HERE"),
    ],
)
def test_a_source_that_rests_on_a_missing_value_may_be_there(
    cli: Cli, context: Path, text: str, names: str
) -> None:
    result = cli("measure", cwd=dockerfile(context, text))
    assert result.code == 0
    assert "the build fails" not in result.out
    assert names in flat(result.out)
    assert result.out.startswith("Worth a look: ")


def test_a_missing_dockerfile_is_no_rejection(cli: Cli, context: Path) -> None:
    result = cli("measure", ".", cwd=context)
    assert (result.code, result.err) == (0, "")
    assert "name it with -f PATH" in flat(result.out)
    assert cli("check", ".", "--max", "1MB", cwd=context).code == 1
    assert "-f PATH" in cli("ls", "--transfer", cwd=context).err


def test_what_another_frontend_reads_is_not_rejected(cli: Cli, context: Path) -> None:
    result = cli("measure", cwd=dockerfile(context, "# syntax=me/mine\nMINE\n"))
    assert (result.code, result.err) == (0, "")
    assert "unless the frontend me/mine, which reads it, accepts that" in flat(result.out)
    dockerfile(context, "MINE\n")
    assert cli("measure", "--build-arg", "BUILDKIT_SYNTAX=me/mine", cwd=context).code == 0
    assert cli("measure", cwd=context).code == 2


# Docker 28.5.2 sends what COPY takes, and fails on the patterns afterwards.
EXCLUDED = [
    ("[", "invalid excludepatterns: [[]: syntax error in pattern"),
    ("x --exclude=a[", "invalid excludepatterns: [x a[]: syntax error in pattern"),
    ("!", 'invalid excludepatterns: [!]: illegal exclusion pattern: "!"'),
    ("!/", 'invalid excludepatterns: [!/]: illegal exclusion pattern: "!"'),
    ("foo\\\\", "syntax error in pattern"),
    ("", ""),
    ("/", ""),
    ("#x", ""),
    ("$V", ""),
    ("${V:?need}", ""),
    ("../x", ""),
    ("* --exclude=!a", ""),
    ("a\\q", ""),
]


@pytest.mark.parametrize(("pattern", "reason"), EXCLUDED)
@pytest.mark.parametrize("keyword", ["COPY", "ADD"])
def test_patterns_of_exclude_are_checked(
    cli: Cli, context: Path, keyword: str, pattern: str, reason: str
) -> None:
    result = cli("measure", cwd=dockerfile(context, f"{HEAD}{keyword} --exclude={pattern} a /\n"))
    assert result.code == (2 if reason else 0)
    assert reason in result.err
    assert ("Taken by the Dockerfile" in result.out) is not bool(reason)
