"""Patterns for directories that are not there yet, which a tool makes on every machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxsize import api
from ctxsize.config import Config
from ctxsize.knowledge.rules import all_rules
from ctxsize.knowledge.tools import has_tools
from ctxsize.recommender.outcome import Advice, Suggestion
from ctxsize.recommender.prevention import _foreseeing
from tests.trees import Node, build_tree, file

NPM = "FROM node:22\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n"
PIP = "FROM python:3\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"


def clone(
    root: Path, dockerfile: str, *nodes: str | Node, ignored: str = "", own: str = ""
) -> Path:
    """Make a fresh clone: a repository in which git tracks everything that is there."""
    written = [*nodes, file("Dockerfile", dockerfile.encode())]
    if ignored:
        written.append(file(".gitignore", ignored.encode()))
    if own:
        written.append(file(".dockerignore", own.encode()))
    build_tree(root, written)
    for arguments in (["init", "-q"], ["add", "-A", "-f"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


def foreseen(root: Path, **options: object) -> list[Suggestion]:
    advice = api.suggest(str(root), **options)  # type: ignore[arg-type]
    return [suggestion for suggestion in advice.suggestions if suggestion.prevents]


def prevented(root: Path, **options: object) -> dict[str, str]:
    """Return the patterns, each with the command that makes what it keeps out."""
    return {
        line: suggestion.prevents
        for suggestion in foreseen(root, **options)
        for line in suggestion.patterns
    }


class Clone(NamedTuple):
    """A project as it is cloned, and the patterns that prevent."""

    dockerfile: str
    files: tuple[str, ...]
    ignored: str
    patterns: dict[str, str]


def built(command: str) -> str:
    return f"FROM x\nWORKDIR /src\nCOPY . .\nRUN {command}\n"


CLONES = {
    "npm": Clone(
        NPM,
        ("package.json", "package-lock.json", "src/a.js"),
        "node_modules\ndist\n",
        {"**/node_modules": "npm ci", "**/dist": "npm run build"},
    ),
    "yarn": Clone(
        built("yarn install && yarn build"),
        ("package.json", "yarn.lock", "next.config.js"),
        "",
        {"**/node_modules": "yarn install", "**/.next": "next build"},
    ),
    "pnpm, a workspace": Clone(
        built("pnpm install && pnpm build"),
        ("package.json", "pnpm-lock.yaml", "packages/a/package.json", "packages/b/package.json"),
        "",
        {"**/node_modules": "pnpm install"},
    ),
    "next, with the .gitignore of its template": Clone(
        built("npm ci && npm run build"),
        ("package.json", "package-lock.json", "next.config.ts"),
        "/node_modules\n/.next/\n/out/\n/build\n",
        {"**/node_modules": "npm ci", "**/.next": "next build"},
    ),
    "a build that makes no `build`, with a line of a template": Clone(
        built("npm ci && npm run build"),
        ("package.json", "package-lock.json", "vite.config.ts"),
        "/build\n",
        {"**/node_modules": "npm ci"},
    ),
    "docusaurus": Clone(
        built("npm ci && npm run build"),
        ("package.json", "package-lock.json", "docusaurus.config.js"),
        "/build\n",
        {"**/node_modules": "npm ci", "build": "npm run build"},
    ),
    "bun": Clone(
        built("bun install"),
        ("package.json", "bun.lock"),
        "",
        {"**/node_modules": "bun install"},
    ),
    "cargo, a workspace": Clone(
        built("cargo build --release"),
        ("Cargo.toml", "Cargo.lock", "crates/a/Cargo.toml", "crates/a/src/lib.rs"),
        "",
        {"**/target": "cargo build"},
    ),
    "uv": Clone(
        built("uv sync --frozen"),
        ("pyproject.toml", "uv.lock", "app/__init__.py"),
        "",
        {"**/__pycache__": "Python", "**/.venv": "uv sync"},
    ),
    "uv, with the .gitignore of everybody": Clone(
        built("uv sync --frozen"),
        ("pyproject.toml", "uv.lock", "app/__init__.py"),
        "__pycache__/\n.venv\nvenv/\n",
        {"**/__pycache__": "Python", "**/.venv": "uv sync"},
    ),
    "poetry": Clone(
        built("poetry install"),
        ("pyproject.toml", "poetry.lock", "app/__init__.py"),
        "",
        {"**/__pycache__": "Python", "**/.venv": "poetry install"},
    ),
    "pip, with the .gitignore of everybody": Clone(
        PIP,
        ("requirements.txt", "main.py"),
        "__pycache__/\n.venv\nvenv/\n",
        {"**/__pycache__": "Python", "**/.venv": "python -m venv", "**/venv": "python -m venv"},
    ),
    "pip": Clone(PIP, ("requirements.txt", "main.py"), "", {"**/__pycache__": "Python"}),
    "maven": Clone(
        built("mvn package"),
        ("pom.xml", "src/main/java/A.java"),
        "target/\n",
        {"**/target": "mvn package"},
    ),
    "gradle": Clone(
        built("./gradlew build"),
        ("settings.gradle", "build.gradle", "gradlew", "app/build.gradle"),
        ".gradle\nbuild\n",
        {"build": "gradle build", "app/build": "gradle build", "**/.gradle": "gradle"},
    ),
    "composer": Clone(
        built("composer install"),
        ("composer.json", "composer.lock", "src/a.php"),
        "/vendor/\n",
        {"vendor": "composer install"},
    ),
    "bundler": Clone(
        built("bundle install"),
        ("Gemfile", "Gemfile.lock", "app.rb"),
        "/vendor/bundle\n",
        {"vendor/bundle": "bundle install"},
    ),
    "dotnet": Clone(
        built("dotnet publish"),
        ("App.sln", "src/App/App.csproj", "src/App/Program.cs"),
        "[Bb]in/\n[Oo]bj/\n",
        {"src/App/bin": "dotnet build", "**/obj": "dotnet restore"},
    ),
    "elixir": Clone(
        built("mix deps.get && mix compile"),
        ("mix.exs", "mix.lock", "lib/a.ex"),
        "/_build/\n/deps/\n",
        {"**/_build": "mix compile", "deps": "mix deps.get"},
    ),
    "dart": Clone(
        built("dart pub get && dart compile exe bin/a.dart"),
        ("pubspec.yaml", "bin/a.dart"),
        "",
        {"**/.dart_tool": "dart pub get"},
    ),
}


@pytest.mark.parametrize("name", CLONES)
def test_what_a_tool_will_make_is_kept_out_of_a_fresh_clone(name: str, tmp_path: Path) -> None:
    dockerfile, files, ignored, patterns = CLONES[name]
    root = clone(tmp_path / "ctx", dockerfile, *files, ignored=ignored)
    assert prevented(root) == patterns


@pytest.mark.parametrize("name", CLONES)
def test_a_second_run_finds_nothing_to_prevent(name: str, tmp_path: Path) -> None:
    dockerfile, files, ignored, _ = CLONES[name]
    root = clone(tmp_path / "ctx", dockerfile, *files, ignored=ignored)
    before = api.suggest(str(root), write=True)
    assert before.written
    again = api.suggest(str(root), write=True)
    assert (again.suggestions, again.written) == ((), False)


def only_these(advice: Advice) -> set[str]:
    return {line for each in advice.suggestions if not each.prevents for line in each.patterns}


@pytest.mark.parametrize("name", CLONES)
def test_prevention_saves_nothing_and_is_no_finding(name: str, tmp_path: Path) -> None:
    dockerfile, files, ignored, patterns = CLONES[name]
    root = clone(tmp_path / "ctx", dockerfile, *files, ignored=ignored)
    advice = api.suggest(str(root))
    for suggestion in advice.suggestions:
        if suggestion.prevents:
            assert suggestion.size.context.files == 0
            assert (suggestion.safe, suggestion.doubts) == (True, ())
    lines = {line for finding in advice.findings for line in finding.lines}
    assert lines.isdisjoint(patterns)


SILENT = {
    "a name that a COPY takes": (
        "FROM node:22\nCOPY . .\nRUN npm ci && npm run build\nCOPY dist /srv\n",
        "package.json package-lock.json",
        "dist\n",
        {"**/node_modules"},
    ),
    "a name that a mount takes": (
        "FROM node:22\nCOPY . .\nRUN npm ci && npm run build\n"
        "RUN --mount=type=bind,source=dist,target=/d cp -r /d /srv\n",
        "package.json package-lock.json",
        "dist\n",
        {"**/node_modules"},
    ),
    "a name that git tracks elsewhere": (
        NPM,
        "package.json package-lock.json vendor/x/node_modules/a.js vendor/x/dist/b.js",
        "dist\nnode_modules\n",
        set(),
    ),
    "a name of sources without a line of .gitignore": (
        NPM,
        "package.json package-lock.json",
        "node_modules\n",
        {"**/node_modules"},
    ),
    "a line of .gitignore that is undone": (
        NPM,
        "package.json package-lock.json",
        "dist\n!dist\n",
        {"**/node_modules"},
    ),
    "no command that makes it": (
        "FROM node:22\nCOPY . .\nCMD node src/a.js\n",
        "package.json package-lock.json src/a.js",
        "node_modules\ndist\n",
        set(),
    ),
    "no manifest": (NPM, "src/a.js", "node_modules\ndist\n", set()),
    "a directory that no build takes": (
        "FROM node:22\nCOPY package.json package-lock.json /app/\nCOPY src /app/src\nRUN npm ci\n",
        "package.json package-lock.json src/a.js",
        "node_modules\n",
        set(),
    ),
    "a manifest of a fixture": (
        built("go build"),
        "go.mod main.go testdata/web/package.json testdata/web/package-lock.json",
        "",
        set(),
    ),
    "packages in zip files": (
        built("yarn install"),
        "package.json yarn.lock .pnp.cjs",
        "",
        set(),
    ),
    "modules of sources without a line of .gitignore": (
        built("composer install"),
        "composer.json composer.lock",
        "",
        set(),
    ),
}


@pytest.mark.parametrize("why", SILENT)
def test_nothing_is_prevented_without_proof(why: str, tmp_path: Path) -> None:
    dockerfile, files, ignored, patterns = SILENT[why]
    root = clone(tmp_path / "ctx", dockerfile, *files.split(), ignored=ignored)
    assert {*prevented(root)} == patterns


COVERED = {
    "a line for all depths": "**/node_modules\n**/dist\n",
    "lines for the top, without packages below": "node_modules\ndist\n",
    "an allow-list": "*\n!src\n!package*.json\n",
}


@pytest.mark.parametrize("why", COVERED)
def test_what_a_pattern_covers_already_is_not_prevented(why: str, tmp_path: Path) -> None:
    files = ("package.json", "package-lock.json", "src/a.js")
    root = clone(tmp_path / "ctx", NPM, *files, ignored="node_modules\ndist\n", own=COVERED[why])
    assert prevented(root) == {}


def test_packages_below_need_the_pattern_for_all_depths(tmp_path: Path) -> None:
    files = ("package.json", "package-lock.json", "packages/a/package.json")
    root = clone(tmp_path / "ctx", NPM, *files, own="node_modules\n")
    assert prevented(root) == {"**/node_modules": "npm ci"}


def test_a_directory_that_exists_is_judged_by_evidence(tmp_path: Path) -> None:
    """Without a Dockerfile that builds it, `dist` may be what the image serves."""
    root = clone(
        tmp_path / "ctx", NPM, "package.json", "package-lock.json", ignored="node_modules\ndist\n"
    )
    build_tree(root, ["dist/index.html"])
    assert {*prevented(root)} == {"**/node_modules"}


def test_a_directory_below_what_is_hidden_is_none_of_the_project(tmp_path: Path) -> None:
    files = ("package.json", "package-lock.json")
    root = clone(tmp_path / "ctx", NPM, *files, ignored="node_modules\ndist\n")
    build_tree(root, ["node_modules/.package-lock.json", "node_modules/x/dist/index.js"])
    assert {*prevented(root)} == {"**/dist"}
    api.suggest(str(root), write=True)
    assert api.suggest(str(root)).suggestions == ()


def test_without_a_repository_no_name_of_sources_is_prevented(tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "ctx",
        [
            *("package.json", "package-lock.json"),
            file("Dockerfile", NPM.encode()),
            file(".gitignore", b"dist\nnode_modules\n"),
        ],
    )
    assert {*prevented(root)} == {"**/node_modules"}


def test_without_a_build_nothing_is_prevented(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["package.json", "package-lock.json"])
    assert prevented(root) == {}


def test_the_classic_builder_sends_what_no_instruction_takes(tmp_path: Path) -> None:
    dockerfile = "FROM node:22\nCOPY package.json /app/\nRUN npm ci\nCOPY src /app/src\n"
    root = clone(tmp_path / "ctx", dockerfile, "package.json", "package-lock.json", "src/a.js")
    assert prevented(root) == {}
    assert prevented(root, builder="classic") == {"**/node_modules": "npm ci"}


def test_a_part_that_no_command_builds_gets_no_pattern_for_all_depths(tmp_path: Path) -> None:
    dockerfile = "FROM node:22\nWORKDIR /app\nCOPY . .\nWORKDIR /app/web\nRUN npm ci\n"
    files = [f"{part}/{name}" for part in ("web", "tool") for name in ("package.json", "a.js")]
    root = clone(tmp_path / "ctx", dockerfile, *files, "web/package-lock.json")
    assert prevented(root) == {"web/node_modules": "npm ci"}


def test_only_chooses_a_prevention(tmp_path: Path) -> None:
    files = ("package.json", "package-lock.json")
    root = clone(tmp_path / "ctx", NPM, *files, ignored="dist\n")
    advice = api.suggest(str(root), only=["node.dist"], write=True)
    assert [each.patterns for each in advice.suggestions if each.chosen] == [("**/dist",)]
    text = (root / ".dockerignore").read_text()
    assert "# The built files of a package, made by npm run build\n**/dist\n" in text


def test_exceptions_do_not_undo_a_prevention(tmp_path: Path) -> None:
    files = ("package.json", "package-lock.json", "packages/a/package.json", "packages/a/i.js")
    root = clone(tmp_path / "ctx", NPM, *files, own="*\n!packages\n!package*.json\n")
    assert prevented(root) == {"**/node_modules/**": "npm ci"}
    api.suggest(str(root), write=True)
    build_tree(root, [file("packages/a/node_modules/x/i.js", size_bytes=1_000_000)])
    assert api.measure(str(root)).context.totals.content_bytes < 10_000


SOURCES = {"build", "bin", "dist", "out", "vendor", "target"}


def test_names_that_people_give_to_sources_need_a_line_of_gitignore() -> None:
    for rule in _foreseeing():
        for foresight in rule.foreseen:
            for name in foresight.names:
                if not SOURCES.isdisjoint(name.split("/")) and rule.name != "rust.target":
                    assert foresight.git_ignored, rule.name


def test_traps_of_foreseen_rules_have_no_grounds_in_files() -> None:
    """Otherwise a suggestion of the same run could hide the ground of a doubt."""
    for rule in _foreseeing():
        assert not {"mentioned", "site_generator"} & {*rule.traps}, rule.name


def test_each_foreseen_artefact_has_a_tool_that_makes_it() -> None:
    tools = {rule.name for rule in _foreseeing() if has_tools(rule.name)}
    assert tools >= {"node.modules", "node.dist", "rust.target", "python.venv", "php.vendor"}
    assert not [rule.name for rule in all_rules().values() if rule.foreseen and rule.never]


@pytest.mark.parametrize("name", CLONES)
def test_lint_asks_for_what_suggest_prevents(name: str, tmp_path: Path) -> None:
    dockerfile, files, ignored, patterns = CLONES[name]
    root = clone(tmp_path / "ctx", dockerfile, *files, ignored=ignored, own="none\n")
    # The content of `pyproject.toml` is no TOML here.
    findings = api.lint([str(root)], select=["CTX135"], config=Config()).findings
    asked = {line for finding in findings for line in finding.lines}
    assert asked == {*patterns} == {*prevented(root)}
    api.suggest(str(root), write=True)
    assert api.lint([str(root)], select=["CTX135"], config=Config()).findings == ()
