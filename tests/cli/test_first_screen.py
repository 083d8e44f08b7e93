"""`ctxsize [DIR]` shows what `suggest` proves, and promises what the printed command does."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Result
from tests.trees import COPY_ALL, Node, build_tree, file

MB = 1_000_000
NODE = file(
    "Dockerfile",
    b"FROM node:22\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n",
)
PACKAGE = [file("package.json", b'{"name": "x"}\n'), "package-lock.json"]
MODULES = [
    file("node_modules/.package-lock.json", b'{"lockfileVersion": 3}'),
    file("node_modules/a/a.node", size_bytes=50 * MB),
]
PYTHON = file("Dockerfile", b"FROM python:3.13\nCOPY . .\nRUN pip install .\nCMD serve\n")


def git(where: Path, *arguments: str) -> None:
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=where, check=True, capture_output=True)


def repository(root: Path, nodes: list[str | Node], *tracked: str) -> Path:
    """Plant a repository in which git tracks these paths, ignored ones too."""
    build_tree(root, nodes)
    git(root, "init", "-q", ".")
    git(root, "add", "-f", *tracked)
    git(root, "commit", "-qm", "x")
    return root


def suggested(cli: Cli, root: Path) -> Any:
    return json.loads(cli("suggest", "--json", cwd=root).out)


def rows(screen: Result) -> dict[str, tuple[str, str]]:
    """Return the size and the note of each part on a screen."""
    found = {}
    for line in screen.lines:
        row = re.fullmatch(r" +(\S+ [kMG]?B) +[\d,]+ [ █▏▎▍▌▋▊▉]+(\S.*?)(?:  +(\S.*))?", line)
        if row:
            found[row[2]] = (row[1], row[3] or "")
    return found


def agrees(cli: Cli, root: Path) -> Result:
    """Hold the first screen against `suggest`: patterns, sizes, grounds, and what is promised."""
    screen = cli(cwd=root, columns=120)
    table = rows(cli("suggest", cwd=root, columns=120))
    shown = {part: row for part, row in rows(screen).items() if row[1]}
    for part, (size, note) in shown.items():
        lead, _, ground = note.partition(": ")
        assert lead in ("not needed", "confirm", "secret")
        assert table[part][0] == size
        assert table[part][1].startswith(ground.removesuffix(" …"))
    promise = re.search(
        r"^Next: (ctxsize suggest --write.*)  saves (.+)$", screen.out, re.MULTILINE
    )
    if promise:
        before = suggested(cli, root)
        assert cli(*shlex.split(promise[1])[1:], cwd=root).code == 0
        after = json.loads(cli("--json", cwd=root).out)
        saved = before["before"]["context"]["content_bytes"] - after["context"]["content_bytes"]
        assert saved > 0
        assert promise[2] == human(saved)
    else:
        assert not re.search(r"  saves \d", screen.out)
    return screen


def human(size: int) -> str:
    from ctxsize.units import human

    return human(size)


def test_packages_are_not_needed_and_the_command_saves_what_it_says(
    cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(tmp_path, [NODE, *PACKAGE, *MODULES, file("src/a.js", size_bytes=20 * MB)])
    screen = agrees(cli, root)
    assert screen.lines[0].startswith(
        "Worth a look: 70.0 MB in 6 files would be sent; 50.0 MB (71%) is not needed"
    )
    assert "**/node_modules  not needed: installed packages" in screen.out
    assert cli("-q", cwd=root).out == "Fine: 20.0 MB in 3 files would be sent\n"


def test_a_model_needs_a_confirmation_in_the_words_of_suggest(cli: Cli, tmp_path: Path) -> None:
    """`first-minutes.md` A6: nothing is called unneeded that `suggest` then refuses."""
    nodes: list[str | Node] = [
        *(PYTHON, file("pyproject.toml", b'[project]\nname = "m"\nversion = "1"\n')),
        file(".gitignore", b"checkpoints/\ndata/\n.venv/\n"),
        *(".venv/pyvenv.cfg", file(".venv/lib/torch.so", size_bytes=30 * MB)),
        file("checkpoints/step-1/model.safetensors", size_bytes=60 * MB),
        file("data/train.bin", size_bytes=25 * MB),
        "train.py",
    ]
    root = repository(tmp_path, nodes, "Dockerfile", "pyproject.toml", ".gitignore", "train.py")
    screen = agrees(cli, root)
    assert "looks" not in screen.out
    assert "matches .gitignore" not in screen.out
    assert "**/.venv" in screen.out
    # What is left is asked about, and nothing is promised.
    left = agrees(cli, root)
    assert re.search("^Next: ctxsize suggest  (shows|asks about)", left.out, re.MULTILINE)
    assert "Nothing safe to add" in cli("suggest", cwd=root).out


def test_git_is_not_blamed_where_the_version_comes_from_it(cli: Cli, tmp_path: Path) -> None:
    """`field.md` D4a."""
    manifest = (
        b'[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'
        b'[project]\nname = "m"\ndynamic = ["version"]\n[tool.setuptools_scm]\n'
    )
    nodes = [PYTHON, file("pyproject.toml", manifest), "m.py"]
    root = repository(tmp_path, nodes, "Dockerfile", "pyproject.toml", "m.py")
    build_tree(root, [file(".git/objects/pack/x.bin", size_bytes=90 * MB)])
    screen = agrees(cli, root)
    assert "is not needed" not in screen.lines[0]
    assert "**/.git" not in screen.out
    assert not re.search(r"  saves \d", screen.out)


@pytest.mark.parametrize("name", [".codex", ".gemini", ".serena", ".specstory"])
def test_directories_of_coding_agents_are_not_needed(cli: Cli, tmp_path: Path, name: str) -> None:
    """`field.md` D4b."""
    inside = {".serena": "project.yml", ".specstory": "history/2026-01-01.md"}
    nodes = [NODE, *PACKAGE, file(f"{name}/{inside.get(name, 'config.toml')}", b"a = 1\n")]
    root = build_tree(tmp_path, [*nodes, file(f"{name}/sessions/log", size_bytes=5 * MB)])
    screen = agrees(cli, root)
    assert "5.0 MB (>99%) is not needed" in screen.lines[0]
    assert rows(screen)[name][1].startswith("not needed: ")


def test_what_git_ignores_but_tracks_is_not_called_unneeded(cli: Cli, tmp_path: Path) -> None:
    ignored = file(".gitignore", b"assets/\n")
    nodes = [NODE, *PACKAGE, ignored, file("assets/logo.bin", size_bytes=5 * MB)]
    root = repository(tmp_path, nodes, "Dockerfile", "package.json", "assets/logo.bin")
    screen = agrees(cli, root)
    assert "needed" not in screen.lines[0]
    assert rows(screen)["assets/"] == ("5.0 MB", "")


def test_a_secret_is_named_and_can_be_accepted(cli: Cli, tmp_path: Path) -> None:
    nodes = [NODE, *PACKAGE, file(".env", b"TOKEN=x\n"), file("a", size_bytes=9 * MB)]
    root = build_tree(tmp_path, nodes)
    screen = cli(cwd=root)
    assert screen.lines[0] == "Worth a look: 9.0 MB in 5 files would be sent; 1 secret"
    assert rows(screen)["**/.env"][1] == "secret: environment variables"
    assert screen.lines[1] == "Next: ctxsize suggest --write  keeps secrets out of the context"
    table = '[[suppress]]\ncode = "CTX511"\npath = ".env"\nreason = "made up"\n'
    (root / "ctxsize.toml").write_text(table)
    assert "1 secret" not in cli(cwd=root).out


def test_a_failing_build_is_corrected_first(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM node:22\nCOPY package*.json ./\nRUN npm ci\nCOPY nope ./\nCOPY . .\n"
    root = build_tree(tmp_path, [file("Dockerfile", text), *PACKAGE, *MODULES])
    screen = cli(cwd=root)
    assert screen.lines[0].startswith("The build fails: ")
    assert "Next: ctxsize explain --source 4" in screen.out
    assert not re.search(r"  saves \d", screen.out)


def test_nothing_is_promised_if_nothing_is_safe(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(
        tmp_path, [NODE, file(".dockerignore", b"Dockerfile\n.dockerignore\n"), *PACKAGE]
    )
    screen = agrees(cli, root)
    assert screen.lines[0].startswith("Fine: ")
    assert "suggest" not in screen.out


def test_a_sibling_that_sends_much_more_is_named(cli: Cli, tmp_path: Path) -> None:
    """Of the two Dockerfiles of outline the usual one takes 8 kB, the other sends everything."""
    nodes = [
        file("Dockerfile", b"FROM a\nCOPY package.json ./\n"),
        file("Dockerfile.base", COPY_ALL),
        file("src/a.ts", size_bytes=3 * MB),
        *PACKAGE,
    ]
    root = repository(tmp_path, nodes, ".")
    assert cli(cwd=root).lines[0].startswith("Fine: ")
    command = "ctxsize suggest -f Dockerfile.base"
    promise = f"Next: {command}  Dockerfile.base sends 3.0 MB of this context"
    assert promise in cli(cwd=root, columns=120).lines
    base = json.loads(cli(*command.split()[1:], "--json", cwd=root).out)
    assert human(base["before"]["transfer"]["content_bytes"]) == "3.0 MB"
    (root / "src/a.ts").write_bytes(b"")
    assert "Dockerfile.base" not in cli(cwd=root).out


def test_a_secret_that_only_a_sibling_takes_is_not_counted(cli: Cli, tmp_path: Path) -> None:
    """The build of langfuse's `worker` takes none of the settings that its `web` takes."""
    nodes = [
        file("Dockerfile", b"FROM a\nCOPY package.json ./\n"),
        file("Dockerfile.web", COPY_ALL),
        file(".env", b"TOKEN=x\n"),
        *PACKAGE,
    ]
    root = build_tree(tmp_path, nodes)
    screen = cli(cwd=root)
    assert screen.lines[0].startswith("Fine: ")
    assert "secret" not in screen.out
    assert "1 secret" in cli("-f", "Dockerfile.web", cwd=root).lines[0]


def test_the_json_has_the_advice_beside_the_report(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [NODE, *PACKAGE, *MODULES])
    shape = json.loads(cli("--json", cwd=root).out)
    assert shape["verdict"] == {"level": "worth-a-look"}
    assert shape["suggest"] == suggested(cli, root)
    measured = json.loads(cli("measure", "--json", cwd=root).out)
    assert "suggest" not in measured


def test_the_page_of_measure_has_the_verdict_and_marks_what_is_not_needed(
    cli: Cli, tmp_path: Path
) -> None:
    """`first-minutes.md` A5."""
    root = build_tree(tmp_path, [NODE, *PACKAGE, *MODULES])
    first, second = cli(cwd=root, columns=120).lines[:2]
    assert cli("measure", "--format", "html=page.html", cwd=root).code == 0
    text = (root / "page.html").read_text()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert data is not None
    shown = json.loads(data[1])
    (one,) = shown["maps"]
    assert (shown["kind"], one["verdict"], one["next"]) == ("measure", first, second)
    assert next(rule["text"] for rule in one["rules"] if rule["chosen"]) == ["**/node_modules"]
