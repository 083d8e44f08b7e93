"""`ctxsize lint` and `ctxsize rule` as they are typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import REPOSITORY, Cli
from tests.trees import COPY_ALL, build_tree, file

NESTED = [
    file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci\n"),
    file(".dockerignore", b"node_modules\ndist # made\n"),
    "web/package.json",
    file("web/node_modules/a.js", size_bytes=40),
    file("dist/b.js", size_bytes=5),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", NESTED)


def test_findings_and_exit_codes(cli: Cli, root: Path) -> None:
    done = cli("lint", cwd=root)
    assert done.code == 1
    assert done.lines[0] == ".dockerignore: 2 patterns, 117 B in 5 files in the context"
    assert done.lines[2].startswith(".dockerignore:1:1 warning CTX101 `node_modules` matches at")
    assert "40 B in 1 file" in done.out
    assert done.lines[-1] == "2 findings: 1 error, 1 warning; 2 fixable with --fix"
    assert cli("lint", "--exit-zero", cwd=root).code == 0
    assert cli("lint", "--select", "CTX105", cwd=root).code == 0
    assert cli("lint", "--select", "CTX9", cwd=root).code == 2
    assert cli("lint", "absent", cwd=root).code == 2


def test_fix_writes_and_a_second_run_has_nothing_to_do(cli: Cli, root: Path) -> None:
    done = cli("lint", "--fix", cwd=root)
    assert done.code == 0
    assert "fixed CTX101 write `**/node_modules`" in done.out
    assert "wrote .dockerignore" in done.err
    assert (root / ".dockerignore").read_bytes() == b"**/node_modules\n# made\ndist\n"
    again = cli("lint", "--fix", cwd=root)
    assert again.code == 0
    assert again.err == ""


def test_diff_shows_and_writes_nothing(cli: Cli, root: Path) -> None:
    before = (root / ".dockerignore").read_bytes()
    done = cli("lint", "--diff", cwd=root)
    assert done.code == 1
    assert done.lines == [
        "--- .dockerignore",
        "+++ .dockerignore",
        "@@ -1,2 +1,3 @@",
        "-node_modules",
        "-dist # made",
        "+**/node_modules",
        "+# made",
        "+dist",
    ]
    assert (root / ".dockerignore").read_bytes() == before
    assert cli("lint", "--diff", "--select", "CTX105", cwd=root).code == 0


def test_a_diff_can_be_applied(cli: Cli, root: Path) -> None:
    diff = cli("lint", "--diff", cwd=root).raw
    subprocess.run(["patch", "-s", "-p0"], input=diff, cwd=root, check=True)
    assert cli("lint", cwd=root).code == 0


def test_a_dash_lints_standard_input(cli: Cli, root: Path) -> None:
    done = cli("lint", "-", cwd=root, stdin=b"dist # made\n")
    assert done.code == 1
    assert done.lines[2].startswith("<stdin>:1:1 error CTX102")
    fine = cli("lint", "-", cwd=root, stdin=b"dist\n")
    assert (fine.code, fine.lines) == (0, ["<stdin>: 1 pattern, nothing found"])


def test_standard_input_for_a_file_that_is_edited(cli: Cli, root: Path) -> None:
    named = ("--stdin-filename", ".dockerignore")
    done = cli("lint", "-", *named, "--format", "json", cwd=root, stdin=b"a\nnode_modules\n")
    (finding,) = json.loads(done.out)["findings"]
    assert (finding["code"], finding["files"], finding["content_bytes"]) == ("CTX101", 1, 40)
    assert finding["location"] == {
        "path": ".dockerignore",
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 13,
    }
    (edit,) = finding["fix"]["edits"]
    assert edit["changes"] == [{"start_line": 2, "end_line": 3, "text": "**/node_modules\n"}]


@pytest.mark.parametrize(
    "arguments", [("-", "a"), ("-", "--fix"), ("-", "--watch"), ("--stdin-filename", "a")]
)
def test_what_standard_input_does_not_go_with(
    arguments: tuple[str, ...], cli: Cli, root: Path
) -> None:
    done = cli("lint", *arguments, cwd=root)
    assert (done.code, done.out) == (2, "")


def test_the_file_of_one_build(cli: Cli, root: Path) -> None:
    (root / "Dockerfile.dockerignore").write_bytes(b"dist\ndist\n")
    done = cli("lint", "-f", "Dockerfile", "--select", "CTX113", cwd=root)
    assert done.lines[2].startswith("Dockerfile.dockerignore:2:1 info CTX113")
    (root / "empty").mkdir()
    assert cli("lint", "-C", "empty", cwd=root).code == 2


def test_every_ignore_file_below_is_linted(cli: Cli, tmp_path: Path) -> None:
    build_tree(
        tmp_path, [file("a/.dockerignore", b"x\nx\n"), file("b/c/.dockerignore", b"y\n"), "b/c/y"]
    )
    done = cli("lint", cwd=tmp_path)
    assert done.code == 1
    assert done.lines[:2] == [
        "a/.dockerignore: 2 patterns, 4 B in 1 file in the context",
        "b/c/.dockerignore: 1 pattern, 2 B in 1 file in the context, nothing found",
    ]
    (tmp_path / "d").mkdir()
    assert cli("lint", "d", cwd=tmp_path).lines == ["no ignore file here"]


def test_the_line_why_and_the_fix_are_shown(cli: Cli, root: Path) -> None:
    assert cli("lint", "--select", "CTX101", cwd=root).lines == [
        ".dockerignore: 2 patterns, 117 B in 5 files in the context",
        "",
        ".dockerignore:1:1 warning CTX101 `node_modules` matches at the top of the",
        "    context only, so the build sends 1 other copy: 40 B in 1 file",
        "    1 | node_modules",
        "      | ^^^^^^^^^^^^",
        "    why: A pattern of an ignore file is a path from the top of the context, not",
        "         a name at any depth as in `.gitignore`.",
        "    - web/node_modules/",
        "    fix: write `**/node_modules`; ignores 40 B in 1 file",
        "",
        "1 finding: 1 warning; 1 fixable with --fix",
    ]


def test_quiet_prints_a_line_for_each_finding(cli: Cli, root: Path) -> None:
    done = cli("lint", "-q", cwd=root)
    assert done.code == 1
    assert [line.split()[:3] for line in done.lines] == [
        [".dockerignore:1:1", "warning", "CTX101"],
        [".dockerignore:2:1", "error", "CTX102"],
    ]
    assert cli("lint", "-q", "--fix", cwd=root).lines == []


def test_files_in_which_nothing_is_found_are_counted(cli: Cli, tmp_path: Path) -> None:
    fine = [file(f"s{n}/.dockerignore", b"x\n" * (n == 0) + b"y\nz\n") for n in range(4)]
    build_tree(tmp_path, [file("a/.dockerignore", b"x\nx\n"), *fine])
    lines = cli("lint", cwd=tmp_path).lines
    assert lines[:2] == [
        "a/.dockerignore: 2 patterns, 4 B in 1 file in the context",
        "4 files: 9 patterns, nothing found",
    ]
    full = cli("lint", "-v", cwd=tmp_path).lines
    assert sum(line.startswith("s") and "nothing found" in line for line in full) == 4


def test_what_is_fixed_is_listed_in_short_and_counted(cli: Cli, tmp_path: Path) -> None:
    lines = b"**/.idea\n" + b"".join(b".idea/%d\n" % n for n in range(6)) + b"b # c\n..\n"
    build_tree(tmp_path, [file(".dockerignore", lines), "a"])
    done = cli("lint", "--fix", cwd=tmp_path).lines
    assert done[:2] == [
        ".dockerignore:2:1 fixed CTX112 remove these 6 lines",
        ".dockerignore:2:1 fixed CTX102 write `# c`, `b`",
    ]
    assert "7 fixed, 1 left: 1 warning; 1 fixable with --unsafe-fixes" in done


def test_rule_shows_the_page_of_a_code(cli: Cli) -> None:
    done = cli("rule", "CTX102")
    assert done.code == 0
    assert done.lines[0] == "CTX102 trailing-comment (error)"
    assert "    dist # made by the bundler" in done.lines
    assert cli("rule", "trailing-comment").out == done.out
    every = cli("rule", columns=120)
    assert any(line.startswith("CTX130 warning undone-pattern") for line in every.lines)
    assert len(every.lines) > 30
    codes = json.loads(cli("rule", "--format", "json").out)["codes"]
    assert {"CTX101", "CTX130"} <= {each["code"] for each in codes}
    assert cli("rule", "CTX998").code == 2


def wait_for(path: Path, text: str) -> str:
    """What the file holds, once it holds `text`."""
    for _ in range(2400):
        found = path.read_text()
        if text in found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{text!r} did not come: {path.read_text()!r}")


def test_watch_lints_on_every_save_and_ends_at_an_interrupt(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "ctxsize", "lint", "--watch", "--select", "CTX101,CTX102"],
            cwd=root,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        try:
            first = wait_for(out, "5 files in the context")
            assert "CTX102" in first
            (root / ".dockerignore").write_bytes(b"**/node_modules\ndist\n")
            second = wait_for(out, "nothing found").removeprefix(first)
            assert "3 files in the context" in second
            assert "CTX" not in second
            (root / ".dockerignore").unlink()
            (root / ".dockerignore").write_bytes(b"node_modules\n")
            third = wait_for(out, "1 pattern, ")
            (root / "web").mkdir(exist_ok=True)
            (root / "web" / ".dockerignore").write_bytes(b"a\nb\nc\n")
            new = wait_for(out, "3 patterns, ").removeprefix(third)
            assert "web/.dockerignore: 3 patterns" in new
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=120) == 130
        finally:
            process.kill()
    assert "Traceback" not in out.read_text()
    assert "\x1b" not in out.read_text()


SHIPPED = "*\n!/src/\n!/src/Server/\n!/data/cache/\n!/data/cache/*.demo\n"
"""The lines by which two projects shipped what they had meant to keep."""


def test_a_part_of_what_is_let_in_already(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "ctx",
        [
            file("Dockerfile", COPY_ALL),
            file(".dockerignore", SHIPPED.encode()),
            *("src/Server/a.fs", "src/Client/b.fs", "data/cache/a.demo", "data/cache/secret.db"),
        ],
    )
    done = cli("lint", cwd=root)
    assert done.code == 1
    words = " ".join(done.out.split())
    assert (
        ".dockerignore:3:1 warning CTX112 line 2 (`!/src/`) already re-includes all that "
        "`!/src/Server/` matches" in words
    )
    assert "if nothing else in `src` is meant, remove line 2" in words
    assert "if nothing else in `data/cache` is meant, remove line 4" in words
    assert cli("lint", "--fix", cwd=root).code == 1
    assert (root / ".dockerignore").read_text() == SHIPPED


def test_many_parts_are_one_finding(cli: Cli, tmp_path: Path) -> None:
    parts = "".join(f"!src/{name}\n" for name in "abcd")
    build_tree(tmp_path, [file(".dockerignore", f"*\n!src\n{parts}".encode()), "src/e"])
    words = " ".join(cli("lint", "--select", "CTX112", cwd=tmp_path).out.split())
    assert "4 exceptions match only what line 2 (`!src`) already re-includes" in words


def in_git(root: Path, *tracked: str) -> None:
    for arguments in (["init", "-q"], ["add", "-f", *tracked]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


REPORTS = [
    file("Dockerfile", COPY_ALL),
    file(".gitignore", b"reports/\n*.dump\n/local\n"),
    *("reports/a", "local/a", "docs/b.md"),
]


def test_names_that_git_ignores_at_every_depth(cli: Cli, tmp_path: Path) -> None:
    copies = [file("web/reports/a.html", size_bytes=4000), file("db/x.dump", size_bytes=500)]
    root = build_tree(tmp_path / "ctx", [*REPORTS, *copies, "web/local/keep"])
    (root / ".dockerignore").write_bytes(b".git\nreports\n*.dump\nlocal\ndocs\n")
    in_git(root, ".gitignore", "docs", "web/local")
    words = " ".join(cli("lint", "--select", "CTX101", cwd=root).out.split())
    assert (
        ".dockerignore:2:1 warning CTX101 `reports` matches at the top of the context only, so "
        "the build sends 1 other copy: 4.0 kB in 1 file" in words
    )
    assert ".dockerignore:3:1 warning CTX101 `*.dump` matches at the top" in words
    assert words.endswith("2 findings: 2 warnings; 2 fixable with --fix")
    assert cli("lint", "--select", "CTX101", "--fix", cwd=root).code == 0
    assert (root / ".dockerignore").read_text() == ".git\n**/reports\n**/*.dump\nlocal\ndocs\n"


@pytest.mark.parametrize("tracked", ["web/reports", "docs"])
def test_names_of_which_git_keeps_a_copy(cli: Cli, tracked: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [*REPORTS, "web/reports/a.html", "lib/reports/b.html"])
    (root / ".dockerignore").write_bytes(b".git\nreports\n")
    in_git(root, ".gitignore", "docs", tracked)
    done = cli("lint", "--select", "CTX101", "--fix", cwd=root)
    is_kept = tracked == "web/reports"
    assert done.code == is_kept
    assert ("**/reports" in (root / ".dockerignore").read_text()) is not is_kept


def test_a_gitignore_above_the_context_counts(cli: Cli, tmp_path: Path) -> None:
    nodes = ["api/web/reports/a.html", file("api/Dockerfile", COPY_ALL)]
    root = build_tree(tmp_path / "ctx", [*REPORTS, *nodes])
    (root / "api" / ".dockerignore").write_bytes(b"reports\n")
    assert cli("lint", "--select", "CTX101", cwd=root / "api").code == 0
    in_git(root, ".gitignore", "docs")
    assert cli("lint", "--select", "CTX101", cwd=root / "api").code == 1


def test_no_word_of_copies_that_no_build_takes(cli: Cli, tmp_path: Path) -> None:
    tree = [
        file("Dockerfile", b"FROM node\nCOPY package.json ./\nCOPY app ./app\nRUN npm ci\n"),
        file(".dockerignore", b"node_modules\n"),
        *("package.json", "app/main.js", "mail/package.json"),
    ]
    fresh = build_tree(tmp_path / "fresh", tree)
    assert "nothing found" in cli("lint", cwd=fresh).out
    worked_in = build_tree(tmp_path / "worked-in", [*tree, "mail/node_modules/a.js"])
    assert "nothing found" in cli("lint", cwd=worked_in).out


def test_a_copy_that_only_one_of_the_builds_takes_is_reported(cli: Cli, tmp_path: Path) -> None:
    tree = [
        file("Dockerfile", b"FROM node\nCOPY app ./app\nRUN npm ci\n"),
        file("mail.Dockerfile", b"FROM node\nCOPY mail ./mail\nRUN npm ci\n"),
        file("Makefile", b"all:\n\tdocker build .\n\tdocker build -f mail.Dockerfile .\n"),
        file(".dockerignore", b"node_modules\n"),
        *("app/main.js", "mail/package.json"),
    ]
    root = build_tree(tmp_path / "ctx", tree)
    assert "a copy in mail/ would be sent once it exists" in cli("lint", cwd=root).out
