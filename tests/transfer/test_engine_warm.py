"""What the real engine prints when nothing changed since the last build: our warm figure.

BuildKit knows a context by its directory's name, so each test has a name of its own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.model import Report, Transfer
from tests.cli.conftest import unprivileged
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.transfer.test_engine_named import LIB, S
from tests.trees import Node, build_tree, device, fifo, file, hardlink, link, socket

TREE: list[str | Node] = [
    *("a", "src/x.py", "src/deep/y", "é", "vendor/keep/one", "vendor/keep/two", "vendor/drop"),
    file("big", size_bytes=100_000),
    file("chunk", size_bytes=32_768),
    file("none", b""),
    file("set-uid", mode=0o4755),
    file("sticky", mode=0o1644),
    file("old", mtime_ns=-5_000_000_007),
    file("epoch", mtime_ns=0),
    file("future", mtime_ns=4 * 10**18),
    file("labelled", xattrs={"user.label": b"value"}),
    hardlink("z/again", "a"),
    link("to-a", "a"),
    link("to-nowhere", "no/where"),
    fifo("fifo"),
    socket("socket"),
    device("device", 1, 3),
]
EMPTIED = b"vendor\n!vendor/keep\n**/vendor\n"

CASES = {
    "everything": (S + "COPY . /\n", b""),
    "one file": (S + "COPY a /\n", b""),
    "a directory": (S + "COPY src /s\n", b""),
    "through a link": (S + "COPY to-a /s\n", b""),
    "hard links": (S + "COPY z a /x/\n", b""),
    "files that arrive empty": (S + "COPY . /\n", EMPTIED),
    "only files that arrive empty": (S + "COPY vendor /v\n", EMPTIED),
    "emptied by what is asked for": (S + "COPY src ![s]rc/x.py src/x.p[y] /x/\n", b""),
    "ignored with exceptions": (S + "COPY . /\n", b"*\n!src/deep\n"),
    "nothing is left": (S + "COPY . /\n", b"*\n"),
}


def built(
    docker: Docker, context: Path, text: str, *extra: str, unprivileged: bool = False
) -> list[BuildResult]:
    """A first and a second build of a Dockerfile beside the context."""
    dockerfile = context.parent / f"{context.name}.df"
    dockerfile.write_text(text)
    return [
        docker.build_buildkit(
            context, dockerfile=dockerfile, extra=extra, unprivileged=unprivileged, warm=True
        )
        for _ in range(2)
    ]


def measured(context: Path, **contexts: str) -> Report:
    dockerfile = str(context.parent / f"{context.name}.df")
    return api.measure(str(context), dockerfile=dockerfile, build_contexts=contexts)


def both(transfer: Transfer | None) -> list[int | None]:
    assert transfer is not None
    return [transfer.wire_bytes, transfer.warm_bytes]


@pytest.mark.parametrize("name", CASES)
def test_a_second_build(docker: Docker, tmp_path: Path, name: str) -> None:
    text, ignoring = CASES[name]
    unique = f"warm-{list(CASES).index(name)}"
    context = build_tree(tmp_path / unique, [*TREE, file(".dockerignore", ignoring)])
    results = built(docker, context, text)
    assert [result.transferred_bytes for result in results] == both(measured(context).transfer)


def test_unreadable_files_are_asked_for_again(docker: Docker) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        context = build_tree(Path(name) / "warm-shut", ["a", "b", file("shut", mode=0)])
        results = built(docker, context, S + "COPY . /\n", unprivileged=True)
        with unprivileged():
            transfer = measured(context).transfer
    assert [result.transferred_bytes for result in results] == both(transfer)


def test_named_contexts_are_sent_again_as_docker_does(docker: Docker, tmp_path: Path) -> None:
    context, lib = build_tree(tmp_path / "warm-named", TREE), build_tree(tmp_path / "lib", LIB)
    text = S + "COPY src /\nCOPY --from=lib . /\n"
    results = built(docker, context, text, f"--build-context=lib={lib}")
    report = measured(context, lib=str(lib))
    (transfer,) = report.named_contexts[0].transfers
    figures = [result.loaded() for result in results]
    assert [each["lib"][0].bytes for each in figures] == both(transfer)
    assert [each[""][0].bytes for each in figures] == both(report.transfer)


def test_of_several_transfers_each_may_meet_what_another_left(
    docker: Docker, tmp_path: Path
) -> None:
    context, lib = build_tree(tmp_path / "warm-many", ["a"]), build_tree(tmp_path / "lib", LIB)
    text, option = S + "COPY --from=lib big /\nCOPY --from=lib sub one /x/\n", f"lib={lib}"
    (context.parent / f"{context.name}.df").write_text(text)
    transfers = measured(context, lib=str(lib)).named_contexts[0].transfers
    assert len(transfers) == 2
    cold = {each.wire_bytes for each in transfers}
    warm = {each.warm_bytes for each in transfers}
    seen: set[int | None] = set()
    for _ in range(12):
        for result in built(docker, context, text, f"--build-context={option}"):
            seen |= {each.bytes for each in result.loaded().get("lib", ()) if each.done}
        if seen & cold and seen & warm:
            break
    assert seen & cold
    assert seen & warm
    for figure in seen:
        assert any(least <= figure <= most for most, least in map(both, transfers))  # type: ignore[operator]


def test_platforms_race_for_what_is_left_too(docker_platforms: Docker, tmp_path: Path) -> None:
    nodes = ["bin/amd64/tool", file("bin/arm64/tool", size_bytes=50_000), "common"]
    context = build_tree(tmp_path / "warm-platforms", nodes)
    text = S + "ARG TARGETARCH\nCOPY bin/$TARGETARCH common /x/\n"
    option = "--platform=linux/amd64,linux/arm64"
    seen: set[int | None] = set()
    for _ in range(8):
        for result in built(docker_platforms, context, text, option):
            seen |= {each.bytes for each in result.loaded().get("", ()) if each.done}
    report = api.measure(
        str(context),
        dockerfile=str(context.parent / f"{context.name}.df"),
        platforms=("linux/amd64,linux/arm64",),
    )
    figures = [both(each) for each in report.transfers]
    assert len(figures) == 2
    assert seen & {most for most, _ in figures}
    assert seen & {least for _, least in figures}
    for figure in seen:
        assert any(least <= figure <= most for most, least in figures)  # type: ignore[operator]


@pytest.mark.parametrize("option", ["--platform=linux/amd64", "--platform=linux/amd64,linux/arm64"])
def test_what_platforms_share_is_sent_once(
    docker_platforms: Docker, tmp_path: Path, option: str
) -> None:
    context = build_tree(tmp_path / f"warm-{len(option)}", TREE)
    results = built(docker_platforms, context, S + "COPY src /x/\n", option)
    assert [result.transferred_bytes for result in results] == both(measured(context).transfer)
