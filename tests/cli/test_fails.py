"""A build that must fail: every command says so, each by its exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import NOBODY, Cli, unprivileged
from tests.trees import COPY_ALL, Node, build_tree, file, link

S = b"FROM scratch\n"
HIDDEN = [
    file("Dockerfile", S + b"COPY dist /\n"),
    file(".dockerignore", b"*.log\ndist\n"),
    "dist/x",
]
# A tree, the line of its Dockerfile that fails, and the code that `lint` reports.
FAILING: dict[str, tuple[list[str | Node], int, str]] = {
    "hidden source": (HIDDEN, 2, "CTX111"),
    "missing source": ([file("Dockerfile", S + b"COPY gone /\n")], 2, "CTX411"),
    "missing source beside an ignore file": (
        [file("Dockerfile", S + b"COPY gone /\n"), file(".dockerignore", b"*.log\n")],
        2,
        "CTX411",
    ),
    "hidden mount": (
        [*HIDDEN[1:], file("Dockerfile", S + b"RUN --mount=source=dist,target=/m make\n")],
        2,
        "CTX411",
    ),
    "hidden link": (
        [
            *("v1/x", link("cur", "v1"), file(".dockerignore", b"cur\n")),
            file("Dockerfile", S + b"COPY cur /o/\n"),
        ],
        2,
        "CTX111",
    ),
    "empty origin": ([file("Dockerfile", S + b"COPY --from=scratch app /\n"), "app"], 2, "CTX411"),
    "tmpfs": (
        [file("Dockerfile", S + b"RUN --mount=type=tmpfs,source=a,target=/m make\n"), "a"],
        2,
        "CTX411",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_every_command_knows_that_the_build_fails(cli: Cli, tmp_path: Path, name: str) -> None:
    nodes, line, code = FAILING[name]
    root = build_tree(tmp_path, nodes)
    for command in ((), ("measure",)):
        result = cli(*command, cwd=root)
        assert (result.code, result.out.partition(":")[0]) == (0, "The build fails")
    shape = json.loads(cli("measure", "--format", "json", cwd=root).out)
    assert shape["verdict"]["level"] == "build-fails"
    checked = cli("check", "--max", "1GB", "--format", "gitlab", cwd=root)
    (finding,) = json.loads(checked.out)
    assert (checked.code, finding["check_name"]) == (1, "CTX411")
    assert finding["location"] == {"path": "Dockerfile", "lines": {"begin": line}}
    linted = cli("lint", "--format", "gitlab", cwd=root)
    found = {each["check_name"]: each for each in json.loads(linted.out)}
    assert (linted.code, found.keys() & {"CTX111", "CTX411"}) == (1, {code})


@pytest.mark.parametrize("name", FAILING)
def test_every_command_has_the_same_failures(cli: Cli, tmp_path: Path, name: str) -> None:
    nodes, line, code = FAILING[name]
    root = build_tree(tmp_path / "ctx", nodes)

    def failures_of(*arguments: str) -> Any:
        shape = json.loads(cli(*arguments, "--json", cwd=root).out)
        for part in (shape, *shape.get("builds", ()), *shape.get("checks", ())):
            if "failures" in part.get("report", part):
                return part.get("report", part)["failures"]
        return None

    (failure,) = failures_of("measure")
    assert (failure["path"], failure["line"]) == ("Dockerfile", line)
    assert failure["message"].startswith("the build fails: ")
    commands = ("suggest", "suggest --allowlist", "scan", "lint", "check --max 1GB")
    for command in commands:
        assert failures_of(*command.split()) == [failure], command
    told = f"Dockerfile:{line}: {failure['message']}"
    for command in ("", "measure", "suggest", "suggest --allowlist", "scan", "init --dry-run"):
        result = cli(*command.split(), cwd=root)
        assert result.code == 0, command
        assert told in " ".join((result.out + result.err).split()), command
    if code == "CTX411":
        told = f"Dockerfile:{line} error CTX411 {failure['message']}"
        assert told in " ".join(cli("lint", cwd=root).out.split())
    for command in ("measure", "suggest", "scan"):
        cli(command, "--format", f"html={tmp_path / command}.html", cwd=root)
        page = (tmp_path / f"{command}.html").read_text()
        assert f'"failures":[{json.dumps(failure["message"])}]' in page, command


def test_a_build_that_does_not_fail_has_no_failures(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [file("Dockerfile", COPY_ALL), "a"])
    for command in ("measure", "suggest", "scan", "lint"):
        out = cli(command, "--json", cwd=root).out
        assert '"failures": []' in out, command


def test_scan_marks_the_rows_of_builds_that_fail(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        file("api/Dockerfile", S + b"COPY gone /\n"),
        file("web/Dockerfile", S + b"COPY . /\n"),
    ]
    result = cli("scan", cwd=build_tree(tmp_path, nodes))
    rows = [line.split(maxsplit=4)[-1] for line in result.out.splitlines()[2:4]]
    assert sorted(row.split("none  ")[-1] for row in rows) == ["api (the build fails)", "web"]
    assert "  ! api/Dockerfile:2: the build fails: COPY gone: not found" in result.out


def test_a_merged_scan_keeps_why_builds_fail(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repo", [file("api/Dockerfile", S + b"COPY gone /\n")])
    cli("scan", "--format", f"json={tmp_path / 'one.json'}", cwd=root)
    result = cli("scan", "--merge", "one.json", cwd=tmp_path)
    assert "one/api (the build fails)" in result.out
    assert "  ! one/api/Dockerfile:2: the build fails: COPY gone: not found" in result.out


@pytest.mark.parametrize("command", ["scan", "lint", "init", "suggest", "measure"])
def test_a_dockerfile_that_the_builder_rejects_is_no_missing_one(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    mount = S + b"RUN --mount=target=/ make\n"
    result = cli(command, cwd=build_tree(tmp_path, [file("Dockerfile", mount)]))
    assert result.code == 2
    assert 'ctxsize: error: Dockerfile:2: the build fails: invalid mount target "/"' in result.err
    assert "no Dockerfile" not in result.out + result.err


def test_scan_says_that_an_ignore_file_fails_the_build(cli: Cli, tmp_path: Path) -> None:
    result = cli(
        "scan",
        cwd=build_tree(tmp_path, [file("Dockerfile", COPY_ALL), file(".dockerignore", b"[\n")]),
    )
    assert result.code == 2
    assert "  .: .dockerignore:1: the build fails: syntax error in pattern" in result.out


def test_the_line_that_decides_is_named(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, HIDDEN)
    result = cli("check", "--max", "1GB", cwd=root)
    text = "CTX411 the build fails: COPY dist: not found, as it is ignored (.dockerignore:2)"
    assert text in " ".join(result.out.split())
    assert "Fix: ctxsize explain --source 2  shows why the build does not find it" in result.out


def test_lint_repeats_no_source_that_a_line_hides(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, HIDDEN)
    for options in ((), ("--ignore", "CTX111")):
        out = cli("lint", *options, cwd=root).out
        assert ("CTX111" in out, "CTX411" in out) == (not options, False)
    assert cli("lint", "--select", "CTX411", cwd=root).code == 0


def test_lint_reports_what_no_line_hides_beside_what_one_does(cli: Cli, tmp_path: Path) -> None:
    text = S + b"COPY gone /o/\nCOPY dist /o/\n"
    root = build_tree(tmp_path, [file("Dockerfile", text), *HIDDEN[1:]])
    found = json.loads(cli("lint", "--format", "gitlab", cwd=root).out)
    places = {each["check_name"]: each["location"] for each in found}
    assert places["CTX111"] == {"path": ".dockerignore", "lines": {"begin": 2}}
    assert places["CTX411"] == {"path": "Dockerfile", "lines": {"begin": 2}}


def test_lint_reports_each_source_of_a_line(cli: Cli, tmp_path: Path) -> None:
    text = S + b"COPY gone dist /o/\n"
    root = build_tree(tmp_path, [file("Dockerfile", text), *HIDDEN[1:]])
    found = json.loads(cli("lint", "--format", "gitlab", cwd=root).out)
    assert {each["check_name"] for each in found} == {"CTX111", "CTX411"}
    (other,) = (each for each in found if each["check_name"] == "CTX411")
    assert "COPY gone: not found" in other["description"]


def test_scan_reports_it(cli: Cli, tmp_path: Path) -> None:
    for name, (nodes, line, _) in FAILING.items():
        build_tree(tmp_path / name.replace(" ", "-"), nodes)
        root = build_tree(
            tmp_path / name.replace(" ", "-") / "good", [file("Dockerfile", S)]
        ).parent
        result = cli("scan", cwd=root)
        assert f"Dockerfile:{line}: the build fails: " in " ".join(result.out.split()), name
        problems = json.loads(cli("scan", "--format", "json", cwd=root).out)["problems"]
        (problem,) = problems
        assert (problem["path"], problem["line"]) == ("Dockerfile", line)
        assert problem["message"].startswith("the build fails: ")


def test_a_build_that_succeeds_has_no_finding(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [file("Dockerfile", S + b"COPY a /\n"), "a"])
    assert cli("lint", cwd=root).code == 0
    assert cli("check", "--max", "1GB", cwd=root).code == 0


def test_a_context_that_nobody_builds_is_refused(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, ["data/x", file("app/Dockerfile", COPY_ALL)])
    result = cli("check", "--max", "1MB", "data", cwd=root)
    assert (result.code, result.err) == (1, "")
    text = " ".join(result.out.split())
    assert "CTX412 there is no Dockerfile, so nothing is built of this context" in text
    assert "name the Dockerfile with -f" in text
    assert cli("check", "--max", "1MB", "-f", "app/Dockerfile", "data", cwd=root).code == 0
    assert cli("check", "--max", "1MB", "--all", cwd=root).code == 0
    (root / "policy.toml").write_text('max = "1MB"\n')
    assert cli("check", "--policy", "policy.toml", cwd=root).code == 0
    assert cli("check", "--policy", "policy.toml", "data", cwd=root).code == 1


def test_an_accepted_fate_passes(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [*HIDDEN, "data/x"])
    for code, context in (("CTX411", "."), ("CTX018", "."), ("CTX412", "data")):
        table = f'[[suppress]]\ncode = "{code}"\nreason = "made in CI"\n'
        (root / "ctxsize.toml").write_text(table)
        assert cli("check", "--max", "1MB", context, cwd=root).code == 0, code


COMMANDS = {
    "ctxsize": [],
    "measure": ["measure"],
    "check": ["check", "--max", "1GB"],
    "lint": ["lint"],
    "suggest": ["suggest"],
    "scan": ["scan"],
    "explain --trace": ["explain", "--trace", "a"],
    "explain --json": ["explain", "--json", "a"],
    "explain --source": ["explain", "--source", "a"],
    "ls --why": ["ls", "--why"],
    "ls --transfer": ["ls", "--transfer"],
    "advise": ["advise"],
    "init": ["init"],
}
# The text of the Dockerfile, that of the ignore file, and the message.
UNREADABLE = {
    "Dockerfile": (S + b"COPY\n", b"*.log\n", "COPY requires at least two arguments"),
    "no stage": (b"RUN x\n", b"", "no build stage"),
    "ignore file": (S + b"COPY a /\n", b"*.log\n[\n", "syntax error in pattern"),
}
# The place in messages of commands that report on many builds or have a code for a wrong line.
PLACES = {
    ("scan", "ignore file"): ".dockerignore:2: ",
    ("lint", "ignore file"): ".dockerignore:2:1 error CTX121 ",
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_read_is_an_input_error(
    cli: Cli, tmp_path: Path, command: str, name: str
) -> None:
    dockerfile, ignoring, message = UNREADABLE[name]
    nodes = [file("Dockerfile", dockerfile), file(".dockerignore", ignoring), "a"]
    root = build_tree(tmp_path, nodes)
    result = cli(*COMMANDS[command], cwd=root)
    if (command, name) == ("advise", "ignore file"):
        assert result.code == 0  # it reads no ignore file
        return
    text = " ".join((result.out + result.err).split())
    assert result.code == 2
    assert PLACES.get((command, name), "ctxsize: ") in text
    assert message in text


def test_lint_of_other_builds_needs_no_dockerfile(cli: Cli, tmp_path: Path) -> None:
    """A template beside the builds stops nothing; only the Dockerfile that `check` reads does."""
    nodes = [file("Dockerfile", COPY_ALL), file("x/Dockerfile", b"{{ from }}\n")]
    root = build_tree(tmp_path, [*nodes, file(".dockerignore", b"*.log\n")])
    assert cli("lint", cwd=root).code == 0
    result = cli("lint", "x", cwd=root)
    assert result.code == 2
    assert "x/Dockerfile:1: the build fails: " in result.err


@pytest.mark.parametrize("command", ["measure", "suggest", "lint", "check --max 1GB", "scan"])
def test_an_ignore_file_that_is_no_file_is_an_input_error(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    root = build_tree(tmp_path, [file("Dockerfile", COPY_ALL), "a"])
    os.mkfifo(root / ".dockerignore")
    result = cli(*command.split(), cwd=root)
    assert result.code == 2
    assert "it is no regular file but a FIFO" in " ".join((result.out + result.err).split())


STOPPED = ("", "measure", "check --max 1GB", "ls")
CLOSED = ("b-pg", "data/db", "z")


def unreadable(root: Path, nodes: list[str | Node]) -> Path:
    """Make a context in which another user may not read three directories."""
    return build_tree(root / "ctx", [*nodes, *(file(f"{path}/x") for path in CLOSED)])


@contextmanager
def closed(root: Path) -> Iterator[None]:
    """Be a user who may write there, but not read these directories."""
    paths = [root, *root.rglob("*")]
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, NOBODY, NOBODY)
    for name in CLOSED:
        (root / name).chmod(0)
    try:
        with unprivileged():
            yield
    finally:
        for name in CLOSED:
            (root / name).chmod(0o755)


@pytest.mark.parametrize("native", ["0", "1"])
@pytest.mark.parametrize(
    "command",
    [*STOPPED, "suggest --json", "suggest --all --json", "lint", "scan", "init --dry-run"],
)
def test_all_unreadable_directories_are_named(
    cli: Cli, readable_by_all: Path, command: str, native: str
) -> None:
    """Docker names the first alone; who makes that readable meets the next."""
    nodes = [file("Dockerfile", COPY_ALL), file(".dockerignore", b"*.log\n")]
    root = unreadable(readable_by_all, nodes)
    cli(*command.split(), cwd=root)  # imports what another user may not
    with closed(root):
        result = cli(*command.split(), cwd=root, env={"CTXSIZE_NATIVE": native})
    code = 0
    if command in STOPPED:
        code = 2
    elif command == "lint":
        code = 1
    assert result.code == code, result
    for path in CLOSED:
        told = f"BuildKit stops: error from sender: open {path}: permission denied"
        assert told in " ".join((result.out + result.err).split()), path


SUGGESTED = """\
The build stops at 3 directories that it cannot read
Can be ignored with 5 patterns: at least 28 B of 29 B in 3 files
Next: ctxsize suggest --write  changes .dockerignore; --diff shows how, -v why

  Context      29 B in 3 files -> 1 B in 1 file
  Transfer     29 B in 3 files -> 1 B in 1 file

Safe to add
     size  files  pattern        reason
  unknown         b-pg           a directory that cannot be read
  unknown         data/db        a directory that cannot be read
  unknown         z              a directory that cannot be read
     22 B      1  Dockerfile     a file that only builders read
      6 B      1  .dockerignore  a file that only builders read
"""


@pytest.mark.parametrize("native", ["0", "1"])
@pytest.mark.parametrize("command", ["suggest", "suggest --all", "init"])
def test_the_build_passes_once_suggest_has_written(
    cli: Cli, readable_by_all: Path, command: str, native: str
) -> None:
    """They stop the build, so nothing can need them: what cannot be read is safe to ignore."""
    nodes = [file("Dockerfile", COPY_ALL), file(".dockerignore", b"*.log\n"), file("a", b"a")]
    root = unreadable(readable_by_all, nodes)
    env = {"CTXSIZE_NATIVE": native}
    shown = command.split()
    write = [*shown, "--write"]
    if command == "init":
        shown.append("--dry-run")
        write = ["init"]
    other = build_tree(readable_by_all / "other", [file("Dockerfile", COPY_ALL), "a"])
    for words in (shown, write, ["measure"]):
        cli(*words, cwd=other)  # imports what another user may not
    with closed(root):
        first = cli(*shown, cwd=root, env=env)
        checked = cli("suggest", "--check", cwd=root, env=env)
        written = cli(*write, cwd=root, env=env)
        again = cli("suggest", "--check", cwd=root, env=env)
        measured = cli("measure", cwd=root, env=env)
    assert first.code == written.code == measured.code == again.code == 0, (
        first,
        written,
        measured,
    )
    assert checked.code == 1
    for line in CLOSED:
        assert line in (root / ".dockerignore").read_text().splitlines()
    assert "would be sent" in measured.out
    if command == "suggest":
        assert first.out == SUGGESTED


def test_a_mount_of_compose_is_a_ground_too(cli: Cli, readable_by_all: Path) -> None:
    text = b"services:\n  db:\n    image: x\n    volumes: [./b-pg:/var/lib/postgresql/data]\n"
    nodes = [file("Dockerfile", COPY_ALL), file("compose.yaml", text)]
    root = unreadable(readable_by_all, nodes)
    cli("suggest", "-v", cwd=root)
    with closed(root):
        result = cli("suggest", "-v", cwd=root)
    ground = "compose.yaml:4 mounts it at /var/lib/postgresql/data"
    told = f"Evidence: b-pg: the builder stops at it, as it may not read it; {ground}"
    assert told in " ".join(result.out.split())


KEPT = {
    # Dockerfile, .dockerignore, the directory that stays, and why
    "named": (S + b"COPY z a /\n", b"", "z", "COPY z (Dockerfile:2) takes it"),
    "an exception for it": (
        *(S + b"COPY . /\n", b"z/*\n!z/x\n", "z"),
        ".dockerignore:2 re-includes it: !z/x",
    ),
    "an exception in any directory": (
        *(S + b"COPY . /\n", b"*.md\n!**/keep.md\n", "z"),
        "an exception with a wildcard makes the builder open every directory",
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_directory_that_no_pattern_helps_keeps_the_build_from_passing(
    cli: Cli, readable_by_all: Path, name: str
) -> None:
    dockerfile, ignore_file, path, why = KEPT[name]
    nodes = [file("Dockerfile", dockerfile), file(".dockerignore", ignore_file), file("a", b"a")]
    root = unreadable(readable_by_all, nodes)
    cli("suggest", "--explain", "all", cwd=root)
    with closed(root):
        result = cli("suggest", cwd=root)
        shape = json.loads(cli("suggest", "--json", cwd=root).out)
        explained = cli("suggest", "--explain", "any.unreadable", cwd=root)
    told = f"BuildKit stops: error from sender: open {path}: permission denied"
    assert result.code == 0
    assert f"! {path}: {told}" in " ".join(result.out.split())
    assert {"path": path, "message": told}.items() <= shape["failures"][-1].items()
    assert path not in {line for each in shape["suggestions"] for line in each["patterns"]}
    assert why in " ".join(explained.out.split())


def test_an_unreadable_directory_that_the_build_does_not_take_fails_nothing(
    cli: Cli, readable_by_all: Path
) -> None:
    """Only `measure` and `check`, which size the whole context, stop there."""
    nodes = [file("Dockerfile", S + b"COPY a /\n"), file(".dockerignore", b"*.log\n"), "a"]
    root = unreadable(readable_by_all, nodes)
    cli("scan", "--json", cwd=root)
    with closed(root):
        scan = cli("scan", "--json", cwd=root)
        lint = cli("lint", cwd=root)
    [build] = json.loads(scan.out)["builds"]
    assert build["failures"] == []
    assert lint.code == 0


def test_a_missing_source_is_one_finding_and_its_build_gets_no_advice(
    cli: Cli, tmp_path: Path
) -> None:
    text = (
        b"FROM x AS a\nCOPY bun.lockb ./\nFROM x AS b\nCOPY --from=a /q /q\nCOPY bun.lockb ./\n"
        b"FROM x AS c\nCOPY --from=b /q /q\nCOPY src ./src\nCOPY package.json bun.lockb ./\n"
        b"RUN bun install\n"
    )
    root = build_tree(tmp_path, [file("Dockerfile", text), "src/a.ts", "package.json"])
    reason = "the build fails: COPY bun.lockb: not found, as it is not in the context"
    linted = cli("lint", cwd=root)
    assert " ".join(linted.out.split()).count(reason) == 1
    assert "also on lines 5, 9" in linted.out
    assert cli("check", "--max", "5MB", cwd=root).out.count(reason) == 1
    assert cli("advise", cwd=root).out == "1 Dockerfile: nothing found\n"
    build_tree(tmp_path, ["bun.lockb", file(".dockerignore", b".git\n")])
    assert "CTX223" in cli("advise", cwd=root).out


def test_one_argument_that_two_lines_need_is_asked_for_once(cli: Cli, tmp_path: Path) -> None:
    """netbox-docker and livebook begin two stages with the image that an argument names."""
    text = b"ARG FROM\nFROM ${FROM} AS build\nRUN true\nFROM ${FROM}\nCOPY a /\n"
    root = build_tree(tmp_path, [file("Dockerfile", text), "a"])
    for command in ("measure", "suggest", "lint"):
        result = cli(command, cwd=root)
        assert (result.out + result.err).count("--build-arg FROM=") <= 1
    assert "the build needs --build-arg FROM=" in cli("measure", cwd=root).out


def test_a_named_context_that_is_not_there_is_told_once(cli: Cli, tmp_path: Path) -> None:
    """diun's `release` takes what its other targets have put into a directory."""
    text = (
        b'variable "DESTDIR" {\n  default = "./bin"\n}\ntarget "release" {\n'
        b'  dockerfile = "release.Dockerfile"\n'
        b'  contexts = { artifacts = "${DESTDIR}/artifact" }\n}\ntarget "image" {}\n'
    )
    nodes = [
        file("Dockerfile", b"FROM scratch\nCOPY a /\n"),
        file("release.Dockerfile", b"FROM scratch\nCOPY --from=artifacts . /\n"),
        file("docker-bake.hcl", text),
        "a",
    ]
    root = build_tree(tmp_path, nodes)
    missing = "failed to get build context artifacts: stat ${DESTDIR}/artifact: no such"
    for command in ("init --dry-run", "scan", "suggest"):
        result = cli(*command.split(), cwd=root, columns=200)
        words = " ".join((result.out + result.err).split())
        assert words.count(missing) == 1
        assert "rejects" not in words
