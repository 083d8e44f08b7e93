"""Every recorded case: the same list, the same emptied files, the same failing builds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ctxsize.engine.builders import BUILDERS, BUILDKIT, CLASSIC, PODMAN
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import Plan
from ctxsize.errors import CtxsizeError, IgnoreFileError
from tests.engine.agreement import check_functions, check_snapshot
from tests.engine.contexts import CONTEXTS
from tests.engine.ours import (
    Ours,
    ask,
    walked,
    with_parents,
)
from tests.oracles.availability import require
from tests.oracles.recorded import Case, Outcome, PatternCase, catalogue, pattern_cases
from tests.oracles.recorded import random_cases as recorded_random_cases
from tests.resolving import resolve


def test_the_recordings_are_complete() -> None:
    builders = ["buildah", "buildkit", "classic"]
    assert [sorted(case.outcomes) for case in catalogue()] == [builders] * 170
    assert (len(recorded_random_cases()), len(pattern_cases())) == (400, 1500)


def check_error(ours: Ours, recorded: Outcome) -> bool:
    """Whether the build fails; if so, with our reason in the words of the recording."""
    assert (ours.error is None) == (recorded.error is None), ours.error or recorded.error
    if ours.error is None or recorded.error is None:
        return False
    assert ours.error.message in recorded.error
    return True


@pytest.mark.parametrize("case", catalogue(), ids=lambda case: case.name)
def test_a_context(case: Case, tmp_path: Path) -> None:
    """It is planted once, and asked in every way."""
    root = case.build(tmp_path / "ctx")
    for check in (check_buildkit, check_classic, check_buildah):
        check(case, root)
    for builder in BUILDERS.values():
        check_functions(str(root), builder.name)
        with suppress(CtxsizeError):
            check_snapshot(resolve(str(root), builder=builder))


@pytest.mark.parametrize("name", CONTEXTS)
def test_an_odd_context(name: str, tmp_path: Path) -> None:
    """Each evaluator says the same of it."""
    require("root")
    root, dockerfile = CONTEXTS[name].build(tmp_path)
    for builder in BUILDERS.values():
        try:
            plan = resolve(str(root), dockerfile=dockerfile and str(dockerfile), builder=builder)
        except CtxsizeError:
            continue
        by_evaluator = [said(walked, plan, reference=each) for each in (False, True)]
        assert by_evaluator[0] == by_evaluator[1]


def said(ask: Callable[..., object], plan: Plan, **options: object) -> object:
    try:
        return ask(plan, **options)
    except CtxsizeError as error:
        return str(error), error.path


def test_buildkit_random(tmp_path: Path) -> None:
    for number, case in enumerate(recorded_random_cases()):
        check_buildkit(case, case.build(tmp_path / str(number)))


def check_buildkit(case: Case, root: Path) -> None:
    ours, recorded = ask(root, builder=BUILDKIT), case.outcomes["buildkit"]
    if not check_error(ours, recorded):
        assert sorted(ours.names) == sorted(recorded.sent), case.name
        assert ours.emptied == recorded.emptied, case.name


def check_classic(case: Case, root: Path) -> None:
    ours = ask(root, builder=CLASSIC)
    recorded = case.outcomes["classic"]
    if check_error(ours, recorded):
        return
    assert {".dockerignore", "Dockerfile"} <= set(ours.names)
    image = with_parents(set(ours.names) - removed_by_the_daemon(case.ignorefile))
    assert sorted(image) == sorted(recorded.sent)


def removed_by_the_daemon(ignorefile: bytes) -> set[str]:
    """What the daemon reads and then removes from the context, asking `MatchesOrParentMatches`."""
    spec = DockerIgnoreSpec.from_lines(IgnoreFile.parse(".dockerignore", ignorefile).texts())
    return {path for path in (".dockerignore", "Dockerfile") if spec.refuses(path)}


def check_buildah(case: Case, root: Path) -> None:
    ours = ask(root, builder=PODMAN)
    recorded = case.outcomes["buildah"]
    if not check_error(ours, recorded):
        assert sorted(ours.names) == sorted(recorded.sent)


def test_patterns() -> None:
    wrong = [case.ignorefile for case in pattern_cases() if not same_verdicts(case)]
    assert wrong == []


def same_verdicts(case: PatternCase) -> bool:
    texts = IgnoreFile.parse(".dockerignore", case.ignorefile.encode()).texts()
    try:
        spec = DockerIgnoreSpec.from_lines(texts)
    except IgnoreFileError as error:
        return error.message == case.new_error
    if case.new_error is not None:
        return False
    walk = {path: verdict(spec, path, walk=True) for path in case.walk}
    or_parent = {path: verdict(spec, path, walk=False) for path in case.or_parent}
    return (walk, or_parent) == (case.walk, case.or_parent)


def verdict(spec: DockerIgnoreSpec, path: str, *, walk: bool) -> str:
    try:
        ignored = [*spec.steps(path)][-1][1].ignored if walk else spec.refuses(path)
    except IgnoreFileError as error:
        return "always" if error.always else "error"
    return "ignored" if ignored else "sent"
