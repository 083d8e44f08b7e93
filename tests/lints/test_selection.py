"""Which findings are wanted, and which are accepted by the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.errors import InputError
from ctxsize.findings import Severity
from tests.trees import build_tree, file

LINES = b"node_modules # x\ndist\ndist\n!a\n"
ALL = ["CTX102", "CTX113", "CTX106"]


def codes(root: Path, **options: object) -> list[str]:
    found = api.lint([str(root)], **options).findings  # type: ignore[arg-type]
    return [each.code for each in found]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", [file(".dockerignore", LINES), "a", "dist/b"])


@pytest.mark.parametrize(
    ("select", "ignore", "found"),
    [
        ([], [], ALL),
        (["CTX1"], [], ALL),
        (["CTX102,CTX113"], [], ["CTX102", "CTX113"]),
        ([], ["CTX11"], ["CTX102", "CTX106"]),
        (["CTX113"], ["CTX1"], ["CTX113"]),
        (["CTX1"], ["CTX113"], ["CTX102", "CTX106"]),
        (["CTX2"], [], []),
    ],
)
def test_select_and_ignore(
    select: list[str], ignore: list[str], found: list[str], root: Path
) -> None:
    if select == ["CTX2"]:
        with pytest.raises(InputError, match="no code begins with 'CTX2'"):
            codes(root, select=select)
        return
    assert codes(root, select=select, ignore=ignore) == found


def test_a_code_of_another_command_is_not_sought_here(root: Path) -> None:
    with pytest.raises(InputError) as caught:
        codes(root, select=["CTX203"])
    assert caught.value.hint == "`ctxsize advise` reports CTX203"


def test_a_severity_hides_what_is_below_it(root: Path) -> None:
    assert codes(root, severity=Severity.ERROR) == ["CTX102"]
    assert codes(root, severity=Severity.INFO) == ALL


def configure(root: Path, text: str) -> None:
    (root / "ctxsize.toml").write_text(text)


def test_the_configuration_selects_and_options_win(root: Path) -> None:
    configure(root, 'ignore = ["CTX11"]\n')
    assert codes(root) == ["CTX102", "CTX106"]
    assert codes(root, select=["CTX106"]) == ["CTX106"]


@pytest.mark.parametrize(
    "more", ["", 'path = ".dockerignore"\n', 'pattern = "dist"\n', 'path = "*ignore"\n']
)
def test_a_suppressed_finding_is_counted_and_not_shown(more: str, root: Path) -> None:
    configure(root, f'[[suppress]]\ncode = "CTX113"\nreason = "old"\n{more}')
    linted = api.lint([str(root)])
    assert [each.code for each in linted.findings] == ["CTX102", "CTX106"]
    assert linted.files[0].suppressed == 1


ENV = '[[suppress]]\ncode = "CTX110"\nreason = "r"\npattern = "**/.env"\n'
LOCAL = ENV.replace(".env", ".env.local")


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        ("", ["CTX110"]),
        (ENV, ["CTX110"]),
        (ENV + LOCAL, []),
        (ENV.replace(".env", ".other"), ["CTX110", "CTX129"]),
        ('[[suppress]]\ncode = "CTX110"\nreason = "all"\n', []),
    ],
)
def test_suppressions_of_lines_that_are_missing(
    tables: str, left: list[str], tmp_path: Path
) -> None:
    nodes = [file(".dockerignore", b"a\n"), "Dockerfile", ".env", "web/.env.local"]
    root = build_tree(tmp_path / "ctx", nodes)
    configure(root, tables)
    assert codes(root) == left


@pytest.mark.parametrize(
    "table",
    [
        'code = "CTX101"\nreason = "r"',
        'code = "CTX113"\nreason = "r"\npattern = "other"',
        'code = "CTX101"\nreason = "r"\npath = ".dockerignore"',
    ],
)
def test_unused_suppressions_are_findings(table: str, root: Path) -> None:
    configure(root, f"[[suppress]]\n{table}\n")
    found = api.lint([str(root)]).findings
    (unused,) = (each for each in found if each.code == "CTX129")
    assert unused.location.path.endswith("ctxsize.toml")
    assert [each.code for each in found if each.code != "CTX129"] == ALL


@pytest.mark.parametrize(
    "table",
    [
        'code = "CTX113"\nreason = "used"',
        'code = "CTX201"\nreason = "of another command"',
    ],
)
def test_suppressions_that_are_not_unused(table: str, root: Path) -> None:
    configure(root, f"[[suppress]]\n{table}\n")
    assert "CTX129" not in codes(root)


def test_a_table_is_used_by_what_is_less_severe_than_asked_for(root: Path) -> None:
    configure(root, '[[suppress]]\ncode = "CTX113"\nreason = "used"\n')
    assert "CTX129" not in codes(root, severity=Severity.ERROR)


def test_only_what_was_linted_can_tell_that_a_table_about_it_is_unused(root: Path) -> None:
    configure(root, '[[suppress]]\ncode = "CTX101"\nreason = "gone"\npath = "web/.dockerignore"\n')
    assert "CTX129" in codes(root)
    found = api.lint([str(root / ".dockerignore")]).findings
    assert "CTX129" not in {each.code for each in found}


def test_a_directory_below_does_not_tell_that_a_general_table_is_unused(root: Path) -> None:
    configure(root, '[[suppress]]\ncode = "CTX113"\nreason = "used"\n')
    build_tree(root / "web", [file(".dockerignore", b"x\n"), "Dockerfile"])
    assert "CTX129" not in {each.code for each in api.lint([str(root / "web")]).findings}


def test_one_file_does_not_tell_that_a_general_suppression_is_unused(root: Path) -> None:
    configure(root, '[[suppress]]\ncode = "CTX101"\nreason = "r"\n')
    assert "CTX129" in codes(root)
    found = api.lint([str(root / ".dockerignore")]).findings
    assert "CTX129" not in {each.code for each in found}


def test_an_unselected_code_does_not_count_as_unused(root: Path) -> None:
    configure(root, '[[suppress]]\ncode = "CTX101"\nreason = "r"\n')
    assert codes(root, select=["CTX102", "CTX129"]) == ["CTX102"]
