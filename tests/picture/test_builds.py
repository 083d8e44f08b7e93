"""The maps of `scan` have the figures and budgets of each build, those of `diff` both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.formats import Look, render
from ctxsize.guard import checking, differences
from ctxsize.page import html, picture
from tests.picture.evaluating import figures, leaves
from tests.trees import Node, build_tree, file

LIMITS = b'max = "50kB"\n[contexts.web]\npath = "web"\nmax = "1kB"\nof = "transfer"\n'
SERVICES: list[str | Node] = [
    file("api/Dockerfile", b"FROM scratch\nCOPY src /\n"),
    file("api/src/a", size_bytes=5_000),
    file("api/data", size_bytes=70_000),
    file("web/Dockerfile", b"FROM scratch\nCOPY . /\n"),
    file("web/Dockerfile.small", b"FROM scratch\nCOPY a /\n"),
    file("web/a", size_bytes=900),
    file("compose.yaml", b"services: {x: {build: {context: web, target: none}}}\n"),
    file("ctxsize.toml", LIMITS),
]


def maps_of(outcome: Any) -> list[Any]:
    found: list[Any] = json.loads(json.dumps(picture.page(outcome, None)))["maps"]
    return found


def test_scan_draws_each_build_with_its_budget(tmp_path: Path) -> None:
    scanned = api.scan(str(build_tree(tmp_path / "repo", SERVICES)))
    shown = maps_of(scanned)
    assert sorted(row.error is not None for row in scanned.rows) == [False, False, True]
    for row, each in zip(scanned.rows, shown, strict=True):
        is_web = row.build.context.endswith("web")
        judged = "context" if row.transfer is None else "transfer"
        limit = (1_000, "transfer") if is_web else (50_000, judged)
        assert (each["budget"], each["budget_of"]) == limit
        if row.error is not None:
            assert each["error"]
            assert "tree" not in each
            continue
        for kind, amount in (("context", row.context), ("transfer", row.transfer)):
            assert amount is not None
            wanted = (amount.content_bytes, amount.files)
            assert figures(each)[kind] == tuple(each["before"][kind]) == wanted


def sums(shown: Any, *fates: str) -> list[int]:
    counted = {at for at, each in enumerate(shown["classes"]) if each["fate"] in fates}
    amounts = [each for leaf in leaves(shown["tree"]) for each in leaf[2] if each[0] in counted]
    return [sum(each[at] for each in amounts) for at in (1, 2)]


@pytest.mark.parametrize("saved", ["directory", "report", "baseline"])
def test_diff_adds_up_to_both_sides(saved: str, tmp_path: Path) -> None:
    files = [file(f"src/{at}/{one}", size_bytes=at * one) for at in range(9) for one in range(30)]
    old = build_tree(tmp_path / "old", [*files, "gone/a", "same/b", file("grew", b"1")])
    new = build_tree(tmp_path / "new", [*files[:200], "new/a/b", "same/b", file("grew", b"22")])
    before = str(old)
    if saved == "report":
        before = str(tmp_path / "report.json")
        Path(before).write_text(render("json", api.measure(str(old)), Look()))
    elif saved == "baseline":
        before = str(tmp_path / "baseline.json")
        checking.check(str(old), baseline=before, update_baseline=True)
    (shown,) = maps_of(differences.diff(before, str(new)))
    assert sums(shown, "same", "removed") == shown["before"]["context"]
    assert sums(shown, "same", "added") == shown["after"]["context"]
    if saved == "directory":
        assert sums(shown, "added") == [len(b"new/a/b\n") + 1, 1]


def test_page_of_many_builds_stays_small(tmp_path: Path) -> None:
    nodes: list[str | Node] = []
    for at in range(200):
        place = f"services/service-{at}"
        nodes.append(file(f"{place}/Dockerfile", b"FROM scratch\nCOPY . /srv\nCOPY src /src\n"))
        nodes.append(file(f"{place}/.dockerignore", b"*.log\n"))
        names = (f"{place}/src/module-{one % 7}/file-{one}.py" for one in range(59))
        nodes += [file(name, size_bytes=one + at) for one, name in enumerate(names)]
    scanned = api.scan(str(build_tree(tmp_path / "repo", nodes)))
    page = picture.page(scanned, None)
    assert len(html.render(page)) < 300_000
    shown = json.loads(json.dumps(page))["maps"]
    assert len(shown) == 200
    for row, each in zip(scanned.rows, shown, strict=True):
        assert row.context is not None
        assert figures(each)["context"] == (row.context.content_bytes, row.context.files)
        assert each["tree"][3], "each tree has entries"


def test_scan_says_which_builds_fail(tmp_path: Path) -> None:
    texts = {
        "good": "FROM x\nCOPY . /\n",
        "lost": "FROM x\nCOPY <img> nope /s\n",
        "bad": "FROM x\nBOGUS\n",
    }
    nodes = [file(f"{name}/Dockerfile", text.encode()) for name, text in texts.items()]
    build = b"services: {good: {build: good}, lost: {build: lost}}\n"
    root = build_tree(tmp_path / "repo", [*nodes, file("compose.yaml", build)])
    shown = {Path(each["name"].split()[-1]).name: each for each in maps_of(api.scan(str(root)))}
    assert shown["good"]["failures"] == []
    assert [each.partition(", ")[0] for each in shown["lost"]["failures"]] == [
        "the build fails: COPY <img>: not found",
        "the build fails: COPY nope: not found",
    ]
    assert shown["Dockerfile:2"]["error"] == "the build fails: unknown instruction: BOGUS"
    assert shown["Dockerfile:2"]["name"].endswith("bad/Dockerfile:2")


def test_diff_has_the_verdict_of_its_text(tmp_path: Path) -> None:
    old = build_tree(tmp_path / "old", [file("a", size_bytes=5_000)])
    new = build_tree(tmp_path / "new", [file("a", size_bytes=7_000)])
    (shown,) = maps_of(differences.diff(str(old), str(new)))
    assert shown["verdict"] == "Grew by 2.0 kB: 5.0 kB in 1 file -> 7.0 kB in 1 file"


def test_each_change_of_a_diff_has_its_own_verdict(tmp_path: Path) -> None:
    nodes = [file(f"{each}/Dockerfile", b"FROM scratch\nCOPY . /\n") for each in "ab"]
    root = build_tree(tmp_path / "repo", [*nodes, file("a/x", size_bytes=5_000)])
    before = tmp_path / "before.json"
    checking.check(str(root), baseline=str(before), update_baseline=True)
    (root / "a" / "x").write_bytes(bytes(9_000))
    found = maps_of(differences.diff(str(before), str(root)))
    assert [each["verdict"].partition(":")[0] for each in found] == ["Grew by 4.0 kB"]
