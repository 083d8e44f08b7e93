"""Ignore files that no build reads: the words on the screen, and fixes that rename them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, Node, build_tree, file, link

ALL = file("Dockerfile", COPY_ALL)
LINES = b"logs\n"
LOGS: list[str | Node] = ["src/a.c", "logs/a.log", "logs/b.log"]
GADGET = file("images/gadget.Dockerfile", b"FROM scratch\nCOPY src /\n")
COMPOSE = file(
    "compose.yaml",
    b"services:\n  web:\n    build: {context: ., dockerfile: docker/Dockerfile}\n",
)
IN_DOCKER = file("docker/Dockerfile", COPY_ALL)


def joined(lines: list[str]) -> str:
    """A screen without its line breaks."""
    return " ".join(" ".join(lines).split())


def without_reasons(lines: list[str]) -> str:
    """The same without what Docker does in general."""
    return re.sub(r" why: .*? (?=fix: |help: )", " ", joined(lines))


SCREENS: dict[str, tuple[list[str | Node], str, str]] = {
    "superseded": (
        [ALL, file("Dockerfile.dockerignore", b"docs\n"), file(".dockerignore", LINES)],
        ".dockerignore",
        "warning CTX127 no build seems to read this ignore file: Dockerfile.dockerignore replaces "
        "it for BuildKit help: remove it, or make both equal",
    ),
    "superseded by several": (
        [
            *(ALL, file("Dockerfile.dockerignore", b"docs\n"), file(".dockerignore", LINES)),
            *(file("dev.Dockerfile", COPY_ALL), file("dev.Dockerfile.dockerignore", b"docs\n")),
        ],
        ".dockerignore",
        "Dockerfile.dockerignore and dev.Dockerfile.dockerignore replace it for BuildKit",
    ),
    "beside the Dockerfile": (
        [COMPOSE, IN_DOCKER, file("docker/.dockerignore", LINES)],
        "docker/.dockerignore",
        "warning CTX127 no build seems to read this ignore file: docker/Dockerfile is built with "
        "the context ., by compose.yaml:3 (compose web) fix: rename it to "
        "docker/Dockerfile.dockerignore; ignores 22 B in 2 files (unsafe: review first)",
    ),
    "beside the Dockerfile, the context has one": (
        [COMPOSE, IN_DOCKER, file("docker/.dockerignore", LINES), file(".dockerignore", b"x\n")],
        "docker/.dockerignore",
        "by compose.yaml:3 (compose web) help: move its lines to .dockerignore, with paths from .",
    ),
    "in a directory that is no context": (
        [ALL, file("tools/.dockerignore", LINES)],
        "tools/.dockerignore",
        "info CTX127 no build seems to read this ignore file: no build has the context tools "
        "help: remove it, unless something builds there",
    ),
    "in other letters": (
        [ALL, file(".dockerIgnore", LINES)],
        ".dockerIgnore",
        "warning CTX127 no build reads this ignore file: its name must be .dockerignore, in lower "
        "case fix: rename it to .dockerignore; ignores 22 B in 2 files",
    ),
    "without a dot": (
        [ALL, file("dockerignore", LINES)],
        "dockerignore",
        "its name must begin with a dot: .dockerignore fix: rename it to .dockerignore",
    ),
    "in other letters, specific": (
        [ALL, file("Dockerfile.DockerIgnore", LINES)],
        "Dockerfile.DockerIgnore",
        "it must end with .dockerignore, in lower case fix: rename it to Dockerfile.dockerignore",
    ),
    "without the ending of its Dockerfile": (
        [GADGET, file("images/gadget.dockerignore", LINES)],
        "images/gadget.dockerignore",
        "there is no images/gadget beside it fix: rename it to images/gadget.Dockerfile"
        ".dockerignore",
    ),
    "two Dockerfiles are called alike": (
        [
            *(GADGET, file("images/Dockerfile.gadget", b"FROM scratch\nCOPY src /\n")),
            file("images/gadget.dockerignore", LINES),
        ],
        "images/gadget.dockerignore",
        "there is no images/gadget beside it help: rename it to images/Dockerfile.gadget"
        ".dockerignore or images/gadget.Dockerfile.dockerignore",
    ),
    "in the context, for a Dockerfile elsewhere": (
        [COMPOSE, IN_DOCKER, file("Dockerfile.dockerignore", LINES)],
        "Dockerfile.dockerignore",
        "there is no Dockerfile beside it fix: rename it to docker/Dockerfile.dockerignore",
    ),
    "of no Dockerfile": (
        [ALL, file("dev.dockerignore", LINES)],
        "dev.dockerignore",
        "there is no dev beside it help: correct that, or remove the file",
    ),
    "the right name is taken": (
        [ALL, file(".dockerIgnore", LINES), file(".dockerignore", b"docs\n")],
        ".dockerIgnore",
        "its name must be .dockerignore, in lower case help: rename it to .dockerignore",
    ),
    "a symlink": (
        [ALL, link(".dockerIgnore", "lines"), file("lines", LINES)],
        ".dockerIgnore",
        "its name must be .dockerignore, in lower case help: rename it to .dockerignore",
    ),
    "it hides what the build copies": (
        [file("Dockerfile", b"FROM scratch\nCOPY logs /\n"), file(".dockerIgnore", LINES)],
        ".dockerIgnore",
        "its name must be .dockerignore, in lower case help: rename it to .dockerignore",
    ),
}
"""A tree, its unread ignore file, and what the screen of `lint` says of that."""


@pytest.mark.parametrize("name", SCREENS)
def test_lint_says_of_an_unread_file_just_that(name: str, cli: Cli, tmp_path: Path) -> None:
    nodes, path, words = SCREENS[name]
    root = build_tree(tmp_path, [*nodes, *LOGS, "web/node_modules/a.js"])
    with (root / path).open("ab") as unread:
        # Findings about patterns, if a build read them.
        unread.write(b"node_modules\ndist # made\nsrc\nsrc\n" if "hides" not in name else b"")
    if "fix:" in words:
        (root / path).write_bytes(LINES)
    done = cli("lint", cwd=root, columns=300)
    screen = without_reasons(done.lines)
    assert f"{path} " in screen
    assert words in screen
    findings = json.loads(cli("lint", "--json", cwd=root).out)["findings"]
    assert [each["code"] for each in findings if each["location"]["path"] == path] == ["CTX127"]
    assert done.code == 1


CERTAIN = [name for name, (_, _, words) in SCREENS.items() if "fix: rename" in words]


@pytest.mark.parametrize("name", CERTAIN)
def test_a_rename_is_what_the_build_then_reads(name: str, cli: Cli, tmp_path: Path) -> None:
    nodes, path, words = SCREENS[name]
    root = build_tree(tmp_path, [*nodes, *LOGS])
    (root / path).chmod(0o640)
    is_certain = "unsafe" not in words
    renamed = cli("lint", "--fix", cwd=root)
    assert (root / path).exists() is not is_certain
    if not is_certain:
        renamed = cli("lint", "--unsafe-fixes", cwd=root)
    assert not (root / path).exists()
    new = words.partition("rename it to ")[2].partition(";")[0]
    assert f"renamed {path} to {new}" in renamed.err
    assert (root / new).read_bytes() == LINES
    assert (root / new).stat().st_mode & 0o777 == 0o640
    assert "CTX127" not in cli("lint", "--json", cwd=root).out
    (row,) = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    assert row["ignore_file"] == new
    assert "CTX302" not in cli("scan", "--json", cwd=root).out


@pytest.mark.parametrize("program", ["git apply -p0", "patch -s -p0"])
def test_a_diff_renames_too(program: str, cli: Cli, tmp_path: Path) -> None:
    tool, *words = program.split()
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    root = build_tree(tmp_path, [ALL, file(".dockerIgnore", b"docs\ndocs\n"), *LOGS])
    done = cli("lint", "--diff", cwd=root)
    assert done.lines[:3] == [
        "diff --git .dockerIgnore .dockerignore",
        "rename from .dockerIgnore",
        "rename to .dockerignore",
    ]
    subprocess.run([tool, *words], input=done.raw, cwd=root, check=True)
    assert not (root / ".dockerIgnore").exists()
    assert (root / ".dockerignore").read_bytes() == b"docs\n"


def test_a_renamed_file_is_corrected_at_once(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [ALL, file(".dockerIgnore", b"docs\ndocs\n"), *LOGS])
    done = cli("lint", "--fix", cwd=root)
    assert "fixed CTX127 rename it to .dockerignore" in done.out
    assert "fixed CTX113" in done.out
    assert (root / ".dockerignore").read_bytes() == b"docs\n"


def test_two_files_for_one_name_stay(cli: Cli, tmp_path: Path) -> None:
    nodes = [ALL, file(".dockerIgnore", LINES), file("dockerignore", b"docs\n"), *LOGS]
    root = build_tree(tmp_path, nodes)
    done = cli("lint", "--unsafe-fixes", cwd=root)
    assert done.code == 1
    assert (root / ".dockerIgnore").exists()
    assert (root / "dockerignore").exists()


def test_a_rename_that_hides_tracked_files_is_for_a_person(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [ALL, file(".dockerIgnore", LINES), *LOGS])
    for words in ("init -q", "add -A"):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    assert "(unsafe: review first)" in joined(cli("lint", cwd=root).lines)
    assert cli("lint", "--fix", cwd=root).code == 1
    assert (root / ".dockerIgnore").exists()


def test_without_any_build_a_file_is_judged_as_that_of_its_directory(
    cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(tmp_path, [file(".dockerignore", b"node_modules\n"), "web/node_modules/a"])
    assert " CTX101 " in cli("lint", cwd=root).out


SERVICE: list[str | Node] = [
    file(
        "compose.yaml",
        b"services:\n"
        b"  a:\n    build: {context: ., dockerfile: svc/Dockerfile}\n"
        b"  b:\n    build: {context: ., dockerfile: other/Dockerfile}\n",
    ),
    file("svc/Dockerfile", b"FROM alpine\nCOPY svc/package.json .\nCOPY svc/test test\n"),
    file("other/Dockerfile", b"FROM alpine\nCOPY svc/shared* /\nCOPY svc/lib /lib\n"),
    *("svc/package.json", "svc/test/a", "svc/shared.txt", "svc/lib/go.mod", "svc/logs/a"),
]
MOVED = {
    "all": (
        b"package.json\n/test/\n",
        "remove it: there `package.json` and `/test/` would hide what a build takes",
    ),
    "some": (
        b"logs\npackage.json\n# note\n/test/\n",
        "move its lines to .dockerignore, with paths from ., but without `package.json` and "
        "`/test/`, which would hide what a build takes",
    ),
    "a source of another build": (
        b"logs\nshared.txt\n",
        "move its lines to .dockerignore, with paths from ., but without `shared.txt`, which would "
        "hide what a build takes",
    ),
    "none": (b"logs\n", "move its lines to .dockerignore, with paths from ."),
    "a list of what is let in": (
        b"*\n!package.json\n!test\n!shared*\n!lib\n",
        "move its lines to .dockerignore, with paths from .",
    ),
    "all of three": (
        b"package.json\nshared.txt\nlib/\n",
        "remove it: there `package.json` and `shared.txt` and `lib/` would hide",
    ),
}
"""Lines of svc/.dockerignore, which no build reads, and what to do with them."""


@pytest.mark.parametrize("name", MOVED)
def test_lines_to_move_are_tried_on_each_build_that_would_read_them(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    lines, words = MOVED[name]
    nodes = [*SERVICE, file("svc/.dockerignore", lines), file(".dockerignore", b".git\n")]
    root = build_tree(tmp_path, nodes)
    assert f"help: {words}" in without_reasons(cli("lint", cwd=root, columns=300).lines)
    assert f"help: {words}" in joined(cli("scan", "-v", cwd=root, columns=300).lines)


def test_a_file_for_one_dockerfile_is_proposed_where_others_would_lose_a_source(
    cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(tmp_path, [*SERVICE, file("svc/.dockerignore", b"shared.txt\n")])
    help_line = joined(cli("scan", "-v", cwd=root, columns=300).lines)
    assert "help: name it svc/Dockerfile.dockerignore, with paths from ." in help_line


def test_manifests_of_a_directory_that_a_build_takes_are_not_hidden(
    cli: Cli, tmp_path: Path
) -> None:
    nodes = [
        *(COMPOSE, file("docker/Dockerfile", b"FROM node\nCOPY docker /a\nRUN npm ci\n")),
        *("docker/package.json", "docker/logs/a", file(".dockerignore", b".git\n")),
        file("docker/.dockerignore", b"logs\npackage*.json\n"),
    ]
    root = build_tree(tmp_path, nodes)
    assert (
        "help: move its lines to .dockerignore, with paths from ., but without `package*.json`, "
        "which would hide what a build takes"
    ) in without_reasons(cli("lint", cwd=root, columns=300).lines)


def test_patterns_for_another_directory_that_hide_sources_are_removed(
    cli: Cli, tmp_path: Path
) -> None:
    lines = b"package.json\n/test/\nlogs\n**/x\n"
    root = build_tree(tmp_path, [*SERVICE, file("svc/Dockerfile.dockerignore", lines)])
    assert (
        "fix: write 1 line as paths from .; remove `package.json` and `/test/`, which would hide "
        "what a build takes"
    ) in joined(cli("lint", cwd=root, columns=300).lines)
    assert cli("lint", "--unsafe-fixes", cwd=root).code == 0
    assert (root / "svc/Dockerfile.dockerignore").read_bytes() == b"svc/logs\n**/x\n"
    assert "the build fails" not in cli("-f", "svc/Dockerfile", ".", cwd=root).out


MACTERM: list[str | Node] = [
    file(
        "website/Dockerfile", b"FROM scratch\nCOPY website/src /src\nCOPY website/package.json /\n"
    ),
    file(
        "website/Dockerfile.dockerignore",
        b"# an allow-list\n*\n!src/\n!package.json\n**/*.log\n",
    ),
    *("website/src/a.ts", "website/src/debug.log", "website/package.json", "Sources/main.swift"),
]


def test_patterns_written_for_another_directory_are_recognised(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, MACTERM)
    done = cli("lint", cwd=root, columns=300)
    assert done.code == 1
    screen = without_reasons(done.lines)
    assert (
        "website/Dockerfile.dockerignore:3:1 error CTX136 2 patterns of this file, as `!src/`, "
        "name what is in website, but patterns are paths from the context ., so the build does "
        "not find its sources" in screen
    )
    assert "fix: write 2 lines as paths from .; sends 38 B in 2 files" in screen
    assert "CTX111" not in screen
    assert "!website`" not in screen
    assert cli("lint", "--fix", cwd=root).code == 1, "a person decides"
    assert cli("lint", "--unsafe-fixes", cwd=root).code == 0
    assert (root / "website/Dockerfile.dockerignore").read_text().splitlines() == [
        *("# an allow-list", "*", "!website/src/", "!website/package.json", "**/*.log")
    ]
    assert cli("check", "--max", "1MB", "-f", "website/Dockerfile", ".", cwd=root).code == 0


def test_a_file_in_the_wrong_directory_is_moved_with_its_paths(cli: Cli, tmp_path: Path) -> None:
    nodes: list[str | Node] = [COMPOSE, IN_DOCKER, "docker/cache/a", "docker/notes.txt", "src/a.c"]
    root = build_tree(tmp_path, [*nodes, file("docker/.dockerignore", b"cache\nnotes.txt\n")])
    done = cli("lint", cwd=root, columns=300)
    assert (
        "fix: rename it to docker/Dockerfile.dockerignore, with paths from .; ignores "
        in joined(done.lines)
    )
    assert cli("lint", "--unsafe-fixes", cwd=root).code == 0
    moved = root / "docker/Dockerfile.dockerignore"
    assert moved.read_bytes() == b"docker/cache\ndocker/notes.txt\n"
    assert not (root / "docker/.dockerignore").exists()


TRUE_PATHS = {
    "true paths": b"*\n!website/src\n!website/package.json\n",
    "at any depth": b"**/debug.log\n**/src\n",
    "one line that may be a name at the top": b"src\n",
    "some are true paths": b"Sources\nsrc\npackage.json\n",
}


@pytest.mark.parametrize("name", TRUE_PATHS)
def test_patterns_from_the_context_are_no_others(name: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, MACTERM)
    (root / "website/Dockerfile.dockerignore").write_bytes(TRUE_PATHS[name])
    assert "CTX136" not in cli("lint", "--json", cwd=root).out


FIRST_SCREENS: dict[str, tuple[list[str | Node], list[str], str]] = {
    "beside the Dockerfile": (
        [IN_DOCKER, file("docker/.dockerignore", LINES)],
        ["-f", "docker/Dockerfile", "."],
        "none; docker/.dockerignore is not read",
    ),
    "beside the Dockerfile, another governs": (
        [IN_DOCKER, file("docker/.dockerignore", LINES), file(".dockerignore", LINES)],
        ["-f", "docker/Dockerfile", "."],
        ".dockerignore (1 pattern); docker/.dockerignore is not read",
    ),
    "in other letters": (
        [ALL, file(".dockerIgnore", LINES)],
        ["."],
        "none; .dockerIgnore is not read",
    ),
    "without a dot": ([ALL, file("dockerignore", LINES)], ["."], "none; dockerignore is not read"),
    "without the ending of its Dockerfile": (
        [GADGET, file("images/gadget.dockerignore", LINES)],
        ["-f", "images/gadget.Dockerfile", "."],
        "none; images/gadget.dockerignore is not read",
    ),
    "in the context, for a Dockerfile elsewhere": (
        [IN_DOCKER, file("Dockerfile.dockerignore", LINES)],
        ["-f", "docker/Dockerfile", "."],
        "none; Dockerfile.dockerignore is not read",
    ),
    "no Dockerfile": ([file(".DockerIgnore", LINES)], ["."], "none; .DockerIgnore is not read"),
    "it is read": ([ALL, file(".dockerignore", LINES)], ["."], ".dockerignore (1 pattern)"),
    "of another build": (
        [ALL, file("dev.Dockerfile", COPY_ALL), file("dev.Dockerfile.dockerignore", LINES)],
        ["."],
        "none",
    ),
    "of Podman": ([ALL, file(".containerignore", LINES)], ["."], "none"),
    "replaced for this build, not for others": (
        [ALL, file("Dockerfile.dockerignore", LINES), file(".dockerignore", LINES)],
        ["."],
        "Dockerfile.dockerignore (1 pattern)",
    ),
}


@pytest.mark.parametrize("name", FIRST_SCREENS)
def test_the_first_screen_names_an_unread_ignore_file(name: str, cli: Cli, tmp_path: Path) -> None:
    nodes, options, words = FIRST_SCREENS[name]
    root = build_tree(tmp_path, [*nodes, *LOGS])
    (line,) = [line for line in cli(*options, cwd=root).lines if "Ignore file" in line]
    assert line.strip().removeprefix("Ignore file").strip() == words


def test_the_first_screen_lists_two_directories_and_opens_no_more(cli: Cli, tmp_path: Path) -> None:
    """A hostile directory in place of an ignore file, a FIFO and a loop of symlinks."""
    loop = link(".dockerIgnore", ".dockerIgnore")
    nodes: list[str | Node] = [IN_DOCKER, "docker/.dockerignore/a", loop]
    root = build_tree(tmp_path, [*nodes, *LOGS])
    os.mkfifo(root / "dockerignore")
    lines = cli("-f", "docker/Dockerfile", ".", cwd=root).lines
    assert [line.split()[-1] for line in lines if "Ignore file" in line] == ["none"]


def test_the_file_of_a_build_with_a_context_outside_is_read(cli: Cli, tmp_path: Path) -> None:
    compose = b"services:\n  a:\n    build: {context: .., dockerfile: r/web/Dockerfile}\n"
    nodes: list[str | Node] = [
        *(file("compose.yaml", compose), file("Dockerfile", COPY_ALL)),
        *(file("web/Dockerfile", COPY_ALL), file("web/Dockerfile.dockerignore", LINES)),
        ".git/HEAD",
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert "CTX127" not in cli("lint", "--json", cwd=root).out
    assert "CTX302" not in cli("scan", "--json", cwd=root).out
