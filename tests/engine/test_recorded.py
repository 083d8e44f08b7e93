"""Every recorded case: the same list, the same emptied files, the same failing builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.engine.builders import BUILDKIT, CLASSIC, PODMAN
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError
from tests.engine.ours import Ours, ask, with_parents
from tests.oracles.recorded import Case, Outcome, PatternCase, catalogue, pattern_cases
from tests.oracles.recorded import random_cases as recorded_random_cases

BY_BUILDKIT = [case for case in catalogue() if "buildkit" in case.outcomes]
BY_CLASSIC = [case for case in catalogue() if "classic" in case.outcomes]
BY_BUILDAH = [case for case in catalogue() if "buildah" in case.outcomes]


def test_the_recordings_are_complete() -> None:
    counts = [len(BY_BUILDKIT), len(BY_CLASSIC), len(BY_BUILDAH)]
    assert counts == [170, 170, 170]
    assert (len(recorded_random_cases()), len(pattern_cases())) == (400, 1500)


def check_error(ours: Ours, recorded: Outcome) -> bool:
    """Whether the build fails; if so, with our reason in the words of the recording."""
    assert (ours.error is None) == (recorded.error is None), ours.error or recorded.error
    if ours.error is None or recorded.error is None:
        return False
    assert ours.error.message in recorded.error
    return True


@pytest.mark.parametrize("case", BY_BUILDKIT, ids=lambda case: case.name)
def test_buildkit(case: Case, tmp_path: Path) -> None:
    check_buildkit(case, tmp_path / "ctx")


def test_buildkit_random(tmp_path: Path) -> None:
    for number, case in enumerate(recorded_random_cases()):
        check_buildkit(case, tmp_path / str(number))


def check_buildkit(case: Case, root: Path) -> None:
    ours, recorded = ask(case.build(root), builder=BUILDKIT), case.outcomes["buildkit"]
    if not check_error(ours, recorded):
        assert sorted(ours.names) == sorted(recorded.sent), case.name
        assert ours.emptied == recorded.emptied, case.name


@pytest.mark.parametrize("case", BY_CLASSIC, ids=lambda case: case.name)
def test_classic(case: Case, tmp_path: Path) -> None:
    ours = ask(case.build(tmp_path / "ctx"), builder=CLASSIC)
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


@pytest.mark.parametrize("case", BY_BUILDAH, ids=lambda case: case.name)
def test_buildah(case: Case, tmp_path: Path) -> None:
    ours = ask(case.build(tmp_path / "ctx"), builder=PODMAN)
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
