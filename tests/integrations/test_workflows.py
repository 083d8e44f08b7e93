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
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VERSION = re.compile(r"[\w/-]+@v\d+\.\d+\.\d+")


def load(workflow: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(workflow.read_text())
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in load(workflow)["jobs"].values():
        yield from job["steps"]


def test_both_workflows_are_there() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["nightly", "release"]


def test_workflows_follow_the_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    done = subprocess.run(
        [*command, "vendor.github-workflows", *WORKFLOWS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_steps_run_what_exists(workflow: Path) -> None:
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    targets = {name for command in commands for name in re.findall(r"\bmake (\w+)", command)}
    assert targets
    assert targets <= TARGETS
    scripts = {name for command in commands for name in re.findall(r"\.ci/\w+", command)}
    assert all((ROOT / script).exists() for script in scripts)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_a_version(workflow: Path) -> None:
    actions = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert actions
    assert [action for action in actions if not VERSION.fullmatch(action)] == []


def test_jobs_need_jobs_that_exist() -> None:
    for workflow in WORKFLOWS:
        jobs = load(workflow)["jobs"]
        assert all(set(job.get("needs", [])) <= set(jobs) for job in jobs.values())


def test_release_builds_core_and_pure_wheels() -> None:
    release = load(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert release["pure"]["env"] == {"CTXSIZE_BUILD_NATIVE": "0"}
    project = (ROOT / "pyproject.toml").read_text()
    assert 'environment = { CTXSIZE_BUILD_NATIVE = "1" }' in project
    assert "test-command = '{project}/.ci/smoke \"compiled core\"'" in project
    assert set(release["publish"]["needs"]) == {"pure", "core"}


def test_nightly_runs_sanitizers_and_fuzzing() -> None:
    commands = {step.get("run") for step in steps(ROOT / ".github" / "workflows" / "nightly.yml")}
    assert {"make sanitize", "make fuzz"} <= commands
