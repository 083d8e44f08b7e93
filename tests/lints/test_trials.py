"""Every fix of an ignore file is tried on the builds that read it: none fails because of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine import fates
from ctxsize.errors import CtxsizeError
from ctxsize.planning import plan_for
from tests.lints.cases import CATCHES, Case
from tests.lints.test_cases import rows
from tests.trees import build_tree

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
WITH_TREES = [(code, case) for code, case in rows(CATCHES) if case.tree]
_MOST_NAMED = 40


def failures(root: Path, builder: str, dockerfile: str) -> set[str]:
    """Why a build is known to fail, without the number of the line that ignores a source."""
    try:
        plan = plan_for(str(root), builder=builder, dockerfile=str(root / dockerfile))
        return {problem.message.partition(" (")[0] for problem in fates.failures(plan)}
    except CtxsizeError as error:
        return {error.message}


def sources(root: Path) -> list[str]:
    """Paths of the tree that a COPY can name, files and directories."""
    paths = []
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = os.path.relpath(os.path.join(directory, name), root)
            if PLAIN.issuperset(path) and not os.path.islink(root / path):
                paths.append(path)
    return sorted(paths)[:_MOST_NAMED]


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize(("code", "case"), WITH_TREES)
def test_no_fix_fails_a_build_that_reads_the_file(
    code: str, case: Case, wild: bool, tmp_path: Path
) -> None:
    assert case.tree is not None
    root = build_tree(tmp_path / "context", case.tree)
    ignore_file = root / ".dockerignore"
    before = case.lines.encode("utf-8", "surrogateescape")
    ignore_file.write_bytes(before)
    texts = ["FROM scratch"]
    for path in sources(root):
        if wild:
            head, _, tail = path.rpartition("/")
            path = f"{head}/{tail[0]}*".lstrip("/")
        texts.append(f"COPY {path} /{len(texts)}/")
    # One build that takes all by name, and one that takes nothing.
    for name, lines in (("a.Dockerfile", texts), ("b.Dockerfile", texts[:1])):
        (root / name).write_text("\n".join(lines) + "\n")
    (root / "Makefile").write_text(
        "all:\n\tdocker build -f a.Dockerfile .\n\tdocker build -f b.Dockerfile .\n"
    )
    found = api.lint([str(ignore_file)], builder=case.builder).findings
    now = failures(root, case.builder, "a.Dockerfile")
    for finding in found:
        if finding.fix is None:
            continue
        (edit,) = finding.fix.edits
        ignore_file.write_bytes(edit.after)
        then = failures(root, case.builder, "a.Dockerfile")
        ignore_file.write_bytes(before)
        assert then <= now, (finding.code, edit.after)
