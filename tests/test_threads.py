"""Every public function may run in several threads at once, also with one request for all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ctxsize
from ctxsize.engine import automaton, evaluate
from ctxsize.go import regexp
from tests.trees import build_tree, file

THREADS = 4
ROUNDS = 2
RULES = b"**/*.log\n!keep/**\nd[0-9]*/x\n**/\xc3\xa9?[a-z]*\n*~\n"
DOCKERFILE = b"FROM node:20 AS a\nCOPY . .\nRUN npm ci && (cd d1; make)\nFROM a\nCOPY src /s\n"


@pytest.fixture
def eager() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let caches be cleared all the time."""
    monkeypatch.setattr(automaton, "_MOST_NAMES", 2)
    monkeypatch.setattr(automaton, "_MOST_STATES", 2)
    monkeypatch.setattr(evaluate, "_MOST_DIRECTORIES", 2)
    monkeypatch.setattr(regexp, "_MOST_CACHED_BYTES", 4_000)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    nodes = [file("Dockerfile", DOCKERFILE), file(".dockerignore", RULES), "keep/a.log"]
    nodes += [f"d{number}/{name}" for number in range(6) for name in ("x", "y.log", "éa", "z~")]
    nodes += [file("package.json", b"{}"), "node_modules/.yarn-integrity", "src/main.js"]
    nodes += [file("compose.yaml", b"services:\n  web:\n    build: .\n")]
    return build_tree(tmp_path / "ctx", nodes)


def in_threads(deed: Callable[[], object]) -> list[object]:
    """Return what a deed returns each time, in several threads at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(deed) for _ in range(THREADS * ROUNDS)]
        return [each.result() for each in running]


DEEDS: dict[str, Callable[[ctxsize.Plan], object]] = {
    "measure": lambda plan: ctxsize.measure(plan, ignored=True),
    "measure of a text": lambda plan: ctxsize.measure(plan, data=b"*.md\n"),
    "ls": lambda plan: [*ctxsize.ls(plan, ignored=True)],
    "explain": lambda plan: ctxsize.explain(["d1/x", "keep/a.log", "d2/éa"], plan),
    "suggest": lambda plan: ctxsize.suggest(plan),
    "plan_ignore_file": lambda plan: ctxsize.plan_ignore_file(plan, mode="allowlist"),
    "lint": lambda plan: ctxsize.lint(plan.context),
    "advise": lambda plan: ctxsize.advise(plan.context).findings,
    "scan": lambda plan: ctxsize.scan(plan.context).rows,
    "discover": lambda plan: ctxsize.discover(plan.context).builds,
    "check": lambda plan: ctxsize.check(plan.context, budget=ctxsize.Budget(10**6)),
    "diff": lambda plan: ctxsize.diff(plan.context, plan.context),
    "clean_plan": lambda plan: ctxsize.clean_plan(plan.context, recent_s=0).items,
}


@pytest.mark.usefixtures("eager", "tiny")
@pytest.mark.parametrize("name", DEEDS)
def test_one_plan_serves_several_threads(context: Path, name: str) -> None:
    expected = DEEDS[name](ctxsize.plan_for(context))
    plan = ctxsize.plan_for(context)
    assert in_threads(lambda: DEEDS[name](plan)) == [expected] * (THREADS * ROUNDS)


@pytest.mark.usefixtures("eager", "tiny")
def test_one_spec_serves_several_threads() -> None:
    lines = [f"d{number}/**/[a-é]{number}*" for number in range(10)]
    paths = [f"d{number}/{deep}é{number}x" for number in range(10) for deep in ("", "a/", "b/c/")]
    paths += [f"d{number}/{deep}x" for number in range(10) for deep in ("", "a/", "b/c/")]
    expected = [ctxsize.DockerIgnoreSpec.from_lines(lines).match_file(path) for path in paths]
    spec = ctxsize.DockerIgnoreSpec.from_lines(lines)
    found = in_threads(lambda: [spec.match_file(path) for path in paths])
    assert found == [expected] * (THREADS * ROUNDS)
    assert {*expected} == {True, False}


@pytest.mark.usefixtures("eager", "tiny")
def test_expressions_serve_several_threads() -> None:
    """Patterns that Python's `re` reads otherwise share one cache in the process."""
    machines = [regexp.Machine(f"^a{number}[a-z]*(b|c{number})*$") for number in range(6)]
    texts = [f"a{number}xyzb" for number in range(6)]
    expected = [[machine.search(text) for text in texts] for machine in machines]
    found = in_threads(lambda: [[machine.search(text) for text in texts] for machine in machines])
    assert found == [expected] * (THREADS * ROUNDS)
