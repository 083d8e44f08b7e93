"""Which Dockerfile and which ignore file the builder gets, and what it says if it gets none.

The engine is asked whether the build fails and in which words; where it hangs
for ever, that was seen once and only ours is tested.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.errors import BuildFailsError, CtxsizeError, InputError
from tests.cli.conftest import unprivileged
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, device, fifo, file, link, socket

S = b"FROM scratch\nCOPY . /\n"
NO_A, NO_B = b"a\n", b"b\n"

DOCKERFILES: dict[str, tuple[list[str | Node], str | None]] = {
    "missing": ([], None),
    "directory": (["Dockerfile/x"], None),
    "dangling": ([link("Dockerfile", "nowhere")], None),
    "loop": ([link("Dockerfile", "Dockerfile")], None),
    "link out": ([link("Dockerfile", "../beside/Dockerfile")], None),
    "absolute link out": ([link("Dockerfile", "/beside/Dockerfile")], None),
    "absolute link that starts at the context": (
        [link("Dockerfile", "/sub/D"), file("sub/D", S)],
        None,
    ),
    "link inside": ([link("Dockerfile", "sub/D"), file("sub/D", S)], None),
    "link inside with its own ignore file": (
        [
            *(link("Dockerfile", "sub/D"), file("sub/D", S)),
            *(file("Dockerfile.dockerignore", NO_A), file("sub/D.dockerignore", NO_B)),
        ],
        None,
    ),
    "link out and back": (
        [link("Dockerfile", "../../../sub/D"), file("sub/D", S)],
        None,
    ),
    "lower case": ([file("dockerfile", S), file("Dockerfile.dockerignore", NO_A)], None),
    "lower case beside a dangling one": (
        [
            *(link("Dockerfile", "nowhere"), file("dockerfile", S)),
            *(file("Dockerfile.dockerignore", NO_A), file("dockerfile.dockerignore", NO_B)),
        ],
        None,
    ),
    "lower case beside a directory": (["Dockerfile/x", file("dockerfile", S)], None),
    "both cases": ([file("Dockerfile", S), file("dockerfile", b"nonsense")], None),
    "empty": ([file("Dockerfile", b"")], None),
    "socket": ([socket("Dockerfile")], None),
    "only a comment": ([file("Dockerfile", b"# none\n")], None),
    "named and missing": ([], "nope"),
    "named and a directory": (["sub/x"], "sub"),
    "named and empty": ([file("D", b"")], "D"),
    "named, a link inside": ([link("D", "sub/D"), file("sub/D", S)], "D"),
    "named, a link out of its directory": ([link("sub/D", "../D"), file("D", S)], "sub/D"),
    "named in another directory": ([file("sub/D", S), file("sub/D.dockerignore", NO_A)], "sub/D"),
    "named through a link to a directory": ([link("to", "sub"), file("sub/D", S)], "to/D"),
    "named Dockerfile, lower case there": ([file("sub/dockerfile", S)], "sub/Dockerfile"),
    "/dev/null": ([], "/dev/null"),
}

IGNORE_FILES: dict[str, tuple[list[Node | str], str | None]] = {
    "directory": ([".dockerignore/x"], "ignore-file-passed-over"),
    "dangling": ([link(".dockerignore", "nowhere")], "ignore-file-passed-over"),
    "loop": ([link(".dockerignore", ".dockerignore")], "ignore-file-passed-over"),
    "link out": ([link(".dockerignore", "../beside/ignore")], "ignore-file-passed-over"),
    "link inside": ([link(".dockerignore", "rules"), file("rules", NO_B)], None),
    "empty": ([file(".dockerignore", b"")], None),
    "socket": ([socket(".dockerignore")], None),
    "specific and a directory": (
        [file(".dockerignore", NO_B), "Dockerfile.dockerignore/x"],
        "ignore-file-passed-over",
    ),
    "specific and dangling": (
        [file(".dockerignore", NO_B), link("Dockerfile.dockerignore", "nowhere")],
        "ignore-file-passed-over",
    ),
    "specific, a link inside": (
        [file(".dockerignore", NO_B), link("Dockerfile.dockerignore", "r"), file("r", NO_A)],
        None,
    ),
    "specific and empty": (
        [file(".dockerignore", NO_B), file("Dockerfile.dockerignore", b"")],
        None,
    ),
}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_tree(tmp_path / "beside", [file("Dockerfile", S), file("ignore", NO_B)])
    tree = build_tree(tmp_path / "context", ["a", "b"])
    monkeypatch.chdir(tree)
    return tree


def answer(dockerfile: str | None) -> tuple[int | None, str]:
    """The figure for the transfer, or why the build fails."""
    try:
        report = api.measure(dockerfile=dockerfile)
    except InputError as error:
        return None, error.message
    if report.transfer is not None:
        return report.transfer.wire_bytes, ""
    (problem,) = report.problems
    return None, problem.message


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_dockerfile_that_docker_reads_is_the_one_we_name(
    docker: Docker, context: Path, name: str
) -> None:
    nodes, named = DOCKERFILES[name]
    build_tree(context, nodes)
    result = docker.build_buildkit(".", dockerfile=named)
    wire_bytes, message = answer(named)
    assert result.transferred_bytes == wire_bytes
    if result.error is None:
        assert message == ""
        return
    words = result.error.rpartition("failed to solve: ")[2].strip()
    # The daemon's own path of the file is of no use to anybody.
    words = words.replace(f"read {daemons_path(words)}", "read ")
    assert words in message
    assert message.startswith("the build fails: ")


def daemons_path(words: str) -> str:
    path = words.partition("read /")[2].rpartition("/")[0]
    return f"/{path}/" if path else ""


@pytest.mark.parametrize("name", IGNORE_FILES)
def test_the_ignore_file(docker: Docker, context: Path, name: str) -> None:
    nodes, code = IGNORE_FILES[name]
    build_tree(context, [file("Dockerfile", S), *nodes])
    result, report = docker.build_buildkit("."), api.measure()
    assert result.error is None
    assert report.transfer is not None
    assert result.transferred_bytes == report.transfer.wire_bytes
    assert [each.code for each in report.problems] == ([] if code is None else [code])


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_an_ignore_file_without_permission(docker: Docker, name: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        nodes = ["a", "b", file("Dockerfile", S), file(".dockerignore", NO_B)]
        context = build_tree(Path(directory) / "context", nodes)
        build_tree(context, [file(name, NO_B, mode=0)])
        result = docker.build_buildkit(context, unprivileged=True)
        with unprivileged():
            report = api.measure(str(context))
    assert result.error is None
    assert report.transfer is not None
    assert result.transferred_bytes == report.transfer.wire_bytes
    codes = [each.code for each in report.problems]
    assert codes == ["ignore-file-unreadable", "unreadable-file"]
    assert "treats it as empty without a warning" in report.problems[0].message


def test_a_dockerfile_without_permission(docker: Docker) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        context = build_tree(Path(directory) / "context", [file("Dockerfile", S, mode=0), "a"])
        result = docker.build_buildkit(context, unprivileged=True)
        with unprivileged():
            report = api.measure(str(context))
    words = "the Dockerfile cannot be empty"
    assert words in str(result.error)
    assert report.transfer is None
    assert words in report.problems[0].message


WAITING: list[Node] = [fifo("x"), device("x", 1, 5)]


@pytest.mark.parametrize("node", WAITING, ids=["fifo", "device"])
@pytest.mark.parametrize("builder", ["buildkit", "classic", "podman"])
def test_nothing_is_waited_for(context: Path, node: Node, builder: str) -> None:
    if node.kind == "char" and os.geteuid() != 0:
        pytest.skip("needs root")
    build_tree(context, [node])
    (context / "x").rename(context / "Dockerfile")
    report = api.measure(builder=builder)
    assert report.problems[0].message.startswith("the build fails: the Dockerfile cannot be ")
    with pytest.raises(InputError, match="the build fails: the Dockerfile cannot be "):
        api.measure(dockerfile="Dockerfile", builder=builder)
    with pytest.raises(CtxsizeError):
        list(api.ls(transfer=True, builder="buildkit"))
    (context / "Dockerfile").rename(context / ".dockerignore")
    with pytest.raises(BuildFailsError, match="cannot read the ignore file: it is no regular file"):
        api.measure(builder=builder)


def test_other_builders_follow_links_anywhere(context: Path) -> None:
    build_tree(context, [link("Dockerfile", "../beside/Dockerfile")])
    assert api.measure(builder="classic").problems == ()
    assert api.measure(builder="podman").problems == ()
    (context / "Dockerfile").unlink()
    (problem,) = api.measure(builder="podman").problems
    assert "there is no Dockerfile" in problem.message
    build_tree(context, ["Dockerfile/x"])
    (problem,) = api.measure(builder="classic").problems
    assert "the Dockerfile cannot be read" in problem.message


def test_a_context_that_may_not_be_looked_at() -> None:
    with tempfile.TemporaryDirectory() as directory:
        build_tree(Path(directory) / "shut", ["inside/a"])
        (Path(directory) / "shut").chmod(0)
        Path(directory).chmod(0o755)
        with unprivileged(), pytest.raises(InputError) as caught:
            api.measure(f"{directory}/shut/inside")
        (Path(directory) / "shut").chmod(0o755)
    assert "cannot read the context: permission denied" in str(caught.value)


def test_lists_warn_of_an_ignore_file_that_is_passed_over(context: Path) -> None:
    build_tree(context, [link(".dockerignore", "nowhere")])
    listing = api.ls()
    assert [entry.path for entry in listing] == [".dockerignore", "a", "b"]
    (problem,) = listing.problems
    assert problem.code == "ignore-file-passed-over"
    assert "a symlink that leads nowhere" in problem.message
