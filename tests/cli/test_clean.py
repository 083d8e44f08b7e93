"""`ctxsize clean` on the command line: a dry run, exit codes, plans, wrong usage."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.clean.planting import PLANTS, RUST
from tests.clean.snapshots import snapshot, without
from tests.cli.conftest import Cli, environment
from tests.formats.test_schema import closed
from tests.trees import build_tree, link


@pytest.fixture
def project(tmp_path: Path) -> Path:
    nodes = ["app/src/main.rs", *RUST.nodes("app"), *PLANTS[3].nodes("web")]
    return build_tree(tmp_path / "r", nodes)


def test_a_dry_run_changes_nothing_and_says_the_command(project: Path, cli: Cli) -> None:
    before = snapshot(project)
    done = cli("clean", cwd=project)
    assert (done.code, snapshot(project)) == (0, before)
    assert done.lines[0].startswith("Dry run: would free ")
    assert "Next: ctxsize clean --yes  deletes it" in done.out
    assert "web/node_modules" in done.out
    assert "--deps deletes them too" in done.out


def test_the_command_repeats_the_options(project: Path, cli: Cli) -> None:
    options = "--ecosystem rust --ecosystem node --older-than 1d --deps"
    done = cli("clean", str(project), *options.split(), columns=120)
    assert f"Next: ctxsize clean {project} {options} --yes" in done.out


def test_a_dry_run_may_be_requested(project: Path, cli: Cli) -> None:
    before = snapshot(project)
    done = cli("clean", "--dry-run", cwd=project)
    assert (done.code, done.out) == (0, cli("clean", cwd=project).out)
    refused = cli("clean", "--dry-run", "--yes", cwd=project)
    assert (refused.code, refused.out, snapshot(project)) == (2, "", before)
    assert "--yes cannot be combined with --dry-run" in refused.err


def test_it_deletes_with_yes(project: Path, cli: Cli) -> None:
    before = snapshot(project)
    done = cli("clean", "--yes", cwd=project)
    assert done.code == 0
    assert done.lines[0].startswith("Deleted: ")
    assert snapshot(project) == without(before, ["app/target"])
    again = cli("clean", "--yes", cwd=project)
    assert (again.code, again.lines[0]) == (0, "Nothing to delete: 1 candidate left alone")


def test_json_is_as_its_schema_says(project: Path, cli: Cli) -> None:
    for options in ([], ["--yes"]):
        shape = json.loads(cli("clean", *options, "--format", "json", cwd=project).out)
        jsonschema.validate(shape, closed(schema("clean")))
        assert [each["path"] for each in shape["items"]] == ["app/target"]
        assert [each["code"] for each in shape["left_alone"]] == ["deps"]
        assert (shape["applied"], len(shape["results"])) == (bool(options), len(options))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--apply", "p", "--yes"), "--apply was removed: type `ctxsize clean --yes`"),
        (("--plan", "p"), "--plan was removed: review"),
        (("--keep-size", "20GB"), "--keep-size was removed: `ctxsize clean --older-than 30d`"),
        (("--apparent-size",), "`du --apparent-size` shows"),
        (("--incremental-only", "--yes"), "type `ctxsize clean --ecosystem rust --yes`"),
        (("--older-than", "x"), "not a length of time: 'x'"),
        (("--recent", "5"), "not a length of time: '5'"),
        (("--ecosystem", "cobol"), "cobol"),
        (("nowhere",), "nowhere: no such directory"),
        (("/",), "/: ROOT must not be the root of the file system"),
    ],
)
def test_what_makes_no_sense(
    arguments: tuple[str, ...], message: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli("clean", *arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_home_is_refused(cli: Cli, project: Path) -> None:
    done = cli("clean", "--yes", cwd=project, env={"HOME": str(project)})
    assert (done.code, done.out) == (2, "")
    assert "the home directory" in done.err
    assert (project / "app/target").exists()


def test_failures_exit_with_1_and_lose_nothing_else(project: Path) -> None:
    """The whole program, in which one of two directories cannot be emptied."""
    script = (
        "import os, sys\n"
        "from ctxsize.cli.app import run\n"
        "unlink = os.unlink\n"
        "def refusing(name, **named):\n"
        "    if name == 'a.rlib':\n"
        "        raise PermissionError(13, 'Permission denied')\n"
        "    unlink(name, **named)\n"
        "os.unlink = refusing\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    before = snapshot(project)
    done = subprocess.run(
        [sys.executable, "-c", script, "clean", "--deps", "--yes"],
        cwd=project,
        env=environment(COLUMNS="200"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Not all deleted: ")
    reason = "debug/deps/a.rlib: Permission denied; the rest is in app/.ctxsize-trash-"
    assert reason in " ".join(done.stdout.split())
    assert not (project / "web/node_modules").exists()
    gone = ["app/target", "web/node_modules"]
    (trash,) = [path for path in (project / "app").glob(".ctxsize-trash-*") if path.is_dir()]
    left = without(snapshot(project), [f"app/{trash.name}", f"app/{trash.name}.record"])
    assert left == without(before, gone)
    assert (trash / "debug/deps/a.rlib").read_bytes() == b"app/target/debug/deps/a.rlib\n"


def test_an_interruption_says_so_and_exits_with_130(project: Path) -> None:
    script = (
        "import os, sys\n"
        "from ctxsize.cli.app import run\n"
        "def interrupt(name, **named):\n"
        "    raise KeyboardInterrupt\n"
        "os.unlink = interrupt\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "clean", "--yes"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert "the next run lists what is half deleted" in done.stderr


def test_symlinks_are_named_in_the_report(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["Cargo.toml", link("target", "/nowhere")])
    assert "target: it is a symlink" in cli("clean", cwd=root).out


def test_progress_on_a_terminal(project: Path) -> None:
    """A long look is shown on stderr, and taken away again."""
    for number in range(3_000):
        (project / f"app/src/{number}").mkdir()
    master, slave = pty.openpty()
    script = (
        "import sys\n"
        "from ctxsize.cli import output\n"
        "output._PROGRESS_AFTER = 0\n"
        "from ctxsize.cli.app import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, "clean"],
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=slave,
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while chunk := os.read(master, 65536):
                shown += chunk
        except OSError:
            pass
        assert process.wait(60) == 0
    os.close(master)
    assert b" entries, " in shown
    assert shown.endswith(b"\r\x1b[K")


def test_help_has_examples(cli: Cli) -> None:
    done = cli("clean", "--help")
    assert "ctxsize clean --deps --yes" in done.out
