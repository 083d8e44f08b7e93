"""What a real engine does with the files of the gravest lints, before and after their fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.findings import Finding
from tests.lints.cases import CATCHES, SCRIPTS, Case, copying
from tests.oracles.engines import Docker
from tests.oracles.golibrary import GoLibrary
from tests.trees import COPY_ALL, build_tree, directory

CASES = [
    (code, case)
    for code in ("CTX102", "CTX108", "CTX120", "CTX130")
    for case in CATCHES[code]
    if case.tree is not None and case.builder == "buildkit" and "\t" not in case.lines
]
SLOW = [case for case in CATCHES["CTX133"] if case.found[0].endswith("unsafe")]


def arrived(docker: Docker, root: Path, data: bytes) -> dict[str, int]:
    """The files that a build got with `data` in the ignore file, and their bytes."""
    (root / ".dockerignore").write_bytes(data)
    (root.parent / "Dockerfile").write_bytes(COPY_ALL)
    result = docker.build_buildkit(root, dockerfile=root.parent / "Dockerfile")
    assert result.error is None
    return {
        name: size
        for name, size in result.sizes.items()
        if not name.endswith("/") and name.rpartition("/")[2] != ".dockerignore"
    }


@pytest.mark.parametrize(("code", "case"), CASES)
def test_figures_and_fixes(code: str, case: Case, docker: Docker, tmp_path: Path) -> None:
    assert case.tree is not None
    root = build_tree(tmp_path / "ctx", case.tree)
    data = case.lines.encode()
    (root / ".dockerignore").write_bytes(data)
    (finding,) = api.lint([str(root / ".dockerignore")], select=[code]).findings
    assert finding.fix is not None
    before = arrived(docker, root, data)
    after = arrived(docker, root, finding.fix.edits[0].after)
    if code == "CTX120":
        check_empty(finding, before, after)
    else:
        assert len(before.keys() ^ after.keys()) == finding.files


def check_empty(finding: Finding, before: dict[str, int], after: dict[str, int]) -> None:
    """The named files arrive empty, and with content once the exception comes last."""
    empty = {name for name, size in before.items() if not size}
    assert len(empty) == finding.files
    assert sum(after[name] for name in empty) == finding.content_bytes


def with_slow_exception(root: Path, case: Case) -> tuple[bytes, bytes]:
    """Build a tree with an exception that is slow; return its ignore file without and with fix."""
    assert case.tree is not None
    (build_tree(root, case.tree) / ".dockerignore").write_bytes(case.lines.encode())
    (finding,) = api.lint([str(root / ".dockerignore")], select=["CTX133"]).findings
    assert finding.fix is not None
    return case.lines.encode(), finding.fix.edits[0].after


@pytest.mark.parametrize("case", SLOW)
def test_paths_in_place_of_wildcards_send_the_same(
    case: Case, docker: Docker, tmp_path: Path
) -> None:
    root = tmp_path / "ctx"
    before, after = with_slow_exception(root, case)
    names = arrived(docker, root, before)
    assert names == arrived(docker, root, after)
    assert names


@pytest.mark.parametrize("case", SLOW)
def test_paths_in_place_of_wildcards_save_the_entries_of_the_message(
    case: Case, golibrary: GoLibrary, tmp_path: Path
) -> None:
    root = tmp_path / "ctx"
    follow = ["docker/*.sh"] if case.tree and copying("docker/*.sh") in case.tree else []
    before, after = with_slow_exception(root, case)
    (finding,) = api.lint([str(root / ".dockerignore")], data=before, select=["CTX133"]).findings
    answers = [golibrary.ask(ignorefile=e, root=root, follow=follow) for e in (before, after)]
    assert f" {answers[0].seen - answers[1].seen:,} entries " in finding.message
    assert answers[0].listed == answers[1].listed


def test_buildkit_lists_ignored_directories_because_of_a_wildcard(
    docker: Docker, tmp_path: Path
) -> None:
    locked = directory("node_modules/locked", mode=0)
    case = Case("node_modules\ndocker\n!docker/*.sh\n", [*SCRIPTS, locked])
    root, dockerfile = tmp_path / "ctx", tmp_path / "Dockerfile"
    dockerfile.write_bytes(COPY_ALL)
    errors = []
    for data in with_slow_exception(root, case):
        (root / ".dockerignore").write_bytes(data)
        result = docker.build_buildkit(root, dockerfile=dockerfile, unprivileged=True)
        errors.append(result.error)
    assert errors[1] is None
    assert errors[0] is not None
    assert "node_modules/locked: permission denied" in errors[0]
