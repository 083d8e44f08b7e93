"""Fixtures that hand out the engines, and the budgets of the property tests."""

from __future__ import annotations

import gc
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ctxsize.formats.sections import measured
from tests.examples import copy_of_examples
from tests.isolation import isolate
from tests.oracles import answers
from tests.oracles.availability import require, unavailable
from tests.oracles.core import is_core, older_differs
from tests.oracles.engines import MODE, Asking, Docker, Podman, Session
from tests.oracles.golibrary import GoLibrary, go_library, missing_library
from tests.oracles.installed import AGES, RECORDED, Installation
from tests.story import repository

ENGINES = {"docker", "docker_platforms", "buildah"}
_AGE = re.compile(rf"(?:(?<=\[)|-)(?:{'|'.join(AGES)})(?=[-\]])")
"""What tells the two runs of one test apart in its name."""
SMOKE = (
    *("tests/cli/", "tests/test_api.py", "tests/test_public.py", "tests/test_shell.py"),
    *("tests/engine/test_patterns.py", "tests/engine/test_recorded.py", "tests/dockerfile/"),
    *("tests/writer/test_merge.py", "tests/formats/", "tests/config/", "tests/repository/"),
)
"""What every interpreter runs at each change."""
COUNTS = pytest.StashKey[Counter[str]]()
_LINES_AT_ONCE = 12
"""Number of lines of a message that are shown before the end of the run."""

# Engines and trees on disk take their time; a slow example is no failure. Examples are
# the same in every run: `make fuzz` searches at random.
_CALM = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
_FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20000"))
settings.register_profile("suite", _CALM, max_examples=40, derandomize=True)
settings.register_profile("full", _CALM, max_examples=200, derandomize=True)
settings.register_profile("fuzz", _CALM, max_examples=_FUZZ_EXAMPLES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", metavar="SEED", help="run modules, and tests in each, at random")


def pytest_configure(config: pytest.Config) -> None:
    config.add_cleanup(isolate())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Failures(config))
    config.addinivalue_line("markers", "engine: asks an engine (set by its fixtures)")
    config.addinivalue_line("markers", "smoke: also run with the other interpreters")
    config.addinivalue_line("markers", "fuzz: a property that `make fuzz` runs at length")
    config.stash[COUNTS] = Counter()
    # The expected texts are those of Linux; `tests/cli/test_other_systems.py` has the difference.
    measured.READS_ATTRIBUTES = True


class _Failures:
    """Name each failure at once, also one of another process; the reports follow in the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        reason = getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longrepr)
        terminal.write("\n")
        terminal.write_line(f"FAILED {report.nodeid} ({report.when})", red=True, bold=True)
        for line in str(reason).splitlines()[:_LINES_AT_ONCE]:
            terminal.write_line(f"    {line}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what asks an engine, what an older one answers otherwise, and what is smoke."""
    if sys.getfilesystemencoding() != "utf-8":
        raise pytest.UsageError("The tests need UTF-8 names. Set PYTHONUTF8=1.")
    if config.option.shuffle is not None:
        _shuffle(items, config.option.shuffle)
    for item in items:
        if item.nodeid.startswith(SMOKE):
            item.add_marker(pytest.mark.smoke)
        if not ENGINES & set(getattr(item, "fixturenames", ())):
            continue
        item.add_marker(pytest.mark.engine)
        reason = older_differs(item.nodeid)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector from walking all tests, now and whenever a test makes many objects."""
    gc.disable()
    result = yield
    gc.collect()
    gc.freeze()
    gc.enable()
    return result


def _shuffle(items: list[pytest.Item], seed: str) -> None:
    """Put modules in a random order, and the tests of each, which share what is dear to make."""
    order = random.Random(seed)
    modules = dict.fromkeys(item.location[0] for item in items)
    rank = {module: order.random() for module in modules}
    order.shuffle(items)
    items.sort(key=lambda item: rank[item.location[0]])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add up what a process of pytest-xdist asked."""
    told = getattr(node, "workeroutput", {}).get("engines", {})
    node.config.stash[COUNTS].update(told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["engines"] = dict(session.config.stash[COUNTS])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which engine answered how many questions, and which could not be asked."""
    for name, number in sorted(config.stash[COUNTS].items()):
        terminalreporter.write_line(f"{name}: {number} answers")
    if MODE != "recorded":
        for engine, age in RECORDED:
            installed = Installation(engine, age)
            if installed.problem is not None:
                terminalreporter.write_line(
                    f"{installed.name}: not asked, recordings decide: {installed.problem}"
                )


@pytest.fixture(scope="session")
def engines(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Session]:
    """The engines of this process; what they answered is recorded if that was asked for."""
    session = Session(tmp_path_factory.getbasetemp())
    yield session
    session.close()
    request.config.stash[COUNTS].update(session.counts)
    if MODE == "record":
        answers.spool(session.rows, session.tests)


def _asking(
    kind: type[Asking], engine: str, session: Session, request: pytest.FixtureRequest
) -> Any:
    path, _, case = request.node.nodeid.removeprefix("tests/").partition("[")
    live = MODE == "all" or (MODE == "core" and is_core(path, case))
    test = _AGE.sub("", request.node.nodeid.removeprefix("tests/"))
    platforms = "docker_platforms" in request.fixturenames
    installed = Installation(engine, request.param)
    return kind(session, installed, test, live, platforms=platforms)


@pytest.fixture(params=AGES)
def docker(engines: Session, request: pytest.FixtureRequest) -> Docker:
    """Docker as this test asks it, the newer one and the older one."""
    asking: Docker = _asking(Docker, "docker", engines, request)
    return asking


@pytest.fixture(params=AGES)
def docker_platforms(engines: Session, request: pytest.FixtureRequest) -> Docker:
    """A Docker that builds for several platforms at once."""
    asking: Docker = _asking(Docker, "docker", engines, request)
    return asking


@pytest.fixture(params=AGES)
def buildah(engines: Session, request: pytest.FixtureRequest) -> Podman:
    """Buildah as this test asks it, the newer one and the older one."""
    asking: Podman = _asking(Podman, "buildah", engines, request)
    return asking


@pytest.fixture(scope="session")
def devtools() -> None:
    """Asks for docker-devtools, which comes with the test dependencies."""
    require("devtools")


@pytest.fixture(scope="session")
def golibrary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoLibrary]:
    """Docker's Go libraries, compiled and started once."""
    reason = missing_library()
    if reason is not None:
        unavailable(reason)
    with go_library(tmp_path_factory.mktemp("gomatch")) as running:
        yield running


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a copy of `examples`, which a test leaves as it found it."""
    return copy_of_examples(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of the story, which a test leaves as it found it: it has 44,000 files."""
    return repository.build(tmp_path_factory.mktemp("story") / "services")


@pytest.fixture
def services(story: Path) -> Iterator[Path]:
    """The repository of the story; what a test changes in it, `target/` aside, is undone."""
    yield story
    repository.restore(story)


@pytest.fixture(params=["core", "Python"])
def each_walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test run with the compiled core, and again with the Python walk."""
    if request.param == "core":
        require("core")
    monkeypatch.setenv("CTXSIZE_NATIVE", str(int(request.param == "core")))
