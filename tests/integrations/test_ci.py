"""Where teams live: a CI script, the GitHub Action, pre-commit, GitLab; each run for real."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import REPOSITORY, environment
from tests.oracles.availability import require
from tests.trees import build_tree, file

RUST = [
    file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build --release\n"),
    file("Cargo.toml", b'[package]\nname = "x"\n'),
    file("src/main.rs", b"fn main() {}\n"),
    file("ctxsize.toml", b'max = "50MB"\n'),
]
BUILT = [
    file("target/debug/x", size_bytes=60_000_000),
    file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n"),
]
MAINS = ("__init__", "__main__")
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # so that it is off: pip reads the value of `--no-…` so
    "PYTHONPATH": sysconfig.get_path("purelib"),
}
"""Variables with which pip borrows the packages of this interpreter, and asks no index."""
CI = """\
#!/bin/sh
set -e
ctxsize check
echo built
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with this checkout's `ctxsize` in it."""
    directory = tmp_path_factory.mktemp("bin")
    program = directory / "ctxsize"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ctxsize "$@"\n')
    program.chmod(0o755)
    return directory


def run(command: str, cwd: Path, programs: Path, **more: str) -> subprocess.CompletedProcess[str]:
    more.setdefault("PATH", f"{programs}:{os.environ['PATH']}")
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", command],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_goes_from_green_to_red_and_back_by_the_printed_command(
    tmp_path: Path, programs: Path
) -> None:
    repository = build_tree(tmp_path / "repo", RUST)
    (repository / "ci.sh").write_text(CI)
    green = run("sh ci.sh", repository, programs)
    assert (green.returncode, green.stdout.splitlines()[-1]) == (0, "built")

    build_tree(repository, BUILT)
    red = run("sh ci.sh", repository, programs)
    assert red.returncode == 1
    assert "built" not in red.stdout
    assert "10.0 MB over its budget of 50.0 MB" in re.sub(r"\s+", " ", red.stdout)
    assert re.search(r"60\.0 MB +1 +>99% +target/debug/x\n", red.stdout)

    found = re.search(r"^Fix: (ctxsize .*?)(?:\n +|  )saves 60\.0 MB", red.stdout, re.MULTILINE)
    assert found is not None
    assert run(found[1], repository, programs).returncode == 0
    again = run("sh ci.sh", repository, programs)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "built")
    assert (repository / "target/debug/x").stat().st_size == 60_000_000


# --- GitHub


def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    return found


def expanded(text: str, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)


def installed(directory: Path, workspace: Path, **more: str) -> Path:
    """Run the first step in `workspace`, with `directory` for its files."""
    install = action()["runs"]["steps"][0]
    done = run(
        install["run"],
        workspace,
        directory,
        RUNNER_TEMP=str(directory),
        GITHUB_ACTION_PATH=str(REPOSITORY),
        **{**OFFLINE, **more},
    )
    assert done.returncode == 0, done.stderr
    (packages,) = directory.glob("ctxsize/lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(OFFLINE["PYTHONPATH"])
    return directory


def acted(
    runner: Path, cwd: Path, *, env: Mapping[str, str] | None = None, **given: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """What the second step does with the inputs `given`: process, outputs, summary."""
    definition = action()
    step = definition["runs"]["steps"][1]
    chosen = {key.replace("_", "-"): value for key, value in given.items()}
    assert set(chosen) <= set(definition["inputs"])
    inputs = {key: each["default"] for key, each in definition["inputs"].items()} | chosen
    variables = {key: expanded(value, inputs) for key, value in step["env"].items()}
    output, summary = runner / "output", runner / "summary"
    output.write_text("")
    summary.write_text("")
    done = run(
        step["run"],
        cwd,
        runner,
        RUNNER_TEMP=str(runner),
        GITHUB_ACTION_PATH=str(REPOSITORY),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
        PYTHONPATH="",
        **variables,
        **(env or {}),
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done, outputs, summary.read_text()


def test_the_action_does_what_it_says(runner: Path, tmp_path: Path) -> None:
    repository = build_tree(tmp_path / "repo; touch oops", RUST)
    done, outputs, summary = acted(runner, repository, max_files="9", file="Dockerfile")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(outputs) == set(action()["outputs"])
    assert outputs == {"bytes": "92", "files": "4", "delta": "", "passes": "true"}
    assert summary.startswith("### Build context budget: 🟢 kept")

    build_tree(repository, BUILT)
    done, outputs, summary = acted(runner, repository, sarif="out.sarif", context=".")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=Dockerfile,line=2,title=CTX401 over-budget::")
    assert outputs["passes"] == "false"
    assert "🔴" in summary
    assert json.loads((repository / "out.sarif").read_text())["version"] == "2.1.0"
    assert acted(runner, repository, exit_zero="true")[0].returncode == 0


def test_the_action_knows_how_much_was_added(runner: Path, tmp_path: Path, programs: Path) -> None:
    repository = build_tree(tmp_path / "repo", RUST)
    wrote = run("ctxsize check --baseline ../b.json --update-baseline", repository, programs)
    assert wrote.returncode == 0
    build_tree(repository, [file("more", size_bytes=1000)])
    done, outputs, _ = acted(runner, repository, baseline="../b.json", growth="2kB")
    assert (done.returncode, outputs["delta"]) == (0, "1000")


STRANGE_PATHS = [".", "", "bin", "./bin", "{work}", "{work}/bin", "{link}", "{work}/repo/.."]
"""Parts of PATH that lead into the workspace `{work}`."""
PROGRAMS = ("git", "python3", "cat", "ssh", "true", "cc", "gcc", "sh", "env", "mkdir", "rm")


def plant_programs(workspace: Path, witness: Path) -> None:
    """Make programs that leave their name and their parent's environment in `witness`."""
    text = f'#!/bin/bash\n{{ echo "$0"; tr "\\0" "\\n" < /proc/$PPID/environ; }} >> {witness}\n'
    for directory in (workspace, workspace / "bin"):
        directory.mkdir(exist_ok=True)
        for name in PROGRAMS:
            (directory / name).write_text(text)
            (directory / name).chmod(0o755)


def strange_path(workspace: Path) -> str:
    """Return a PATH that begins with each way into `workspace`."""
    link = workspace.parent / "link to it"
    link.symlink_to(workspace / "bin")
    parts = [form.format(work=workspace, link=link) for form in STRANGE_PATHS]
    return ":".join([*parts, os.environ["PATH"]])


def test_programs_of_the_workspace_do_not_run(runner: Path, tmp_path: Path) -> None:
    workspace = build_tree(tmp_path / "work", [*RUST, "repo/x"])
    witness = tmp_path / "witness"
    plant_programs(workspace, witness)
    more = {"GITHUB_WORKSPACE": str(workspace), "PATH": strange_path(workspace)}
    done, outputs, summary = acted(runner, workspace, max="50MB", env=more)
    assert (done.returncode, outputs["passes"], done.stderr) == (0, "true", "")
    assert summary.startswith("### Build context budget")
    assert not witness.exists(), witness.read_text()


def plant_everything(workspace: Path) -> Path:
    """Plant programs and modules that leave `started` or `imported` beside the workspace."""
    imported = workspace.parent / "imported"
    evil = f"open({str(imported)!r}, 'w')\n".encode()
    names = ("venv", "json", "pip", "ctxsize", "os", "sitecustomize")
    build_tree(workspace, RUST)
    build_tree(workspace, [file(f"{name}/{at}.py", evil) for name in names for at in MAINS])
    build_tree(workspace, [file("sys.py", evil), file("hashlib.py", evil)])
    plant_programs(workspace, workspace.parent / "started")
    return workspace


def test_nothing_of_the_workspace_runs_from_the_first_step_on(
    runner: Path, workspace: Path
) -> None:
    """Neither its programs nor its modules."""
    done, outputs, _ = acted(runner, workspace, max="50MB")
    assert (done.returncode, outputs["passes"]) == (0, "true")
    imported, started = workspace.parent / "imported", workspace.parent / "started"
    assert not imported.exists()
    assert not started.exists(), started.read_text()
    runs = [step["run"] for step in action()["runs"]["steps"]]
    pythons = [each for run in runs for each in re.findall(r'python3?"? .*', run)]
    assert len(pythons) == 3
    assert all(re.match(r'python3?"? -I ', each) for each in pythons)


def test_what_the_action_cannot_check_fails(runner: Path, tmp_path: Path) -> None:
    repository = build_tree(tmp_path / "repo", RUST)
    done, outputs, _ = acted(runner, repository, max="lots; touch oops")
    assert (done.returncode, outputs) == (2, {})
    assert "not a size" in done.stderr
    assert acted(runner, repository, context="--help")[0].returncode == 2
    assert not list(tmp_path.rglob("oops"))


def check_schema(name: str, path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{name}", str(path)],
        check=True,
        capture_output=True,
    )


def test_the_action_follows_the_schema_of_actions() -> None:
    check_schema("github-actions", REPOSITORY / "action.yml")


def snippet(heading: str) -> str:
    text = (REPOSITORY / "docs" / "ci.md").read_text()
    found = re.search(rf"## {heading}\n.*?```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_snippet_of_gitlab(tmp_path: Path, programs: Path) -> None:
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(snippet("GitLab CI"))
    check_schema("gitlab-ci", path)
    job = yaml.safe_load(path.read_text())["build context"]
    repository = build_tree(tmp_path / "repo", RUST)
    script = [line for line in job["script"] if not line.startswith("pip ")]
    assert run("\n".join(script), repository, programs).returncode == 0
    for report in job["artifacts"]["reports"].values():
        assert (repository / report).stat().st_size > 0


def test_snippets_use_the_versions_that_our_own_workflows_use() -> None:
    workflows = "".join(path.read_text() for path in (REPOSITORY / ".github").rglob("*.yml"))
    ours = dict(re.findall(r"uses: (\S+)@[0-9a-f]{40} # (v\d+)", workflows))
    pages = [*(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "ctxsize/cli/snippets.txt"]
    pages += [REPOSITORY / "README.md"]
    shown = {
        found
        for page in pages
        for found in re.findall(r"uses: ((?:actions|github)/\S+)@(v\d+)", page.read_text())
    }
    assert ("actions/checkout", ours["actions/checkout"]) in shown
    # Ours uploads no SARIF: version 3 ends in December 2026.
    known = {**ours, "github/codeql-action/upload-sarif": "v4"}
    assert dict(shown) == {name: known[name] for name, _ in shown}
    assert len(shown) == len({name for name, _ in shown})


def test_the_snippet_of_github() -> None:
    steps = yaml.safe_load(snippet("GitHub Actions"))
    given = next(step["with"] for step in steps if "ctxsize" in step.get("uses", ""))
    assert set(given) <= set(action()["inputs"])
    named = set(re.findall(r"outputs\.(\w+)", snippet("GitHub Actions")))
    assert named <= set(action()["outputs"])


# --- pre-commit


def git(*arguments: str, cwd: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with what a release holds, whatever state the checkout is in."""
    require("git")
    directory = tmp_path_factory.mktemp("hooks")
    names = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE")
    for name in (".pre-commit-hooks.yaml", *names):
        shutil.copy(REPOSITORY / name, directory)
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(REPOSITORY / "ctxsize", directory / "ctxsize", ignore=ignored)
    git("init", "-q", cwd=directory)
    git("add", ".", cwd=directory)
    git("commit", "-qm", "release", cwd=directory)
    git("tag", "v0.1.0", cwd=directory)
    return directory


OWN_GITCONFIG = """\
[core]
    attributesFile = /dev/null
    autocrlf = false
    fileMode = true
    hooksPath = /dev/null
    symlinks = true
[init]
    templateDir = /dev/null
"""
"""Overrules the system's file, which pre-commit reads: it starts git without `GIT_…` variables."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit")


def test_pre_commit_refuses_and_passes(hooks: Path, store: Path, tmp_path: Path) -> None:
    repository = build_tree(tmp_path / "repo", RUST)
    home = build_tree(tmp_path / "home", [file(".gitconfig", OWN_GITCONFIG.encode())])
    config = yaml.safe_load(snippet("pre-commit"))
    config["repos"][0]["repo"] = str(hooks)
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git("init", "-q", cwd=repository)
    git("add", ".", cwd=repository)

    def commit() -> subprocess.CompletedProcess[str]:
        variables = environment(PRE_COMMIT_HOME=str(store), HOME=str(home), **OFFLINE)
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"],
            cwd=repository,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    green = commit()
    assert green.returncode == 0, green.stdout + green.stderr
    assert re.search(r"build context budget\.+Passed", green.stdout)

    build_tree(repository, BUILT)
    (repository / ".dockerignore").write_text("/target # built\n")
    git("add", ".dockerignore", cwd=repository)
    red = commit()
    assert red.returncode == 1
    assert re.search(r"build context budget\.+Failed\n- hook id: ctxsize-check", red.stdout)
    assert re.search(r"lint ignore files\.+Failed", red.stdout)
    assert "CTX102" in red.stdout


def test_every_hook_names_a_command() -> None:
    from ctxsize.cli.commands import COMMANDS

    for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text()):
        assert hook["entry"].split()[:1] == ["ctxsize"]
        assert hook["entry"].split()[1] in COMMANDS
