"""Fixtures that hand out the real engines, and the budgets of the property tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.oracles.availability import require, unavailable
from tests.oracles.buildah import Buildah, buildah_in
from tests.oracles.dockerd import Dockerd, DockerdError, running_dockerd
from tests.oracles.golibrary import GoLibrary, go_library, missing_library

ENGINES = {"docker", "docker_platforms", "buildah"}

# Engines and trees on disk take their time; a slow example is no failure.
_CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
_FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20000"))
settings.register_profile("suite", _CALM, max_examples=100)
settings.register_profile("fuzz", _CALM, max_examples=_FUZZ_EXAMPLES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine: asks a real engine (set by its fixtures)")
    config.addinivalue_line("markers", "fuzz: a property that `make fuzz` runs at length")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses an engine, so that ``-m 'not engine'`` needs no discipline.

    Of several processes one keeps all tests of an engine, since each would start its own.
    """
    for item in items:
        for engine in sorted(ENGINES & set(getattr(item, "fixturenames", ()))):
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.xdist_group(engine))


@pytest.fixture(scope="session", autouse=True)
def _alone_but_for_xdist(request: pytest.FixtureRequest) -> Iterator[None]:
    """A worker of pytest-xdist has a thread of which `threading` does not know: it awaits orders.

    If it counted, nothing would be asked in bulk here, and no process would help.
    """
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(request.config, "workerinput"):
            patch.setattr("ctxsize.engine.bulk._threads", threading.active_count)
        yield


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """A private Docker daemon, started once; its log stays in pytest's directory."""
    with _docker(tmp_path_factory.getbasetemp() / "dockerd.log") as running:
        yield running


@pytest.fixture(scope="session")
def docker_platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """Another one, which builds for several platforms at once."""
    log = tmp_path_factory.getbasetemp() / "dockerd-platforms.log"
    with _docker(log, platforms=True) as running:
        yield running


@contextmanager
def _docker(log: Path, *, platforms: bool = False) -> Iterator[Dockerd]:
    require("docker")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(running_dockerd(log, platforms=platforms))
        except DockerdError as error:
            unavailable(str(error))
        yield running


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """A buildah with its own empty storage."""
    require("buildah")
    with buildah_in(tmp_path_factory.mktemp("buildah")) as ready:
        yield ready


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
