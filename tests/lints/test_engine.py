"""What a real engine does with the files of the gravest lints, before and after their fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.findings import Finding
from tests.lints.cases import CATCHES, Case
from tests.oracles.engines import Docker
from tests.trees import COPY_ALL, build_tree

CASES = [
    (code, case)
    for code in ("CTX102", "CTX108", "CTX120", "CTX130")
    for case in CATCHES[code]
    if case.tree is not None and case.builder == "buildkit" and "\t" not in case.lines
]


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
