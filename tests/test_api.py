"""The public functions, held against each other over recorded contexts."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import ctxsize
from ctxsize import Build, CtxsizeError, Entry, Kind
from ctxsize.build import Options
from ctxsize.engine.listing import order
from tests.oracles.recorded import Case, catalogue
from tests.oracles.trees import build_tree, file

BUILDERS = ["buildkit", "classic", "podman"]


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", catalogue(), ids=named)
def test_the_functions_agree(case: Case, builder: str, tmp_path: Path) -> None:
    context = str(case.build(tmp_path / "ctx"))
    try:
        report = ctxsize.measure(context, builder=builder, ignored=True)
    except CtxsizeError as error:
        with pytest.raises(type(error)):
            list(ctxsize.ls(context, builder=builder))
        return
    every = list(ctxsize.ls(context, builder=builder, ignored=True))
    sent = list(ctxsize.ls(context, builder=builder))
    assert sent == [entry for entry in every if not entry.verdict.ignored]
    assert [e for e in every if e.verdict.ignored] == list(
        ctxsize.ls(context, builder=builder, sent=False, ignored=True)
    )
    keys = [order(entry.path) for entry in every]
    assert keys == sorted(set(keys))
    assert ctxsize.measure(context, builder=builder).context.totals == report.context.totals
    check_totals(report, sent)
    check_explanations(context, builder, every)


def check_totals(report: ctxsize.Report, sent: list[Entry]) -> None:
    kinds = Counter(entry.kind for entry in sent)
    totals = report.context.totals
    assert totals.entries == len(sent)
    assert totals.directories == kinds[Kind.DIRECTORY]
    assert totals.symlinks == kinds[Kind.SYMLINK]
    assert totals.content_bytes == sum(entry.content_bytes for entry in sent)


def check_explanations(context: str, builder: str, entries: list[Entry]) -> None:
    explained = ctxsize.explain([e.path for e in entries], build=context, builder=builder)
    for entry, explanation in zip(entries, explained, strict=True):
        assert explanation.not_there is None
        # A directory may be ignored itself and sent for an entry below it.
        if entry.kind is not Kind.DIRECTORY:
            assert explanation.verdict == entry.verdict
            assert explanation.arrives_empty == entry.arrives_empty
        for level in explanation.levels:
            matched = [c for c in level.checks if c.outcome in ("matched", "inherited")]
            assert level.verdict.by == (matched[-1].pattern if matched else None)


def test_compare_equals_the_difference_of_the_lists(tmp_path: Path) -> None:
    lines = b"*\n!**/*.py\n!Dockerfile\nsrc/deep\n!src\n"
    nodes = [file(".dockerignore", lines), "a.py", "src/b.py", "src/deep/c.py", "x/y/z"]
    context = str(build_tree(tmp_path / "ctx", nodes))
    report = ctxsize.measure(context, compare=True)
    here = {entry.path for entry in ctxsize.ls(context)}
    assert [difference.builder for difference in report.differences] == ["classic", "podman"]
    for difference in report.differences:
        there = {entry.path for entry in ctxsize.ls(context, builder=difference.builder)}
        assert {path.rstrip("/") for path in difference.only_here} == here - there
        assert {path.rstrip("/") for path in difference.only_there} == there - here
        assert difference.only_here_count == len(here - there)


def test_compare_keeps_a_sample_only(tmp_path: Path) -> None:
    nodes = [file(".dockerignore", b"d\n!**/*.py\n"), *(f"d/{n}.py" for n in range(50))]
    context = build_tree(tmp_path / "ctx", nodes)
    classic = ctxsize.measure(str(context), compare=True).differences[0]
    assert (len(classic.only_here), classic.only_here_count) == (5, 51)


def test_compare_lets_each_builder_find_its_own_dockerfile(tmp_path: Path) -> None:
    nodes = ["Dockerfile", "Containerfile", file("Containerfile.containerignore", b"a\n"), "a"]
    context = str(build_tree(tmp_path / "ctx", nodes))
    podman = ctxsize.measure(context, compare=True).differences[1]
    assert podman.ignore_file == f"{context}/Containerfile.containerignore"
    assert podman.only_here == ("a",)
    named = ctxsize.measure(context, dockerfile=f"{context}/Dockerfile", compare=True)
    assert named.differences[1].same


def test_unknown_builder() -> None:
    with pytest.raises(ctxsize.InputError, match="no such builder: 'kaniko'"):
        ctxsize.measure(builder="kaniko")


def test_keywords_are_the_fields_of_a_build(tmp_path: Path) -> None:
    names = [field.name for field in dataclasses.fields(Build)]
    assert names == ["context", *Options.__annotations__]
    build = Build(str(tmp_path), target="test", builder="classic")
    assert ctxsize.request_for(build) == ctxsize.request_for(
        str(tmp_path), target="test", builder="classic"
    )
    assert ctxsize.request_for(build, builder="podman").build.builder == "podman"
    assert build.given() == ("--target",)


def test_every_public_name_is_there() -> None:
    assert sorted(ctxsize.__all__) == sorted(set(ctxsize.__all__))
    for name in ctxsize.__all__:
        assert getattr(ctxsize, name) is not None
    assert dir(ctxsize) == ctxsize.__all__
    with pytest.raises(AttributeError):
        _ = ctxsize.nope  # type: ignore[attr-defined]


def test_importing_is_cheap() -> None:
    code = "import sys; import ctxsize; print([m for m in sys.modules if m.startswith('ctxsize')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['ctxsize', 'ctxsize.version']\n" or "'ctxsize.api'" not in done.stdout
