"""Hazards: small files that break or spoil a build, on every screen that speaks of them.

Each claim about a tool was tried with the tool itself: hatchling 1.28, poetry-core 2.2, flit_core,
pdm-backend, uv_build and setuptools 80 by pip and uv 0.13; tsc 5.4, 5.9 and 7.0; npm 10.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.config import Budget
from ctxsize.findings import Finding
from ctxsize.guard.checking import check
from tests.trees import Node, build_tree, file

PYTHON = "FROM python:3.13\nWORKDIR /app\n{}\n"
NODE = "FROM node:22\nWORKDIR /app\n{}\n"
SYNC = "COPY pyproject.toml uv.lock ./\nRUN uv sync --locked\nCOPY . ."
README = 'readme = "README.md"'


def project(*lines: str, backend: str = "hatchling.build") -> str:
    """Return a `pyproject.toml` with these lines in `[project]`."""
    head = ["[project]", 'name = "a"', 'version = "1"']
    return "\n".join(
        [*head, *lines, "[build-system]", "requires = []", f'build-backend = "{backend}"', ""]
    )


@dataclass(frozen=True)
class Row:
    """A Dockerfile, an ignore file and further files by path, and what is found."""

    dockerfile: str
    files: dict[str, str]
    found: tuple[str, ...] = ()
    ignored: str | None = None


def path_of(name: str) -> str:
    """Return a name of an argument as a path, with `__` for slashes and `_` for dots."""
    if "/" in name:
        return name
    return name.replace("__", "/").replace("_", ".")


def python(run: str, manifest: str = project(README), *found: str, **files: str) -> Row:
    """Return a row about a project of Python with a README and a licence."""
    texts = {path_of(name): text for name, text in files.items()}
    return Row(
        PYTHON.format(run),
        {"pyproject.toml": manifest, "README.md": "x", "LICENSE": "x", "uv.lock": "", **texts},
        found,
    )


def node(run: str, *found: str, ignored: str | None = None, **files: str) -> Row:
    """Return a row about a package of Node.js."""
    texts = {path_of(name): text for name, text in files.items()}
    return Row(NODE.format(run), {"package.json": "{}", **texts}, found, ignored)


def hook(name: str) -> str:
    return f'{{"scripts": {{"{name}": "node scripts/p.js"}}}}'


NOT_COPIED = "CTX143 no COPY brings README.md before `{}`, but pyproject.toml:4 needs it"
UV = NOT_COPIED.format("uv sync")
LICENCE = "CTX143 no COPY brings LICENSE before `uv sync`, but pyproject.toml:4 needs it"
SCRIPT = "CTX143 no COPY brings scripts/p.js before `npm ci`, but package.json:1 needs it"
RECORD = '{"fileNames": [], "options": {"outDir": "./dist"}, "version": "5.9.3"}'
STALE = "CTX140 tsconfig.tsbuildinfo is sent, but not dist/, which it describes: `{}`"
BUILD = "COPY . .\nRUN npm run build"
TSC = '{"scripts": {"build": "npm run compile", "compile": "tsc -p ."}}'
INSTALL = "COPY package*.json ./\nRUN npm ci\nCOPY . ."
OVER = "CTX141 COPY (line 5) puts node_modules of this machine over what `npm ci` (line 4)"
HOST = {"node_modules/a/i.js": "x"}
NEXT = (
    "FROM node AS deps\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\n"
    "FROM node\nWORKDIR /app\nCOPY --from=deps /app/node_modules ./node_modules\n{}\nRUN true\n"
)
DOTNET = (
    "FROM mcr.microsoft.com/dotnet/sdk:9.0\nWORKDIR /src\nCOPY App/App.csproj App/\n"
    "RUN dotnet restore App/App.csproj\nCOPY . .\nRUN dotnet publish{} App\n"
)
OBJ = {"App/App.csproj": "", "App/obj/project.assets.json": "{}"}
VENV = {"_venv__pyvenv_cfg": "x", "_venv__bin__python": "x"}

SPEAKS = {
    "uv sync": python(SYNC, project(README), UV),
    "a table": python(SYNC, project('readme = {file = "README.md"}'), UV),
    "a mount of the manifest": python(
        "RUN --mount=type=bind,source=pyproject.toml,target=pyproject.toml uv sync",
        project(README),
        UV,
    ),
    "poetry": python(
        "COPY pyproject.toml .\nRUN poetry install --only main",
        project(README, backend="poetry.core.masonry.api"),
        NOT_COPIED.format("poetry install"),
    ),
    "pip": python(
        "COPY pyproject.toml ./\nCOPY src src\nRUN pip install --no-cache-dir .",
        project(README),
        NOT_COPIED.format("pip install"),
        src__a_py="",
    ),
    "extras": python(
        "COPY pyproject.toml ./\nRUN pip install -e '.[dev]'",
        project(README),
        NOT_COPIED.format("pip install"),
    ),
    "a wheel": python(
        "COPY pyproject.toml ./\nRUN python -m build --wheel",
        project(README),
        NOT_COPIED.format("build"),
    ),
    "a directory of the image": python(
        "COPY pyproject.toml /srv/\nRUN uv pip install --system /srv",
        project(README),
        NOT_COPIED.format("uv pip install"),
    ),
    "a licence": python(SYNC, project('license = {file = "LICENSE"}'), LICENCE),
    "licence files": python(SYNC, project('license-files = ["LICENSE"]', backend="uv_build"),
        LICENCE),
    "setup.cfg": python(
        "COPY setup.* ./\nRUN pip install .",
        "",
        "CTX143 no COPY brings VERSION before `pip install .`, but setup.cfg:2 needs it",
        setup_cfg="[metadata]\nversion = file: VERSION\nlong_description = file: README.md\n",
        VERSION="1",
    ),
    "setup.py": python(
        "COPY setup.py ./\nRUN pip install .",
        "",
        "CTX143 no COPY brings README.md before `pip install .`, but setup.py:1 needs it",
        setup_py='setup(long_description=open("README.md").read())\n',
    ),
    "postinstall": node("COPY package.json ./\nRUN npm ci\nCOPY . .", SCRIPT,
        package_json=hook("postinstall"), scripts__p_js=""),
    "prepare": node("COPY package.json ./\nRUN npm ci --omit=dev", SCRIPT,
        package_json=hook("prepare"), scripts__p_js=""),
    "npm pack": node("COPY package.json ./\nRUN npm pack", SCRIPT.replace("npm ci", "npm pack"),
        package_json=hook("prepack"), scripts__p_js=""),
    "tsc": node("COPY . .\nRUN npx tsc -b", STALE.format("tsc"), ignored="dist\n",
        tsconfig_tsbuildinfo=RECORD, dist__a_js=""),
    "a script": node(BUILD, STALE.format("npm run build"), ignored="dist\n",
        package_json=TSC, tsconfig_tsbuildinfo=RECORD, dist__a_js=""),
    "a workspace": node(
        "COPY . .\nRUN npx turbo run build", "CTX140 packages/b/a.tsbuildinfo is sent",
        ignored="**/dist\n", package_json='{"workspaces": ["packages/*"]}',
        packages__b__package_json=TSC, packages__b__a_tsbuildinfo=RECORD),
    "a reference": node(
        "COPY . .\nRUN tsc --build", "CTX140 lib/tsconfig.tsbuildinfo is sent", ignored="**/dist\n",
        tsconfig_json='{"references": [{"path": "./lib"}]}', lib__tsconfig_tsbuildinfo=RECORD),
    "packages of this machine": node(INSTALL, OVER, **HOST),
    "packages of another stage": Row(
        NEXT.format("COPY . ."), {"package.json": "{}", "node_modules/a": "x"},
        ("CTX141 COPY (line 8) puts node_modules of this machine over what `npm ci` (line 4)",)),
    "a virtual environment": python(
        "COPY pyproject.toml README.md uv.lock ./\nRUN uv sync --locked\nCOPY . .",
        project(README),
        "CTX141 COPY (line 5) puts .venv of this machine over what `uv sync` (line 4)", **VENV),
    ".NET": Row(DOTNET.format(" --no-restore"), OBJ,
        ("CTX141 COPY (line 5) puts App/obj of this machine over what `dotnet restore",)),
}  # fmt: skip
SILENT = {
    "a README that is copied": python(
        "COPY pyproject.toml uv.lock README.md ./\nRUN uv sync --locked"),
    "a README by a pattern": python("COPY pyproject.toml *.md ./\nRUN uv sync"),
    "all before": python("COPY . .\nRUN uv sync"),
    "a mount of all": python("RUN --mount=type=bind,target=.,rw uv sync"),
    "a mount of the README": python(
        "COPY pyproject.toml ./\nRUN --mount=type=bind,source=README.md,target=README.md uv sync"),
    "dependencies alone": python(SYNC.replace("--locked", "--no-install-project")),
    "by a variable": python(SYNC.replace("uv sync", "UV_NO_INSTALL_PROJECT=1 uv sync")),
    "by a variable of the image": python("ENV UV_NO_INSTALL_PROJECT=1\n" + SYNC),
    "without the root": python(
        "COPY pyproject.toml ./\nRUN poetry install --no-root",
        project(README, backend="poetry.core.masonry.api")),
    "no readme": python(SYNC, project()),
    "setuptools, which only warns": python(SYNC, project(README, backend="setuptools.build_meta")),
    "a long description of setup.cfg": python(
        "COPY setup.cfg ./\nRUN pip install .", "",
        setup_cfg="[metadata]\nlong_description = file: README.md\n"),
    "hatchling, without a licence": python(SYNC, project('license-files = ["LICENSE"]')),
    "no package": python(SYNC, project(README) + "[tool.uv]\npackage = false\n"),
    "no build system": python(SYNC, f'[project]\nname = "a"\n{README}\n'),
    "requirements": python("COPY pyproject.toml r.txt ./\nRUN pip install -r r.txt -t .", r_txt=""),
    "a README that is made": python(
        "COPY pyproject.toml ./\nRUN touch README.md && uv sync"),
    "a README that may be cloned": python("COPY pyproject.toml ./\nRUN git clone x . && uv sync"),
    "a README of another stage": python(
        "COPY pyproject.toml ./\nCOPY --from=alpine / ./\nRUN uv sync"),
    "a command that may fail": python("COPY pyproject.toml ./\nRUN uv sync || true"),
    "a copy with an option": python(
        "COPY pyproject.toml ./\nCOPY --exclude=*.py . ./\nRUN uv sync"),
    "a README that is not there": python(SYNC, project('readme = "OTHER.md"')),
    "another stage": Row(
        PYTHON.format(SYNC) + "FROM scratch\nCOPY a /\n",
        {"pyproject.toml": project(README), "README.md": "", "uv.lock": "", "a": ""}),
    "no hooks": node("COPY package.json ./\nRUN npm ci --ignore-scripts",
        package_json=hook("postinstall"), scripts__p_js=""),
    "a hook that is not run": node("COPY package.json ./\nRUN npm ci",
        package_json=hook("prepublishOnly"), scripts__p_js=""),
    "output that is sent": node("COPY . .\nRUN npx tsc -b",
        tsconfig_tsbuildinfo=RECORD, dist__a_js=""),
    "a record that is ignored": node("COPY . .\nRUN npx tsc", ignored="dist\n*.tsbuildinfo\n",
        tsconfig_tsbuildinfo=RECORD),
    "a check of types": node("COPY . .\nRUN npx tsc --noEmit", ignored="dist\n",
        tsconfig_tsbuildinfo=RECORD),
    "a record of a check of types": node("COPY . .\nRUN npx tsc", ignored="dist\n",
        tsconfig_tsbuildinfo=RECORD.replace("}, ", '}, "affectedFilesPendingEmit": [1], ')),
    "a script of a bundler": node(BUILD, ignored="dist\n",
        package_json='{"scripts": {"build": "tsc --noEmit && vite build"}}',
        tsconfig_tsbuildinfo=RECORD),
    "nothing compiled": node("COPY . .\nRUN npm ci", ignored="dist\n",
        package_json=TSC, tsconfig_tsbuildinfo=RECORD),
    "packages that are ignored": node(INSTALL, ignored="node_modules\n", **HOST),
    "packages whose files are ignored": node(INSTALL, ignored="node_modules/*\n", **HOST),
    "packages that are installed later": node("COPY . .\nRUN npm ci", **HOST),
    "packages that are installed again": node(f"{INSTALL}\nRUN npm ci", **HOST),
    "packages that are removed": node(f"{INSTALL}\nRUN rm -rf node_modules", **HOST),
    "a copy of sources": node("COPY package.json ./\nRUN npm ci\nCOPY src src", src__a_js="",
        **HOST),
    "packages that come from a stage at last": Row(
        NEXT.format("COPY . .\nCOPY --from=deps /app/node_modules ./node_modules"),
        {"package.json": "{}", "node_modules/a": "x"}),
    ".NET with a restore": Row(DOTNET.format(""), OBJ),
    ".NET that has only built": Row(
        DOTNET.format(" --no-restore"), {"App/App.csproj": "", "App/obj/a.dll": ""}),
    "an environment elsewhere": python(
        "ENV UV_PROJECT_ENVIRONMENT=/venv\nCOPY pyproject.toml README.md ./\nRUN uv sync\nCOPY . .",
        project(README), **VENV),
}  # fmt: skip


Plant = Callable[[Row], Path]
Find = Callable[[Path], tuple[Finding, ...]]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    def plant(row: Row) -> Path:
        nodes: list[str | Node] = [file("Dockerfile", row.dockerfile.encode())]
        nodes += (file(path, text.encode()) for path, text in row.files.items())
        if row.ignored is not None:
            nodes.append(file(".dockerignore", row.ignored.encode()))
        return build_tree(tmp_path / "context", nodes)

    return plant


def of_lint(root: Path) -> tuple[Finding, ...]:
    findings = api.lint([str(root)]).findings
    # Of a directory that is not there yet nothing is sent, so it is no hazard.
    return tuple(
        finding
        for finding in findings
        if "CTX13" <= finding.code < "CTX2" and finding.code != "CTX135"
    )


def of_check(root: Path) -> tuple[Finding, ...]:
    (checked,) = check(str(root), budget=Budget(max_bytes=10**9)).checks
    assert checked.passes
    return checked.findings


@pytest.mark.parametrize("find", [of_lint, of_check])
@pytest.mark.parametrize("name", SPEAKS)
def test_a_hazard_is_reported(name: str, find: Find, plant: Plant) -> None:
    row = SPEAKS[name]
    messages = [f"{finding.code} {finding.message}" for finding in find(plant(row))]
    assert len(messages) == len(row.found)
    for message, start in zip(messages, row.found, strict=True):
        assert message.startswith(start)


@pytest.mark.parametrize("find", [of_lint, of_check])
@pytest.mark.parametrize("name", SILENT)
def test_what_breaks_nothing_is_no_hazard(name: str, find: Find, plant: Plant) -> None:
    assert [finding.message for finding in find(plant(SILENT[name]))] == []


@pytest.mark.parametrize("name", ["tsc", "packages of this machine", "a virtual environment"])
def test_suggest_proposes_what_removes_a_hazard(name: str, plant: Plant) -> None:
    root = plant(SPEAKS[name])
    (root / "large").write_bytes(bytes(3_000_000))
    hazards = [each for each in api.suggest(str(root)).suggestions if each.hazard]
    assert [each.safe for each in hazards] == [True]
    api.suggest(str(root), write=True)
    assert of_check(root) == ()


@pytest.mark.parametrize("name", ["tsc", "packages that are ignored", "a workspace"])
def test_lint_fixes_what_a_pattern_removes(name: str, plant: Plant) -> None:
    root = plant(SPEAKS.get(name) or SILENT[name])
    (linted,) = api.lint([str(root)], fix=True, select=["CTX14"]).files
    assert linted.findings == ()


def versioned(root: Path, ignored: str, dockerfile: str = "COPY . .\nRUN pip install .") -> Path:
    nodes = [
        file("pyproject.toml", b'[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n'),
        file("Dockerfile", PYTHON.format(dockerfile).encode()),
        file(".dockerignore", ignored.encode()),
        "docs/a.md",
        "src/a.py",
    ]
    build_tree(root, nodes)
    commit = ["-c", "user.name=a", "-c", "user.email=a", "commit", "-mx"]
    for words in (["init"], ["add", "-A"], commit):
        subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)
    return root


DIRTY = "git in the image sees 1 tracked file as deleted, as "


@pytest.mark.parametrize("find", [of_lint, of_check])
def test_a_version_from_git_is_dirty_if_tracked_files_are_hidden(
    tmp_path: Path, find: Find
) -> None:
    (finding,) = find(versioned(tmp_path, "docs\n"))
    assert finding.code == "CTX142"
    assert finding.message.startswith(DIRTY)
    assert "hides docs/a.md: the version that pyproject.toml takes from git" in finding.message


@pytest.mark.parametrize(
    ("ignored", "dockerfile"),
    [
        ("docs\n.git\n", "COPY . .\nRUN pip install ."),
        ("*.log\n", "COPY . .\nRUN pip install ."),
        ("docs\n", "COPY src src\nRUN pip install ."),
        ("docs\n", "COPY . .\nRUN pip install -r src/a.py"),
        ("docs\n", "ARG SETUPTOOLS_SCM_PRETEND_VERSION\nCOPY . .\nRUN pip install ."),
        ("docs\n", "COPY . .\nRUN git checkout . && pip install ."),
        ("docs\n", "COPY . .\nRUN git describe --always > v"),
    ],
)
def test_a_version_that_is_not_dirty_is_no_hazard(
    tmp_path: Path, ignored: str, dockerfile: str
) -> None:
    assert of_check(versioned(tmp_path, ignored, dockerfile)) == ()


def test_git_describe_sees_the_hidden_files(tmp_path: Path) -> None:
    run = "COPY . .\nRUN git describe --tags --dirty > version"
    (finding,) = of_check(versioned(tmp_path, "docs\nDockerfile\n", run))
    assert "2 tracked files" in finding.message
