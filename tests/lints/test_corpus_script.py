"""The script that holds a corpus against Docker, on a corpus of one tree; it finds lies."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import lint_claims
from ctxsize.findings import Finding, Paths
from ctxsize.lints import lint_case
from ctxsize.lints.case import Case

LINES = b"node_modules\n*.log # logs\ndocs\ndocs/*.md\n*\n!web\n!docs/a.md\n"
TREE = ["package.json", "web/package.json", "web/app.js", "docs/a.md", "docs/b.md", "a.log"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devtools: None) -> Path:
    for name in ("ignorefiles", "trees"):
        (tmp_path / name).mkdir()
    (tmp_path / "ignorefiles/tiny.dockerignore").write_bytes(LINES)
    with gzip.open(tmp_path / "trees/tiny.tsv.gz", "wt") as rows:
        rows.writelines(f"{path}\t{number}00\t100644\n" for number, path in enumerate(TREE, 1))
    instructions = (
        '{"tiny": [{"name": "FROM", "args": ["scratch"]}, {"name": "COPY", "args": [".", "/"]},'
        ' {"name": "RUN", "args": ["npm ci"]}]}'
    )
    (tmp_path / "instructions.json").write_text(instructions)
    monkeypatch.setenv("CTXSIZE_CORPUS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("corpus", "golibrary")
@pytest.mark.parametrize("options", [[], ["--spoilt"]])
def test_what_is_true_passes(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_claims.main(options) == 0
    assert "1 ignore files, 0 differences" in capsys.readouterr().out


def of_fixes(finding: Finding) -> Finding:
    """A fix that says nothing of what it changes for real."""
    if finding.fix is None or finding.fix.changes is None:
        return finding
    changes = replace(finding.fix.changes, ignored=Paths(), sent=Paths())
    return replace(finding, fix=replace(finding.fix, changes=changes))


def of_figures(finding: Finding) -> Finding:
    """A finding with a file too many."""
    return finding if finding.files is None else replace(finding, files=finding.files + 1)


@pytest.mark.usefixtures("corpus", "golibrary")
@pytest.mark.parametrize(
    ("lie", "words"), [(of_fixes, "fix: ignores: not said of"), (of_figures, "figures: said")]
)
def test_what_is_not_true_does_not(
    lie: Callable[[Finding], Finding],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def lying(case: Case) -> tuple[Finding, ...]:
        return tuple(map(lie, lint_case(case)))

    monkeypatch.setattr(lint_claims, "lint_case", lying)
    assert lint_claims.main([]) == 1
    out = capsys.readouterr().out
    assert words in out
    assert "0 differences" not in out
