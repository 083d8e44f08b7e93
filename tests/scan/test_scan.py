"""Scans of repositories: rows, their order, and what is found across builds."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize import api
from ctxsize.cli.app import run
from ctxsize.codes import code_of, names
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Snapshot
from ctxsize.findings import Finding
from ctxsize.formats import Look, render
from ctxsize.formats.json import schema
from tests.advice.cases import IDEA
from tests.scan.story import CACHEDIR_TAG, GB, RUSTC_INFO, story
from tests.trees import Node, build_tree, file

ALL = b"FROM scratch\nCOPY . /\n"


def codes(findings: tuple[Finding, ...], root: Path) -> list[tuple[str, str]]:
    return [(each.code, os.path.relpath(each.location.path, root)) for each in findings]


def test_the_services_of_the_story_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "repository", story()))
    scan = api.scan()
    first, *others = scan.rows
    assert first.build.context == "rask-log-aggregator"
    assert first.ignore_file is None
    assert first.transfer is not None
    assert first.saving is not None
    assert 19 * GB < first.transfer.content_bytes < 20 * GB
    assert first.transfer.content_bytes - first.saving.content_bytes < 100_000
    assert {row.build.context for row in others} == {"rask-log-forwarder", "recap-worker"}
    assert all(row.cost.content_bytes < 100_000 for row in others)
    assert {row.ignore_file for row in others} == {
        "rask-log-forwarder/.dockerignore",
        "recap-worker/.dockerignore",
    }
    assert codes(scan.findings, Path()) == [
        ("CTX301", "rask-log-aggregator/Dockerfile"),
        ("CTX305", "rask-log-aggregator/Dockerfile"),
    ]
    like = "ctxsize suggest --like recap-worker/.dockerignore rask-log-aggregator"
    assert scan.findings[1].help == like
    artefacts = 13 * GB + 4 * GB + GB // 3 + 2 * GB - GB // 5
    assert scan.findings[1].content_bytes == artefacts + len(CACHEDIR_TAG) + len(RUSTC_INFO)
    text = render("text", scan, Look(width=100, top=10))
    assert text.splitlines()[2].split()[:5] == ["19.1", "GB", "19.1", "GB", "4"]
    assert text.splitlines()[2].endswith("none  rask-log-aggregator")
    assert "Next: ctxsize suggest --all --write  makes 3 builds send less" in text
    full = render("text", scan, Look(width=100, top=10, full=True))
    assert full.splitlines()[2].split()[:5] == ["19.1", "GB", "19.1", "GB", "19.1"]
    markdown = render("markdown", scan, Look())
    assert re.search(r"\| +none +\| `rask-log-aggregator` +\|$", markdown.splitlines()[6])


def test_advice_on_the_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "repository", story()))
    advice = api.advise()
    (worker,) = [each for each in advice.findings if each.code == "CTX210"]
    assert worker.location.path == "recap-worker/Dockerfile.recap-worker"
    assert worker.fix is not None
    after = worker.fix.edits[0].after.decode()
    assert "cargo chef cook --release" in after
    assert "id=recap-worker-bookworm-$TARGETARCH-target,target=/app/target" in after


CASES: dict[str, tuple[list[str | Node], list[tuple[str, str]]]] = {
    "an ignore file for each": ([file("Dockerfile", ALL), file(".dockerignore", b"x\n")], []),
    "none": ([file("Dockerfile", ALL), *IDEA], [("CTX301", "Dockerfile")]),
    "none, and only files of builders would be saved": ([file("Dockerfile", ALL), "x"], []),
    "none, and little would be saved": (
        [file("Dockerfile", ALL), *IDEA[:1], file("x", size_bytes=30_000)],
        [],
    ),
    "none, and a secret would be sent": (
        [file("Dockerfile", ALL), file(".npmrc", b"//r/:_authToken=abcdefgh1\n")],
        [("CTX301", "Dockerfile")],
    ),
    "none, and a secret is there that the build does not take": (
        [
            file("Dockerfile", b"FROM scratch\nCOPY src /\n"),
            *("src/x", file(".npmrc", b"//r/:_authToken=abcdefgh1\n")),
        ],
        [],
    ),
    "none, and something is foreseen": (
        [
            file("Dockerfile", b"FROM node\nCOPY . /\nRUN npm ci\n"),
            *(file("package.json", b"{}"), file("package-lock.json", b"{}")),
        ],
        [("CTX301", "Dockerfile")],
    ),
    "none, and nothing would be saved": (
        [file("Dockerfile", b"FROM scratch\nCOPY src /\n"), "src/x", "docs/x"],
        [],
    ),
    "none, for two Dockerfiles": (
        [file("Dockerfile", ALL), file("dev.Dockerfile", ALL), "x", *IDEA],
        [("CTX301", "Dockerfile")],
    ),
    "one that no build reads": (
        [
            file(
                "compose.yaml",
                b"services:\n  a:\n    build:\n      context: .\n      dockerfile: d/Dockerfile\n",
            ),
            file("d/Dockerfile", ALL),
            file("d/.dockerignore", b"x\n"),
            file(".dockerignore", b"x\n"),
        ],
        [("CTX302", "d/.dockerignore")],
    ),
    "one on which the build fails": (
        [
            file("compose.yaml", b"services: {w: {build: w}}\n"),
            file("w/Dockerfile", ALL),
            file("w/.dockerignore", b"foo[\n"),
        ],
        [],
    ),
    "one of a named context": (
        [
            file(
                "compose.yaml",
                b"services:\n  a:\n    build:\n      context: a\n"
                b"      additional_contexts: {b: ./b}\n",
            ),
            file("a/Dockerfile", b"FROM scratch\nCOPY . /\nCOPY --from=b . /b\n"),
            file("a/.dockerignore", b"x\n"),
            file("b/.dockerignore", b"x\n"),
            "b/y",
        ],
        [],
    ),
    "two for one Dockerfile": (
        [
            file("Dockerfile", ALL),
            file("Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"x\ny\n"),
            "y/a",
        ],
        [("CTX302", ".dockerignore"), ("CTX304", "Dockerfile.dockerignore")],
    ),
    "two for one Dockerfile that ignore the same": (
        [
            file("Dockerfile", ALL),
            file("Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"x\ny\n"),
        ],
        [("CTX302", ".dockerignore")],
    ),
    "two, one for a build that takes what the other ignores": (
        [
            file("Dockerfile", ALL),
            file("dev.Dockerfile", b"FROM scratch\nCOPY y /\n"),
            file("dev.Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"x\ny\n"),
            "y/a",
        ],
        [],
    ),
    "two, one of them a list of what its build needs": (
        [
            file("Dockerfile", b"FROM scratch\nCOPY app /\n"),
            file("dev.Dockerfile", ALL),
            file("dev.Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"*\n!app\n"),
            "app",
            "y/a",
        ],
        [],
    ),
    "two, each for one": (
        [
            file("Dockerfile", ALL),
            file("dev.Dockerfile", ALL),
            file("dev.Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"x\ny\n"),
            "y/a",
        ],
        [("CTX304", "dev.Dockerfile.dockerignore")],
    ),
    "a sibling with more": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"cache\n"),
            file("b/Dockerfile", ALL),
            file("b/.dockerignore", b"other\n"),
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [("CTX305", "b/.dockerignore")],
    ),
    "a context inside another": (
        [
            file("Dockerfile", ALL),
            file(".dockerignore", b"other\n"),
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"**/bin\n"),
            file("a/bin/x", size_bytes=5_000_000),
            file("c/bin/x", size_bytes=5_000_000),
            file("compose.yaml", b"services: {a: {build: .}, b: {build: a}}\n"),
        ],
        [],
    ),
    "a sibling of which ctxsize wrote all lines": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"# >>> ctxsize\ncache\n# <<< ctxsize\n"),
            file("b/Dockerfile", ALL),
            file("b/.dockerignore", b"other\n"),
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [],
    ),
    "a sibling that ignores what a build takes": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"cache\n"),
            file("b/Dockerfile", b"FROM scratch\nCOPY . /\nCOPY cache/x /x\n"),
            file("b/.dockerignore", b"other\n"),
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [],
    ),
    "a sibling that ignores what another build of the context takes": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"cache\n"),
            file("b/Dockerfile", ALL),
            file("b/dev.Dockerfile", b"FROM scratch\nCOPY cache/x /\n"),
            file("b/.dockerignore", b"other\n"),
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [],
    ),
    "a sibling with an allow-list": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"*\n!src\n"),
            file("b/Dockerfile", ALL),
            file("b/.dockerignore", b"other\n"),
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [],
    ),
    "a sibling whose patterns save nothing": (
        [
            file("a/Dockerfile", ALL),
            file("a/.dockerignore", b"cache\n"),
            file("b/Dockerfile", b"FROM scratch\nCOPY src /\n"),
            file("b/.dockerignore", b"other\n"),
            "b/src/x",
            file("b/cache/x", size_bytes=5_000_000),
        ],
        [],
    ),
    "a git context": (
        [
            file(
                ".github/workflows/a.yml",
                b"jobs:\n  a:\n    steps:\n      - run: npm run build\n"
                b"      - uses: docker/build-push-action@v6\n",
            ),
        ],
        [("CTX310", ".github/workflows/a.yml")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_findings_across_services_are_told_once(case: str, tmp_path: Path) -> None:
    nodes, expected = CASES[case]
    root = build_tree(tmp_path / "repository", nodes)
    scan = api.scan(str(root))
    assert codes(scan.findings, root) == expected
    shape = json.loads(render("json", scan, Look()))
    jsonschema.validate(shape, schema("scan"))
    assert render("text", scan, Look(top=10))


def test_every_code_has_a_case_and_explains_itself() -> None:
    caught = {code for _, expected in CASES.values() for code, _ in expected}
    assert caught == {*names("CTX3")}
    for name, code in ((each, code_of(each)) for each in names("CTX3")):
        assert (code.name, bool(code.why and code.bad and code.good)) == (name, True)


MANY: list[str | Node] = [
    file(
        "compose.yaml",
        b"services:\n  all:\n    build: .\n  a:\n    build: a\n  b:\n    build:\n      context: .\n"
        b"      dockerfile: a/b/Dockerfile\n  d:\n    build: {context: a, target: dev}\n",
    ),
    file("Dockerfile", ALL),
    file(".dockerignore", b"**/junk\n"),
    file("a/Dockerfile", b"FROM scratch AS dev\nCOPY src /\nFROM scratch\nCOPY . /\n"),
    file("a/.dockerignore", b"b\n"),
    file("a/b/Dockerfile", b"FROM scratch\nCOPY a/src /\n"),
    *(file(f"a/src/{n}", size_bytes=n * 1000) for n in range(5)),
    file("a/junk/x", size_bytes=70_000),
    file("a/b/c/x", size_bytes=9_000),
    file("other/Dockerfile", ALL),
    file("other/junk/x", size_bytes=1),
]


def test_sizes_are_those_of_measure(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", MANY)
    scan = api.scan(str(root))
    assert len(scan.rows) == 5
    for row in scan.rows:
        report = api.measure(row.build)
        assert row.context is not None
        assert row.transfer is not None
        assert report.transfer is not None
        assert row.context.content_bytes == report.context.totals.content_bytes
        assert row.context.files == report.context.totals.files
        assert row.transfer.content_bytes == report.transfer.content_bytes
    costs = [row.cost.content_bytes for row in scan.rows]
    assert costs == sorted(costs, reverse=True)


def test_builds_of_a_context_share_a_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build_tree(tmp_path / "repository", MANY)
    walked: list[str] = []
    take = Snapshot.take

    def counted(plan: Plan, **options: Any) -> Snapshot:
        walked.append(os.path.relpath(plan.root, root))
        return take(plan, **options)

    monkeypatch.setattr(Snapshot, "take", counted)
    assert len(api.scan(str(root)).rows) == 5
    assert walked == ["."]  # the others are directories of it


def test_what_fails_is_told_in_its_row(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        file(
            "compose.yaml",
            b"services:\n  a:\n    build: {context: a, target: nope}\n  b:\n    build: b\n",
        ),
        file("a/Dockerfile", ALL),
        file("b/Dockerfile", ALL),
        file("b/.dockerignore", b"[\n"),
    ]
    scan = api.scan(str(build_tree(tmp_path / "repository", nodes)))
    errors = {Path(row.build.context).name: row.error for row in scan.rows}
    assert "nope" in (errors["a"] or "")
    assert "pattern" in (errors["b"] or "")
    jsonschema.validate(json.loads(render("json", scan, Look())), schema("scan"))


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--exit-zero"], 0)])
def test_scan_exits_by_its_options(options: list[str], code: int, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", [file("Dockerfile", ALL), *IDEA])
    assert run(["scan", str(root), *options]) == code


def test_an_ignore_file_of_podman_replaces_that_of_docker(tmp_path: Path) -> None:
    nodes = [file("Dockerfile", ALL), file("build.sh", b"podman build .\n")]
    nodes += [file(".dockerignore", b"x\n"), file(".containerignore", b"y\n")]
    root = str(build_tree(tmp_path, nodes))
    (found,) = [each for each in api.scan(root).findings if each.code == "CTX302"]
    assert found.message.endswith(f"{root}/.containerignore replaces it for Podman")
    assert found.help == "remove it, or make both equal"


def test_no_build_is_no_error(tmp_path: Path) -> None:
    assert run(["scan", str(tmp_path)]) == 0
    assert run(["scan", str(tmp_path / "gone")]) == 2


LACKING = [
    *("ARG X\nFROM $X\n", "ARG X\nFROM foo:$X\n", "ARG X\nFROM --platform=$X a\n"),
    *("ARG X\nFROM ${X:?}\n", "FROM scratch\nARG X\nEXPOSE $X/tcp\n"),
]


@pytest.mark.parametrize("compose", [None, b"services: {a: {build: .}}\n"])
@pytest.mark.parametrize("text", LACKING)
def test_missing_argument_is_no_rejection(
    text: str, compose: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes: list[str | Node] = [file("Dockerfile", f"{text}COPY . /\n".encode())]
    nodes += [] if compose is None else [file("compose.yaml", compose)]
    monkeypatch.chdir(build_tree(tmp_path / "c", [*nodes, file("x", size_bytes=1_000)]))
    scan = api.scan()
    (row,) = scan.rows
    assert row.error is None
    assert row.context is not None
    assert row.context.content_bytes == api.measure().context.totals.content_bytes
    (problem,) = scan.problems
    assert problem.message == api.measure().problems[0].message
    assert "--build-arg X=…" in problem.message
    assert run(["scan", "--exit-zero"]) == 0


def services(count: int) -> list[str | Node]:
    """So many services: each has its own Dockerfile, and the later ones send more."""
    found: list[str | Node] = []
    for number in range(count):
        name = f"services/payment-gateway-{number:03}"
        found.append(file(f"{name}/Dockerfile.payment-gateway-{number:03}", ALL))
        found.append(file(f"{name}/x", size_bytes=1_000 * number))
    return found


def test_the_most_costly_builds_are_shown_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "repository", services(30)))
    monkeypatch.setenv("COLUMNS", "80")

    def lines(*options: str) -> list[str]:
        run(["scan", "--exit-zero", *options])
        return capsys.readouterr().out.splitlines()

    short = lines()
    assert short[0] == "30 builds, the most costly first"
    assert short[2].endswith("none  services/payment-gateway-029")
    assert short[22] == "  and 10 more builds: --top N, or -v"
    assert max(len(line) for line in short if not line.startswith("Next: ")) <= 80
    assert lines("--top", "7")[9] == "  and 23 more builds: --top N, or -v"
    full = lines("-v")
    assert full[1].split()[1] == "context"
    assert [each[-4:] for each in full[2:32]] == [f"-{n:03}" for n in range(29, -1, -1)]
    assert lines("-q") == [*short[1:23]]


def test_builds_that_differ_only_in_values_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cretvalue")
    text = b"FROM scratch\nARG WHICH\nARG SECRET\nCOPY $WHICH /\n"
    build = "    build: {context: ., args: [WHICH=%s, SECRET, X=%s]}\n"
    found = [("p", "a"), ("q", "a"), ("r", "b")]
    services = "".join(f"  {name}:\n{build % (which, name)}" for name, which in found)
    nodes = [file("compose.yaml", f"services:\n{services}".encode()), file("Dockerfile", text)]
    nodes += [file("a", size_bytes=900_000), file("b", size_bytes=7_000)]
    monkeypatch.chdir(build_tree(tmp_path / "repository", nodes))
    text_of_scan = render("text", api.scan(), Look(top=20))
    names = [line.split("none  ")[1] for line in text_of_scan.splitlines() if "none  " in line]
    assert names == [". --build-arg WHICH=a (2 builds)", ". --build-arg WHICH=b"]
    for look in (Look(top=20), Look(top=20, full=True)):
        assert "s3cretvalue" not in render("text", api.scan(), look)


def test_commands_of_findings_are_safe_to_paste(tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "repository",
        [
            file("a; touch x/Dockerfile", ALL),
            *(
                file(f"a; touch x/{idea.path}", idea.content, size_bytes=idea.size_bytes)
                for idea in IDEA
            ),
        ],
    )
    (finding,) = api.scan(str(root)).findings
    assert finding.help == f"ctxsize suggest --write '{root}/a; touch x'"


@pytest.mark.parametrize(
    ("build", "options", "purpose"),
    [
        ("{context: app, target: a}", "--target a app", "saves "),
        (
            "{context: app, dockerfile: D, target: a}",
            "-f app/D --target a app",
            "makes 2 builds send less",
        ),
        ("{context: app, args: {X: 1}}", "app", "saves "),
    ],
)
def test_the_next_command_is_for_the_same_build(
    build: str, options: str, purpose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"FROM scratch AS a\nARG X\nCOPY . /\nFROM scratch\nCOPY --from=a / /\n"
    compose = f"services:\n  s:\n    build: {build}\n".encode()
    nodes = [
        file("compose.yaml", compose),
        *(file(f"app/{each}", text) for each in ("D", "Dockerfile")),
    ]
    nodes += [
        file("app/package.json", b"{}"),
        file("app/.idea/workspace.xml", b"<project/>"),
        file("app/.idea/x.xml", size_bytes=10**6),
    ]
    monkeypatch.chdir(build_tree(tmp_path / "repository", nodes))
    scan = api.scan()
    words = "--all --write" if purpose.startswith("makes") else f"--write {options}"
    assert f"ctxsize suggest {words}  {purpose}" in render("text", scan, Look(width=200))
    helps = [each.help for each in scan.findings if each.code == "CTX301"]
    assert f"ctxsize suggest --write {options}" in helps
