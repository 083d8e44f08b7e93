"""Engines as tests ask them: by a recorded answer, or by the engine itself where it must be.

`CTXSIZE_ENGINES` says how: `recorded` (what is not recorded is asked if it can be),
`core` (tests with a case of `core.py` ask the engine), `all`, or `record`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracles import answers
from tests.oracles.answers import Result, Row
from tests.oracles.availability import in_ci, unavailable
from tests.oracles.buildah import Buildah, BuildahResult, buildah_in
from tests.oracles.buildkit import BuildResult
from tests.oracles.classic import ClassicResult
from tests.oracles.dockerd import Dockerd, DockerdError, running_dockerd
from tests.oracles.installed import Installation
from tests.oracles.questions import Question, asked

MODE = os.environ.get("CTXSIZE_ENGINES") or ("core" if in_ci() else "recorded")


@dataclass
class Session:
    """The engines of one test process: each is started when it is first needed."""

    directory: Path
    counts: Counter[str] = field(default_factory=Counter)
    """Number of answers, by the engine's name and where they came from."""
    rows: list[Row] = field(default_factory=list)
    """What is to be recorded."""
    tests: set[str] = field(default_factory=set)
    """The tests that asked."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _running: dict[tuple[Installation, bool], Any] = field(default_factory=dict)

    def engine(self, installed: Installation, *, platforms: bool = False) -> Any:
        """Return the running engine, or skip the test (in CI: fail it) if there is none."""
        if installed.absent is not None:
            unavailable(installed.absent)
        key = installed, platforms
        if key not in self._running:
            self._running[key] = self._start(installed, platforms)
        return self._running[key]

    def _start(self, installed: Installation, platforms: bool) -> Dockerd | Buildah:
        name = f"{installed.engine}-{installed.age}{'-platforms' * platforms}"
        if installed.engine == "buildah":
            return self._stack.enter_context(buildah_in(self.directory / name, installed))
        log = self.directory / f"{name}.log"
        try:
            started = running_dockerd(log, installed, platforms=platforms)
            return self._stack.enter_context(started)
        except DockerdError as error:
            unavailable(str(error))

    def close(self) -> None:
        """Stop all of them."""
        self._stack.close()


@dataclass
class Asking:
    """One engine, as one test asks it."""

    session: Session
    installed: Installation
    test: str
    live: bool
    """Whether this test asks the engine although its answers are recorded."""
    platforms: bool = False
    _occurrences: Counter[str] = field(default_factory=Counter)
    _before: str = ""

    @property
    def age(self) -> str:
        """`newer` or `older`."""
        return self.installed.age

    def _answer(self, question: Question, ask: Callable[[Any], Result]) -> Any:
        key = self._key(question)
        known = None if MODE == "record" else answers.answer(key, self.age, question)
        if known is not None and not (self.live and self.installed.problem is None):
            self._count("recorded")
            return known
        result = ask(self.session.engine(self.installed, platforms=self.platforms))
        self._count("asked, recorded too" if known is not None else "asked, not recorded")
        if MODE == "record":
            self._record(key, question, result)
        return result

    def _key(self, question: Question) -> str:
        """Return the question's digest: the same one may be asked again, or after others."""
        before = self._before if question.remembers else ""
        digest = question.digest(f"{self.platforms}{before}")
        if question.remembers:
            self._before = digest
        self._occurrences[digest] += 1
        return f"{digest}-{self._occurrences[digest]}"

    def _count(self, how: str) -> None:
        self.session.counts[f"{self.installed.name}: {how}"] += 1

    def _record(self, key: str, question: Question, result: Result) -> None:
        self.session.tests.add(self.test)
        row = answers.row(key, self.test, self.age, question, result)
        if row is not None:
            self.session.rows.append(row)


class Docker(Asking):
    """Docker's two builders."""

    def build_buildkit(
        self,
        context: Path | str,
        *,
        dockerfile: Path | str | None = None,
        target: str | None = None,
        extra: Sequence[str] = (),
        unprivileged: bool = False,
        warm: bool = False,
    ) -> BuildResult:
        """Return what a build with BuildKit gives; see `Dockerd.build_buildkit`."""
        options = {"unprivileged": unprivileged, "warm": warm}
        question = asked("buildkit", context, dockerfile, target, extra, **options)
        result: BuildResult = self._answer(
            question,
            lambda docker: docker.build_buildkit(
                context, dockerfile=dockerfile, target=target, extra=extra, **options
            ),
        )
        return result

    def build_classic(
        self, context: Path | str, *, dockerfile: Path | str | None = None
    ) -> ClassicResult:
        """Return what a build with the classic builder gives; see `Dockerd.build_classic`."""
        question = asked("classic", context, dockerfile, None, ())
        result: ClassicResult = self._answer(
            question, lambda docker: docker.build_classic(context, dockerfile=dockerfile)
        )
        return result


class Podman(Asking):
    """Buildah, which is what podman runs."""

    def build_buildah(
        self, context: Path | str, *, dockerfile: Path | str | None = None
    ) -> BuildahResult:
        """Return what a build with buildah gives; see `Buildah.build_buildah`."""
        # A relative path is more than the file that it leads to.
        is_relative = dockerfile is not None and not os.path.isabs(dockerfile)
        extra = (f"--file={dockerfile}",) if is_relative else ()
        question = asked("buildah", context, dockerfile, None, extra)
        result: BuildahResult = self._answer(
            question, lambda buildah: buildah.build_buildah(context, dockerfile=dockerfile)
        )
        return result
