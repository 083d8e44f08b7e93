"""The GitHub workflows name what this repository has: make targets, scripts and variables."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PIN = re.compile(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
PUBLISHING = ("publish", "publish-image", "publish-release")
"""The jobs of the release that may do more than read, and run for tags only."""


def load(workflow: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(workflow.read_text())
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in load(workflow)["jobs"].values():
        yield from job["steps"]


def jobs(name: str) -> dict[str, Any]:
    """Return the jobs of the workflow `name`."""
    return dict(load(ROOT / ".github" / "workflows" / f"{name}.yml")["jobs"])


def test_all_workflows_are_there() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["ci", "nightly", "release"]


@pytest.mark.parametrize(
    ("schema", "files"), [("github-workflows", WORKFLOWS), ("dependabot", [DEPENDABOT])]
)
def test_files_follow_their_schema(schema: str, files: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_no_weakness() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    files = [*WORKFLOWS, DEPENDABOT, ROOT / "action.yml"]
    done = subprocess.run(
        [zizmor, "--offline", "--no-config", "--quiet", *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_each_job_reads_only_and_ends(workflow: Path) -> None:
    loaded = load(workflow)
    assert loaded["permissions"] == {"contents": "read"}
    assert "concurrency" in loaded
    for name, job in loaded["jobs"].items():
        assert job["timeout-minutes"] <= 180, name
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert not writes or name in (*PUBLISHING, "image"), name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_steps_run_what_exists(workflow: Path) -> None:
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    targets = {name for command in commands for name in re.findall(r"\bmake (\w+)", command)}
    assert targets
    assert targets <= TARGETS
    scripts = {name for command in commands for name in re.findall(r"\.ci/\w+", command)}
    assert all((ROOT / script).exists() for script in scripts)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_a_commit_and_name_its_version(workflow: Path) -> None:
    actions = re.findall(r"uses: (.*)", workflow.read_text())
    assert actions
    assert [action for action in actions if not PIN.fullmatch(action)] == []


def test_one_action_has_one_version_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.*)", workflow.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert [action for action, versions in pins.items() if len(versions) > 1] == []


def test_jobs_need_jobs_that_exist() -> None:
    for workflow in WORKFLOWS:
        jobs = load(workflow)["jobs"]
        assert all(set(job.get("needs", [])) <= set(jobs) for job in jobs.values())


def test_ci_tests_each_supported_python_and_macos() -> None:
    ci = jobs("ci")
    project = (ROOT / "pyproject.toml").read_text()
    supported = re.findall(r"Python :: (3\.\d+)", project)
    assert ci["test"]["strategy"]["matrix"]["python"] == supported
    assert ci["macos"]["runs-on"].startswith("macos-")
    assert {"run": ".ci/run"} in ci["everything"]["steps"]


def test_ci_forbids_skips_only_where_all_tools_are() -> None:
    lenient = [name for name, job in jobs("ci").items() if job.get("env") == {"CI": "false"}]
    assert lenient == ["test", "macos"]


def test_release_builds_core_and_pure_wheels() -> None:
    release = jobs("release")
    assert release["pure"]["env"] == {"CTXSIZE_BUILD_NATIVE": "0"}
    project = (ROOT / "pyproject.toml").read_text()
    assert 'environment = { CTXSIZE_BUILD_NATIVE = "1" }' in project
    assert "test-command = '{project}/.ci/smoke \"compiled core\"'" in project


def test_release_publishes_only_tags_and_only_what_was_tried() -> None:
    release = jobs("release")
    assert {name for name in release if name.startswith("publish")} == {*PUBLISHING}
    for name in PUBLISHING:
        assert release[name]["if"] == "github.ref_type == 'tag'"
    for name in ("publish", "publish-image"):
        assert set(release[name]["needs"]) == {"pure", "core", "image"}
    assert set(release["publish-release"]["needs"]) == {"publish", "publish-image"}
    pushes = [step for step in release["image"]["steps"] if "docker push" in step.get("run", "")]
    assert [step["if"] for step in pushes] == ["github.ref_type == 'tag'"]


def test_everything_published_is_attested() -> None:
    release = jobs("release")
    uses = {name: [step.get("uses", "") for step in release[name]["steps"]] for name in PUBLISHING}
    for name in ("publish-image", "publish-release"):
        assert any(use.startswith("actions/attest@") for use in uses[name])
        assert release[name]["permissions"]["attestations"] == "write"
    assert release["publish"]["permissions"] == {"id-token": "write"}
    assert release["publish"]["steps"][-1]["with"] == {"attestations": True}


def test_release_notes_are_the_section_of_the_changelog() -> None:
    done = subprocess.run([ROOT / ".ci/notes", "0.1.0"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "\n### Added\n" in done.stdout
    assert "Unreleased" not in done.stdout
    assert "\n## " not in done.stdout
    assert subprocess.run([ROOT / ".ci/notes", "9.9"], capture_output=True).returncode == 1


def test_nightly_runs_sanitizers_and_fuzzing() -> None:
    commands = {step.get("run") for step in steps(ROOT / ".github" / "workflows" / "nightly.yml")}
    assert {"make sanitize", "make fuzz"} <= commands
