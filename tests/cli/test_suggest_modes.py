"""The modes of `ctxsize suggest`, and what stands in the way of writing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.formats.test_schema import closed
from tests.trees import COPY_ALL, Node, build_tree, file
from tests.writer.places import as_a_user, remount, small_disk

NAMED = b"FROM scratch\nCOPY src /src\nCOPY package.json /\n"
TREE: list[str | Node] = [
    "src/a.js",
    "package.json",
    "node_modules/x/index.js",
    "README.md",
    file(".gitignore", b"node_modules/\n*.log\n[\n"),
]
MODES = {
    "allowlist": ["--allowlist"],
    "from-gitignore": ["--from-gitignore"],
    "like": ["--like", "../other/.dockerignore"],
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    build_tree(tmp_path / "other", [file(".dockerignore", b"node_modules\nREADME.md\nabsent/x\n")])
    own = file(".dockerignore", b"# mine\r\n*.log\r\n**/*.log\r\n")
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", NAMED), own, *TREE])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def told(cli: Cli, context: Path, *arguments: str) -> dict[str, Any]:
    result = cli("suggest", *arguments, "--format", "json", cwd=context)
    shape: dict[str, Any] = json.loads(result.out)
    jsonschema.validate(shape, closed(schema("plan")))
    return shape


@pytest.mark.parametrize("mode", MODES)
def test_plan_diff_check_write(cli: Cli, context: Path, mode: str) -> None:
    path = context / ".dockerignore"
    before = path.read_bytes()
    plain = cli("suggest", *MODES[mode], cwd=context)
    assert (plain.code, plain.err) == (0, "")
    assert "Next: ctxsize suggest --" in plain.out
    diff = cli("suggest", *MODES[mode], "--diff", cwd=context)
    assert diff.lines[:2] == ["--- .dockerignore", "+++ .dockerignore"]
    assert cli("suggest", *MODES[mode], "--check", cwd=context).code == 1
    planned = told(cli, context, *MODES[mode])
    assert planned["changes"]
    assert {each["code"] for each in planned["findings"]} == {"CTX503"}
    assert path.read_bytes() == before

    applied = subprocess.run(
        ["git", "apply", "-p0", "--check", "--whitespace=nowarn", "-"],
        cwd=context,
        input=diff.raw,
        capture_output=True,
    )
    assert applied.stderr == b""
    written = cli("suggest", *MODES[mode], "--write", cwd=context)
    assert (written.code, written.err) == (0, "ctxsize: note: wrote .dockerignore\n")
    assert path.read_bytes() != before
    assert b"# mine\r\n" in path.read_bytes()
    assert not path.read_bytes().replace(b"\r\n", b"").count(b"\n")

    after = told(cli, context, *MODES[mode])
    assert not after["changes"]
    assert after["before"] == planned["after"]
    assert cli("suggest", *MODES[mode], "--check", cwd=context).code == 0
    assert cli("suggest", *MODES[mode], "--write", cwd=context).err == ""


def test_a_list_that_is_not_possible(cli: Cli, context: Path) -> None:
    (context / "Dockerfile").write_bytes(COPY_ALL)
    result = cli("suggest", "--allowlist", "--write", cwd=context)
    assert result.code == 1
    assert result.out.startswith("Not possible: Dockerfile:2 takes the whole context")
    assert "Next: copy only what the build needs" in result.out
    assert told(cli, context, "--allowlist")["impossible"]


def test_what_was_left_out_is_said(cli: Cli, context: Path) -> None:
    result = cli("suggest", "--from-gitignore", cwd=context)
    assert "Left out or kept" in result.out
    assert ".gitignore:3" in result.out
    reason = "left out: its class or backslash is unfinished"
    assert reason in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--allowlist", "--from-gitignore"], "--allowlist cannot be combined with another mode"),
        (
            ["--from-gitignore", "--only", "x"],
            "--from-gitignore cannot be combined with another mode, --only",
        ),
        (["--tidy"], "--tidy was removed: `ctxsize lint --fix` removes redundant lines"),
        (["--allowlist", "--write", "--diff"], "--write cannot be combined with --diff or --check"),
        (["--like", "absent"], "absent: cannot be read: No such file"),
        (["--like", "."], ".: cannot be read: Is a directory"),
        (["--like", "bad"], "bad:2: the build fails: syntax error"),
    ],
)
def test_input_that_a_mode_cannot_use_is_an_error(
    cli: Cli, context: Path, arguments: list[str], message: str
) -> None:
    (context / "bad").write_text("a\n[\n")
    result = cli("suggest", *arguments, cwd=context)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def refused(cli: Cli, cwd: Path, message: str, *arguments: str) -> None:
    """One clear line, exit 2, and no file of ours is left behind."""
    names = sorted(path.name for path in cwd.iterdir())
    result = cli("suggest", *(arguments or ("--from-gitignore",)), "--write", cwd=cwd)
    assert result.code == 2, result
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert sorted(path.name for path in cwd.iterdir()) == names


def test_a_read_only_file(cli: Cli, context: Path) -> None:
    path = context / ".dockerignore"
    before = path.read_bytes()
    path.chmod(0o444)
    refused(cli, context, ".dockerignore: is read-only")
    assert path.read_bytes() == before


def test_a_directory_in_the_way(cli: Cli, context: Path) -> None:
    (context / ".dockerignore").unlink()
    (context / ".dockerignore").mkdir()
    refused(cli, context, ".dockerignore: a directory is in the way")


def test_an_ignore_file_outside_the_context(cli: Cli, context: Path) -> None:
    (context / ".dockerignore").unlink()
    (context / ".dockerignore").symlink_to("../other/.dockerignore")
    before = (context.parent / "other/.dockerignore").read_bytes()
    refused(cli, context, ".dockerignore: the file is a symbolic link to ../other/.dockerignore")
    assert (context.parent / "other/.dockerignore").read_bytes() == before


def test_a_symlink_inside_the_context_is_not_followed(cli: Cli, context: Path) -> None:
    (context / "docker").mkdir()
    (context / ".dockerignore").rename(context / "docker/ignore")
    (context / ".dockerignore").symlink_to("docker/ignore")
    before = (context / "docker/ignore").read_bytes()
    refused(cli, context, ".dockerignore: the file is a symbolic link to docker/ignore")
    assert (context / ".dockerignore").is_symlink()
    assert (context / "docker/ignore").read_bytes() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n[\n", ".dockerignore:2: the build fails: syntax error"),
        (b"!\n", '.dockerignore:1: the build fails: illegal exclusion pattern: "!"'),
        (b"a\0b\n", "non-printable"),
        (b"x" * 70_000, "token too long"),
    ],
)
def test_an_ignore_file_that_fails_the_build(
    cli: Cli, context: Path, data: bytes, message: str
) -> None:
    (context / ".dockerignore").write_bytes(data)
    for arguments in ((), ("--from-gitignore",), ("--allowlist",)):
        refused(cli, context, message, *arguments)
    assert (context / ".dockerignore").read_bytes() == data


def test_undecodable_bytes_stay(cli: Cli, context: Path) -> None:
    (context / ".dockerignore").write_bytes(b"caf\xe9\n")
    assert cli("suggest", "--from-gitignore", "--write", cwd=context).code == 0
    assert (context / ".dockerignore").read_bytes().startswith(b"caf\xe9\n\n# >>> ctxsize")


def test_a_huge_file(cli: Cli, context: Path) -> None:
    lines = b"".join(b"# comment %d\n" % number for number in range(200_000))
    (context / ".dockerignore").write_bytes(lines)
    assert cli("suggest", "--from-gitignore", "--write", cwd=context).code == 0
    assert (context / ".dockerignore").read_bytes().startswith(lines + b"\n# >>> ctxsize")


def test_a_full_disk(cli: Cli, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        build_tree(disk, [file("Dockerfile", NAMED), *TREE])
        before = b"# " + b"x" * 30_000 + b"\n"
        (disk / ".dockerignore").write_bytes(before)
        (disk / "src/fill").write_bytes(b"y" * 8_000)
        refused(cli, disk, ".dockerignore: cannot be written: No space left on device")
        assert (disk / ".dockerignore").read_bytes() == before


def test_a_read_only_disk(cli: Cli, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        build_tree(disk, [file("Dockerfile", NAMED), *TREE])
        remount(disk, "ro")
        refused(cli, disk, "Read-only file system")


def test_another_users_directory(cli: Cli) -> None:
    with as_a_user() as directory:
        build_tree(directory, [file("Dockerfile", NAMED), *TREE])
        directory.chmod(0o555)
        refused(cli, directory, "cannot be written: Permission denied")
        directory.chmod(0o755)


@pytest.mark.parametrize(
    ("options", "names", "written"),
    [
        ([], [".dockerignore"], ".dockerignore"),
        ([], [], ".dockerignore"),
        (["-f", "api.Dockerfile"], [".dockerignore"], ".dockerignore"),
        (
            ["-f", "api.Dockerfile"],
            [".dockerignore", "api.Dockerfile.dockerignore"],
            "api.Dockerfile.dockerignore",
        ),
        (["--builder", "podman"], [".dockerignore", ".containerignore"], ".containerignore"),
        (["--builder", "podman"], [".dockerignore"], ".dockerignore"),
        (["--builder", "classic"], [".dockerignore", ".containerignore"], ".dockerignore"),
    ],
)
def test_the_file_that_governs_is_written(
    cli: Cli, tmp_path: Path, options: list[str], names: list[str], written: str
) -> None:
    own = [file(name, b"# mine\n") for name in names]
    nodes = [file("Dockerfile", NAMED), file("api.Dockerfile", NAMED), *own, *TREE]
    build_tree(tmp_path, nodes)
    result = cli("suggest", "--from-gitignore", "--write", *options, cwd=tmp_path)
    assert (result.code, result.err) == (0, f"ctxsize: note: wrote {written}\n")
    assert b"**/node_modules" in (tmp_path / written).read_bytes()
    for name in {*names} - {written}:
        assert (tmp_path / name).read_bytes() == b"# mine\n"


def test_a_broken_hard_link_is_said(cli: Cli, context: Path) -> None:
    (context.parent / "other-name").hardlink_to(context / ".dockerignore")
    result = cli("suggest", "--from-gitignore", "--write", cwd=context)
    assert result.code == 0
    assert "had further names (hard links)" in " ".join(result.out.split())
    assert b"node_modules" not in (context.parent / "other-name").read_bytes()
