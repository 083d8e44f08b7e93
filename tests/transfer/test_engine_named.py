"""Named contexts and platforms in the real engine: every transfer, to the byte.

The transfers of one context run side by side, and the last count of a short one
may get lost on the way to the client. So such a build is repeated until each
count has come through; none may ever be another than ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.formats.wording import level
from ctxsize.model import Report
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, file, hardlink, link

MAIN: list[str | Node] = [
    *("app.py", "Makefile", "src/main.py", "src/deep/x.py", "docs/index.md", "bin/amd64/tool"),
    *("bin/arm64/tool-for-arm", "bin/arm/v7/t", "common/a", "node_modules/x/y.js"),
    link("current", "bin/arm64"),
]
LIB: list[str | Node] = [
    *("one", "two", "sub/a", "sub/b", "sub/deep/c", "pkg/x.go", "pkg/y.go", "vendor/v.go"),
    *("Dockerfile", "drop.log", "sub/drop.log", "kept/drop.log", "a b"),
    file("big", size_bytes=70_000),
    file("none", b""),
    file("run.sh", mode=0o755),
    hardlink("three", "one"),
    link("link", "sub/deep"),
    link("out", "../../../pkg"),
    file(".dockerignore", b"**/*.log\n!kept\nvendor\n"),
    file("Dockerfile.dockerignore", b"*\n"),
]
OTHER: list[str | Node] = ["one", "other/z", file("bytes", size_bytes=33_000)]


@dataclass(frozen=True)
class Case:
    """A build: its Dockerfile, and what is given on the command line."""

    dockerfile: str
    contexts: dict[str, str] = field(default_factory=lambda: {"lib": "lib"})
    target: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    ignoring: str = ""
    specific: str | None = None


S = "FROM scratch\n"
A = "FROM scratch AS "

NAMED = {
    "all of it": Case(S + "COPY --from=lib . /\n"),
    "one file": Case(S + "COPY --from=lib one /\n"),
    "a directory": Case(S + "COPY --from=lib sub /s\n"),
    "two sources": Case(S + "COPY --from=lib one sub /x/\n"),
    "wildcard": Case(S + "COPY --from=lib pkg/*.go /x/\n"),
    "link": Case(S + "COPY --from=lib link /x\n"),
    "through a link": Case(S + "COPY --from=lib link/c /x\n"),
    "link out of it": Case(S + "COPY --from=lib out/x.go /x\n"),
    "hard link": Case(S + "COPY --from=lib three /x\n"),
    "hard link and its first": Case(S + "COPY --from=lib one three /x/\n"),
    "empty file": Case(S + "COPY --from=lib none /x\n"),
    "blank in a name": Case(S + 'COPY --from=lib ["a b", "/x/"]\n'),
    "variable": Case(S + "ARG D=sub\nCOPY --from=lib $D/a /x\n"),
    "build argument": Case(S + "ARG D=sub\nCOPY --from=lib $D /x\n", arguments={"D": "pkg"}),
    "both contexts": Case(S + "COPY app.py /\nCOPY --from=lib big /\n"),
    "its own ignore file": Case(S + "COPY --from=lib sub kept /x/\n", ignoring="sub\nkept\n"),
    "not the Dockerfile's": Case(S + "COPY . /m/\nCOPY --from=lib . /\n", specific="src\none\n"),
    "both ignore": Case(
        S + "COPY . /m/\nCOPY --from=lib . /\n", ignoring="node_modules\n!node_modules/x\n"
    ),
    "the whole of both": Case(S + "COPY . /m/\nCOPY --from=lib . /l/\n"),
    "specific and empty": Case(
        S + "COPY . /m/\nCOPY --from=lib sub /\n", ignoring="*", specific=""
    ),
    "a base": Case("FROM lib\nCOPY app.py /\n"),
    "a base alone": Case("FROM lib\n"),
    "a base that is copied from": Case(f"FROM lib AS x\n{S}COPY --from=x sub /\n"),
    "a base and a stage on it": Case(f"FROM lib AS x\nFROM x AS y\n{S}COPY --from=y sub /\n"),
    "copied twice from one stage": Case(
        f"FROM lib AS x\n{S}COPY --from=x one /\nCOPY --from=x sub /\n"
    ),
    "by number": Case(f"FROM lib\n{S}COPY --from=0 two /\n"),
    "in place of a stage": Case(f"{A}lib\nCOPY app.py /\n{S}COPY --from=lib one /\n"),
    "in place of a stage, by number": Case(f"{A}lib\nCOPY . /\n{S}COPY --from=0 one /\n"),
    "in place of a base stage": Case(f"{A}lib\nCOPY . /\nFROM lib\nCOPY docs /\n"),
    "in place of the target": Case(f"{A}lib\nCOPY . /\n", target="lib"),
    "in place of an image": Case(
        "FROM docker.io/library/alpine:latest\nCOPY docs /\n", {"alpine": "lib"}
    ),
    "image with a tag": Case("FROM alpine:3.20\nCOPY docs /\n", {"alpine:3.20": "lib"}),
    "copied from an image": Case(S + "COPY --from=golang:1.22 pkg /\n", {"golang:1.22": "lib"}),
    "name in full": Case(S + "COPY --from=lib one /\n", {"docker.io/library/lib:latest": "lib"}),
    "called context": Case(S + "COPY --from=context one /\n", {"context": "lib"}),
    "called context, beside the context": Case(
        S + "COPY app.py /\nCOPY --from=context one /\n", {"context": "lib"}
    ),
    "called dockerfile": Case(S + "COPY --from=dockerfile one /\n", {"dockerfile": "lib"}),
    "two of them": Case(
        S + "COPY --from=lib sub /\nCOPY --from=more other /\n", {"lib": "lib", "more": "other"}
    ),
    "one directory under two names": Case(
        S + "COPY --from=lib sub /\nCOPY --from=more sub /\n", {"lib": "lib", "more": "lib"}
    ),
    "not used": Case(S + "COPY app.py /\n"),
    "used in a stage that is not": Case(f"{A}x\nCOPY --from=lib . /\n{S}COPY app.py /\n"),
    "the build context under a name": Case(S + "COPY --from=me src /\n", {"me": "main"}),
    "the context by both names": Case(
        S + "COPY src /s\nCOPY --from=me docs /d\n", {"me": "main"}, ignoring="src/deep\n"
    ),
    "nothing of the context": Case(f"FROM lib AS x\n{S}COPY --from=x big one /x/\n"),
    "the same twice": Case(S + "COPY --from=lib one /a\nCOPY --from=lib one /b\n"),
    "the same in two stages": Case(
        f"{A}x\nCOPY --from=lib sub /\n{S}COPY --from=lib sub /\nCOPY --from=x /deep /\n"
    ),
    "heredoc beside it": Case(S + "COPY --from=lib one /\nCOPY <<E /y\nz\nE\n"),
}

MOUNTED = {
    # No program can run in these, but what it mounts is sent first.
    "a directory": Case(S + "RUN --mount=from=lib,source=sub,target=/m x\n"),
    "all of it": Case(S + "RUN --mount=from=lib,target=/m x\n"),
    "through a link": Case(S + "RUN --mount=from=lib,source=link,target=/m x\n"),
    "from a stage on it": Case(f"FROM lib AS x\n{S}RUN --mount=from=x,source=pkg,target=/m x\n"),
    "a command in it": Case("FROM lib AS x\nRUN x\n"),
    "a source that is ignored": Case(S + "COPY --from=lib vendor /\n"),
    "a source that is missing": Case(S + "COPY --from=lib nope /\n"),
}

SEVERAL = {
    "two instructions": Case(S + "COPY --from=lib one /\nCOPY --from=lib two /\n"),
    "three instructions": Case(
        S + "COPY --from=lib one /\nCOPY --from=lib sub /\nCOPY --from=lib . /x/\n"
    ),
    "one and the same again": Case(
        S + "COPY --from=lib one /\nCOPY --from=lib two /\nCOPY --from=lib one /x\n"
    ),
    "overlapping": Case(S + "COPY --from=lib big /\nCOPY --from=lib big one /x/\n"),
    "a stage and an instruction": Case(
        f"FROM lib AS x\n{S}COPY --from=lib one /\nCOPY --from=x two /\n"
    ),
    "two stages": Case(
        f"FROM lib AS x\nFROM lib AS y\n{S}COPY --from=x one /\nCOPY --from=y sub /\n"
    ),
    "in stages apart": Case(
        f"{A}x\nCOPY --from=lib one /\n{S}COPY --from=lib two /\nCOPY --from=x one /y\n"
    ),
}

PLATFORMS = {
    "the same": Case(S + "COPY app.py /\n"),
    "all of it": Case(S + "COPY . /\n"),
    "architecture": Case(S + "ARG TARGETARCH\nCOPY bin/$TARGETARCH common /x/\n"),
    "platform": Case(
        S + "ARG TARGETPLATFORM\nCOPY bin/${TARGETPLATFORM#linux/} /x/\n", {}, ignoring="docs\n"
    ),
    "for the builder": Case(
        "FROM --platform=$BUILDPLATFORM scratch AS x\nARG BUILDARCH\n"
        f"COPY bin/$BUILDARCH /b\n{S}COPY --from=x /b /b\nCOPY app.py /\n"
    ),
    "in another stage": Case(
        f"{A}x\nARG TARGETARCH\nCOPY bin/$TARGETARCH /b\n{S}COPY --from=x /b /b\n"
    ),
    "a stage for each": Case(
        f"{A}s-amd64\nCOPY bin/amd64 /\n{A}s-arm64\nCOPY docs /\n"
        "FROM s-$TARGETARCH\nCOPY app.py /\n"
    ),
    "nothing for one": Case(
        f"{A}s-amd64\nCOPY bin/amd64 /\n{A}s-arm64\nCOPY <<E /y\nz\nE\nFROM s-$TARGETARCH\n"
    ),
    "named": Case(S + "COPY --from=lib sub /\nCOPY app.py /\n"),
    "named, each its own": Case(
        S + "ARG TARGETARCH\nCOPY --from=me bin/$TARGETARCH /x/\n", {"me": "main"}
    ),
}
BOTH = ("linux/amd64,linux/arm64",)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("named")
    for name, nodes in (("main", MAIN), ("lib", LIB), ("other", OTHER)):
        build_tree(top / name, nodes)
    return top


def ours(trees: Path, dockerfile: Path, case: Case) -> Report:
    build_tree(trees / "main", [file(".dockerignore", case.ignoring.encode())])
    dockerfile.write_text(case.dockerfile)
    if case.specific is not None:
        (dockerfile.parent / "Dockerfile.dockerignore").write_text(case.specific)
    return api.measure(
        str(trees / "main"),
        dockerfile=str(dockerfile),
        target=case.target,
        build_arguments=case.arguments,
        build_contexts={name: str(trees / where) for name, where in case.contexts.items()},
        platforms=case.platforms,
    )


def expected(report: Report) -> dict[str, list[int | None]]:
    """The figures of each context's transfers; `""` is the build context."""
    found = {"": [each.wire_bytes for each in report.transfers if each.context_used]}
    for named in report.named_contexts:
        found[named.name] = [each.wire_bytes for each in named.transfers]
    return {name: figures for name, figures in found.items() if figures}


def theirs(
    docker: Docker, trees: Path, dockerfile: Path, case: Case, *, warm: bool = False
) -> BuildResult:
    extra = [f"--build-arg={name}={value}" for name, value in case.arguments.items()]
    extra += [f"--build-context={name}={trees / path}" for name, path in case.contexts.items()]
    extra += [f"--platform={each}" for each in case.platforms]
    return docker.build_buildkit(
        trees / "main", dockerfile=dockerfile, target=case.target or None, extra=extra, warm=warm
    )


def figures(result: BuildResult) -> dict[str, list[int | None]]:
    assert result.error is None
    return {name: [each.bytes for each in found] for name, found in result.loaded().items()}


def check_side_by_side(docker: Docker, trees: Path, dockerfile: Path, case: Case) -> None:
    """Build until each figure has come through; no other figure may come."""
    report = ours(trees, dockerfile, case)
    awaited = {name: Counter(each) for name, each in expected(report).items()}
    seen = {name: Counter[int | None]() for name in awaited}
    for _ in range(12):
        result = theirs(docker, trees, dockerfile, case)
        assert result.error is None
        assert result.loaded().keys() <= awaited.keys()
        for name, found in result.loaded().items():
            done = Counter(each.bytes for each in found if each.done)
            assert done <= awaited[name]
            seen[name] |= done
        if seen == awaited:
            return
    assert seen == awaited


@pytest.mark.parametrize("name", NAMED)
def test_our_numbers_are_dockers(docker: Docker, trees: Path, tmp_path: Path, name: str) -> None:
    case, dockerfile = NAMED[name], tmp_path / "Dockerfile"
    report = ours(trees, dockerfile, case)
    assert figures(theirs(docker, trees, dockerfile, case)) == expected(report)


@pytest.mark.parametrize("name", MOUNTED)
def test_builds_that_fail_after_the_transfer(
    docker: Docker, trees: Path, tmp_path: Path, name: str
) -> None:
    case, dockerfile = MOUNTED[name], tmp_path / "Dockerfile"
    report = ours(trees, dockerfile, case)
    result = theirs(docker, trees, dockerfile, case)
    assert result.error is not None
    found = {name: [each.bytes for each in some] for name, some in result.loaded().items()}
    assert found == expected(report)


@pytest.mark.parametrize(
    "source",
    [
        "none-such",
        "one",
        "sub/a",
        "sub/none-such",
        "vendor",
        "drop.log",
        "link",
        "link/c",
        "",
        "o*",
    ],
)
def test_a_cache_is_looked_up_in_its_context(
    docker: Docker, trees: Path, tmp_path: Path, source: str
) -> None:
    mount = f"type=cache,from=lib,source={source},target=/m"
    case, dockerfile = Case(f"{S}RUN --network=none --mount={mount} x\n"), tmp_path / "Dockerfile"
    report = ours(trees, dockerfile, case)
    error = theirs(docker, trees, dockerfile, case).error
    assert error is not None
    fails = "did not complete successfully: exit code" not in error
    assert (level(report) == "build-fails") == fails


@pytest.mark.parametrize("name", SEVERAL)
def test_one_context_may_have_several_transfers(
    docker: Docker, trees: Path, tmp_path: Path, name: str
) -> None:
    check_side_by_side(docker, trees, tmp_path / "Dockerfile", SEVERAL[name])


@pytest.mark.parametrize("name", PLATFORMS)
def test_several_platforms_transfer_what_docker_transfers(
    docker_platforms: Docker, trees: Path, tmp_path: Path, name: str
) -> None:
    case = Case(**{**PLATFORMS[name].__dict__, "platforms": BOTH})
    check_side_by_side(docker_platforms, trees, tmp_path / "Dockerfile", case)


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm/v7", "linux/amd64", ""])
@pytest.mark.parametrize("name", ["architecture", "platform"])
def test_one_platform_transfers_what_docker_transfers(
    docker: Docker, trees: Path, tmp_path: Path, name: str, platform: str
) -> None:
    text = PLATFORMS[name].dockerfile.replace("}", "} *").replace("common", "*")
    case = Case(text, {}, platforms=(platform,) if platform else ())
    dockerfile = tmp_path / "Dockerfile"
    report = ours(trees, dockerfile, case)
    wire_bytes = theirs(docker, trees, dockerfile, case).transferred_bytes
    assert report.transfer is not None
    assert report.transfer.wire_bytes == wire_bytes
