"""A doubt of `suggest` has a ground: something that a build reads; else there is no doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.recommender.test_suggest import repository
from tests.trees import Node, build_tree, file

Nodes = tuple[str | Node, ...]
DOCS = file("docs/guide.md", size_bytes=600_000)
SAFE = "documentation"
GO = (
    "FROM golang AS build\nWORKDIR /src\nCOPY . .\nRUN {}\n\n"
    "FROM scratch\nCOPY --from=build /app /\n"
)


def line_about(cli: Cli, root: Path, pattern: str) -> str:
    """Return what the screen says about a pattern; `""` if there is no such pattern on it."""
    result = cli("suggest", cwd=root)
    assert result.code == 0
    for line in result.lines:
        words = line.split()
        if pattern in words:
            return " ".join(words[words.index(pattern) + 1 :])
    return ""


def context(root: Path, run: str, *nodes: str | Node) -> Path:
    return build_tree(root, [file("Dockerfile", GO.format(run).encode()), "go.mod", *nodes])


GROUNDLESS: dict[str, tuple[str, Nodes]] = {
    "an address": (
        "go build -o /app .",
        (file("main.go", b'const page = "https://example.org/x/docs/guide.md"\n'),),
    ),
    "an address in a command": ("curl -o /x https://example.org/docs/x && go build", ()),
    "a comment": (
        "go build -o /app .",
        (file("main.go", b"package main\n\n// See docs/guide.md for more.\nfunc main() {}\n"),),
    ),
    "a comment of Python": ("pip install .", (file("setup.py", b"# See docs/guide.md.\n"),)),
    "a comment of many lines": (
        "npm run build",
        (file("a.ts", b"/**\n * See docs/guide.md for more.\n */\n"),),
    ),
}
GROUNDED: dict[str, tuple[str, Nodes, str]] = {
    "a source": (
        "go build -o /app .",
        (file("main.go", b'var guide = read("docs/guide.md")\n// See docs/x.\n'),),
        "main.go mentions it",
    ),
    "a comment that a tool reads": (
        "go build -o /app .",
        (file("c.go", b'// #include "docs/guide.h"\nimport "C"\n'),),
        "c.go mentions it",
    ),
    "a directive in a comment": (
        "npm run build",
        (file("a.js", b"// = require docs/guide\n// See docs/x.\n"),),
        "a.js mentions it",
    ),
    "requirements of a script": (
        "uv run x.py",
        (file("x.py", b'# /// script\n# guide = { path = "docs/guide" }\n# ///\n'),),
        "x.py mentions it",
    ),
}


@pytest.mark.parametrize("name", GROUNDLESS)
def test_words_that_no_build_reads_are_no_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    run, nodes = GROUNDLESS[name]
    assert line_about(cli, context(tmp_path / "ctx", run, DOCS, *nodes), "docs") == SAFE


@pytest.mark.parametrize("name", GROUNDED)
def test_words_that_a_build_reads_are_a_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    run, nodes, doubt = GROUNDED[name]
    assert line_about(cli, context(tmp_path / "ctx", run, DOCS, *nodes), "docs") == doubt


CHECKERS: dict[str, Nodes] = {
    "a spell-checker": (file("cspell.json", b'{"ignorePaths": ["docs/guide.md"]}\n'),),
    "a section for one": (
        file("pyproject.toml", b'[tool.codespell]\nskip = "docs/guide.md"\n\n[project]\n'),
    ),
    "a linter": (file("ruff.toml", b'exclude = ["docs"]\n'),),
    "a linter that bundlers run": (
        file("eslint.config.js", b'export default [{ ignores: ["docs/**"] }]\n'),
    ),
}


@pytest.mark.parametrize("name", CHECKERS)
def test_settings_of_a_checker_are_no_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    root = context(tmp_path / "ctx", "npm ci && npm run build", DOCS, *CHECKERS[name])
    assert line_about(cli, root, "docs") == SAFE


@pytest.mark.parametrize("run", ["npx cspell docs", "npm run lint", "make"])
def test_settings_of_a_checker_that_a_run_may_run_are_a_ground(
    cli: Cli, tmp_path: Path, run: str
) -> None:
    root = context(tmp_path / "ctx", run, DOCS, *CHECKERS["a spell-checker"])
    assert line_about(cli, root, "docs").endswith("mentions it")


def test_a_check_before_the_build_is_a_ground(cli: Cli, tmp_path: Path) -> None:
    package = file("package.json", b'{"scripts": {"prebuild": "cspell .", "build": "tsc"}}\n')
    nodes = (package, *CHECKERS["a spell-checker"])
    root = context(tmp_path / "ctx", "npm run build", DOCS, *nodes)
    assert line_about(cli, root, "docs") == "cspell.json mentions it"


def test_what_settings_of_a_linter_load_is_a_ground(cli: Cli, tmp_path: Path) -> None:
    settings = file("eslint.config.js", b'import rules from "./docs/rules.js"\n')
    root = context(tmp_path / "ctx", "npm run build", DOCS, settings)
    assert line_about(cli, root, "docs") == "eslint.config.js mentions it"


RELEASE = file("scripts/release.sh", b"#!/bin/sh\ntar czf out.tgz docs/\n")


@pytest.mark.parametrize("run", ["go build -o /app .", "apt-get install -y git && go build"])
def test_a_script_that_no_run_runs_is_no_ground(cli: Cli, tmp_path: Path, run: str) -> None:
    root = context(tmp_path / "ctx", run, DOCS, RELEASE, "main.go")
    assert line_about(cli, root, "docs") == SAFE


RUN_SCRIPTS: dict[str, tuple[str, Nodes]] = {
    "by a command": ("sh scripts/release.sh", ()),
    "by a loop": ("for step in scripts/*; do sh $step; done", ()),
    "by an unknown program": ("./build", ()),
    "by a manifest": (
        "npm run build",
        (file("package.json", b'{"scripts": {"build": "sh scripts/release.sh"}}\n'),),
    ),
    "by a source that puts its name together": (
        "npm run build",
        (file("build.js", b"run(`scripts/${step}.sh`)\n"),),
    ),
    "by another script": (
        "bash all.sh",
        (file("all.sh", b"#!/bin/bash\nscripts/release.sh\n"),),
    ),
}


@pytest.mark.parametrize("name", RUN_SCRIPTS)
def test_a_script_that_a_build_may_run_is_a_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    run, nodes = RUN_SCRIPTS[name]
    root = context(tmp_path / "ctx", run, DOCS, RELEASE, *nodes)
    assert line_about(cli, root, "docs") == "scripts/release.sh mentions it"


def makefile(text: str) -> Node:
    return file("Makefile", text.replace("  ", "\t").encode())


SITE = "site:\n  cp -r docs/ /www\n"
IDLE_TARGETS = {
    "no make": ("go build", f"build:\n  go build\n\n{SITE}"),
    "another target": (
        "make build",
        f".PHONY: all site\nall: build\n\nbuild:\n  go build\n\n{SITE}",
    ),
    "with a variable": ("make build V=$V", f"V = 1\nbuild:\n  go build\n\n{SITE}"),
    "the first target": ("make", f"build:\n  go build\n\n{SITE}"),
}
MADE_TARGETS = {
    "by its name": ("make site", f"build:\n  go build\n\n{SITE}"),
    "by default": ("make", SITE),
    "by the default that is set": ("make", f".DEFAULT_GOAL := site\nbuild:\n  go build\n\n{SITE}"),
    "as a part of another": ("make build", f"all:\n  true\n\nbuild: site\n  go build\n\n{SITE}"),
    "by a command of another": ("make build", f"build:\n  $(MAKE) site\n\n{SITE}"),
    "by a name that is not known": ("make $GOAL", f"build:\n  go build\n\n{SITE}"),
    "by a computed name": ("make build", f"build:\n  $(MAKE) $(NEXT)\n\n{SITE}"),
    "by a pattern": ("make build", f"build: $(addprefix s,ite)\n  go build\n\n{SITE}"),
    "outside of targets": ("make build", f"FILES = docs/guide.md\nbuild:\n  go build\n\n{SITE}"),
}


@pytest.mark.parametrize("name", IDLE_TARGETS)
def test_a_target_that_no_run_makes_is_no_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    run, text = IDLE_TARGETS[name]
    root = context(tmp_path / "ctx", run, DOCS, makefile(text))
    assert line_about(cli, root, "docs") == SAFE


@pytest.mark.parametrize("name", MADE_TARGETS)
def test_a_target_that_a_run_makes_is_a_ground(cli: Cli, tmp_path: Path, name: str) -> None:
    run, text = MADE_TARGETS[name]
    root = context(tmp_path / "ctx", run, DOCS, makefile(text))
    assert line_about(cli, root, "docs") == "Makefile mentions it"


def versioned(root: Path, line: str) -> Path:
    nodes = (file("App.csproj", f"<Project>\n  {line}\n</Project>\n".encode()), "Program.cs")
    context(root, "dotnet publish", *nodes)
    repository(root, "App.csproj", "Program.cs")
    return root


@pytest.mark.parametrize(
    "line",
    [
        "<TargetPlatformMinVersion>10.0</TargetPlatformMinVersion>",
        '<PackageReference Include="DigitVersion" />',
    ],
)
def test_an_expression_inside_a_word_is_no_ground(cli: Cli, tmp_path: Path, line: str) -> None:
    assert line_about(cli, versioned(tmp_path / "ctx", line), "**/.git") == "the git repository"


@pytest.mark.parametrize(
    "line",
    [
        '<PackageReference Include="MinVer" Version="6.0.0" />',
        "<MinVerTagPrefix>v</MinVerTagPrefix>",
        '<PackageReference Include="GitVersion.MsBuild" />',
    ],
)
def test_a_version_that_is_read_from_git_is_a_ground(cli: Cli, tmp_path: Path, line: str) -> None:
    root = versioned(tmp_path / "ctx", line)
    assert line_about(cli, root, "**/.git") == ""
    shown = cli("suggest", "--explain", "vcs.git", cwd=root).out
    assert "App.csproj reads its version from git" in " ".join(shown.split())


@pytest.mark.parametrize(
    "run",
    ["xx-cargo build --release", "nix build .#app", "nix -I x build", "nix-build -A app"],
)
def test_an_image_that_makes_it_in_its_own_way_needs_no_copy(
    cli: Cli, tmp_path: Path, run: str
) -> None:
    nodes = ("Cargo.toml", "src/main.rs", file("target/debug/app", size_bytes=5_000_000))
    root = context(tmp_path / "ctx", run, *nodes)
    assert line_about(cli, root, "**/target").startswith("Cargo's build output")


@pytest.mark.parametrize("run", ["nix profile install nixpkgs#hello", "xx-cargo --version"])
def test_an_image_that_makes_nothing_may_need_a_copy(cli: Cli, tmp_path: Path, run: str) -> None:
    nodes = ("Cargo.toml", "src/main.rs", file("target/debug/app", size_bytes=5_000_000))
    root = context(tmp_path / "ctx", run, *nodes)
    assert line_about(cli, root, "**/target").startswith("the image of Dockerfile may need it")


def test_a_file_that_the_same_proposal_hides_is_no_ground(cli: Cli, tmp_path: Path) -> None:
    settings = file(".vscode/settings.json", b'{"files.exclude": {"docs/guide.md": true}}\n')
    root = context(tmp_path / "ctx", "go build -o /app .", DOCS, settings, "main.go")
    assert line_about(cli, root, "docs") == SAFE
    assert cli("suggest", "--write", cwd=root).code == 0
    assert "docs" in (root / ".dockerignore").read_text().splitlines()
    again = cli("suggest", cwd=root).out
    assert again.startswith("Nothing safe to add")


def test_a_package_that_the_same_proposal_hides_reads_no_version(cli: Cli, tmp_path: Path) -> None:
    package = file("node_modules/x/package.json", b'{"scripts": {"v": "git describe"}}\n')
    nodes = ("package.json", "node_modules/.package-lock.json", package)
    root = context(tmp_path / "ctx", "npm ci", *nodes)
    repository(root, "package.json")
    assert line_about(cli, root, "**/.git") == "the git repository"
    assert cli("suggest", "--write", cwd=root).code == 0
    assert cli("suggest", cwd=root).out.startswith("Nothing safe to add")


CHECKPOINT = file("checkpoints/model.ckpt", size_bytes=5_000_000)


def test_a_doubt_says_what_a_build_may_need(cli: Cli, tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", "pip install .", "setup.py", CHECKPOINT)
    served = "may be a model that the image serves"
    assert line_about(cli, root, "**/checkpoints") == served
    repository(root, "setup.py")
    shown = " ".join(cli("suggest", "-v", cwd=root).out.split())
    assert f"Doubt: {served}; git does not track it, so CI builds without it" in shown


SPECS = file("e2e/page.spec.ts", size_bytes=600_000)
PLAYWRIGHT = file("playwright.config.ts", b'export default { testDir: "./e2e/" }\n')


def test_specs_beside_the_settings_of_their_runner_are_not_needed(cli: Cli, tmp_path: Path) -> None:
    skip = file("pyproject.toml", b'[tool.codespell]\nskip = "e2e/*"\n')
    root = context(tmp_path / "ctx", "npm run build", SPECS, PLAYWRIGHT, skip)
    assert line_about(cli, root, "e2e") == "tests that drive a browser"


@pytest.mark.parametrize(
    "node",
    [
        file("tsconfig.json", b'{"include": ["src", "e2e"]}\n'),
        file("package.json", b'{"workspaces": ["e2e"]}\n'),
        file("package.json", b'{"scripts": {"build": "jest && tsc"}}\n'),
    ],
)
def test_specs_that_a_build_compiles_or_runs_may_be_needed(
    cli: Cli, tmp_path: Path, node: Node
) -> None:
    root = context(tmp_path / "ctx", "npm run build", SPECS, PLAYWRIGHT, node)
    assert line_about(cli, root, "e2e").endswith("mentions it")
