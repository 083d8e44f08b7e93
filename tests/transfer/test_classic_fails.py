"""Sources that the classic builder finds or not: our verdict is that of the real one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.formats.wording import level
from tests.oracles.engines import Docker
from tests.transfer.planting import Plant, links, paths
from tests.transfer.test_buildah_fails import GLOBS, MORE, NODES
from tests.transfer.test_engine_fails import (
    CLASH,
    EMPTY,
    LINKS,
    NAMES,
    STAGE,
    ignoring,
    taking,
)
from tests.trees import Node, build_tree, file

S = "FROM scratch\n"
OTHERS: dict[str, tuple[str, str]] = {
    "stage that is not needed": ("", "FROM scratch AS a\nCOPY none /\nFROM scratch\nCOPY app /\n"),
    "base of another stage": ("", "FROM scratch AS a\nCOPY none /\nFROM scratch\nCOPY none /\n"),
    "trigger": ("", S + "ONBUILD COPY none /\n"),
    "inherited trigger": ("", "FROM scratch AS a\nONBUILD COPY none /\nFROM a\n"),
    "directory with an exception for nothing": ("v1\n!v1/zzz", S + "COPY v1 /o/\n"),
    "directory with an exception with a wildcard": ("v1\n!v1/*", S + "COPY v1 /o/\n"),
    "exception with two stars": ("*\n!**/x", S + "COPY v1 /o/\n"),
    "ignore file, hidden": ("*", S + "COPY .dockerignore /o/\n"),
    "ignore file": ("app", S + "COPY .dockerignore /o/\n"),
    "Dockerfile, hidden": ("*", S + "COPY Dockerfile /o/\n"),
    "Dockerfile": ("app", S + "COPY Dockerfile /o/\n"),
    "all but what the build itself needs": ("*", S + "COPY [.D]* /o/\n"),
    "variable": ("", S + "ARG D=none\nCOPY $D /o/\n"),
    "variable that is unset": ("", S + "COPY $D /o/\n"),
    "out by an absolute path": ("", S + "COPY /../app /o/\n"),
    "out and back": ("", S + "COPY v1/../../app /o/\n"),
    "up inside": ("", S + "COPY v1/../app /o/\n"),
    "above": ("", S + "COPY .. /o/\n"),
    "wildcard above": ("", S + "COPY ../ap* /o/\n"),
    "another case": ("", S + "COPY APP /o/\n"),
    "link that leaves": ("", S + "COPY out /o/\n"),
    "through a link that leaves": ("", S + "COPY out/x /o/\n"),
    "empty stage, two wildcards": ("", STAGE.format("", "COPY --from=a q* a* /o/")),
    "empty stage, wildcard and all": ("", STAGE.format("", "COPY --from=a q* . /o/")),
    "empty stage, wildcard in a directory": ("", STAGE.format("", "COPY --from=a a/* . /o/")),
    "empty stage, all": ("", STAGE.format("", "COPY --from=a . /o/")),
    "heredoc of ADD": ("", S + "ADD <<E /o/\nx\nE\n"),
    "link": ("", S + "COPY --link app /o/\n"),
    "mode": ("", S + "COPY --chmod=644 app /o/\n"),
    "mode of ADD": ("", S + "ADD --chmod=644 app /o/\n"),
    "owner": ("", S + "COPY --chown=1:1 app /o/\n"),
    "link of ADD": ("", S + "ADD --link app /o/\n"),
    "directory of git": ("", S + "ADD --keep-git-dir app /o/\n"),
    "mount that is not needed": (
        "",
        "FROM scratch AS a\nRUN --mount=target=/m x\nFROM scratch\nCOPY app /\n",
    ),
    "mount in a trigger": ("", S + "ONBUILD RUN --mount=target=/m x\n"),
    "inherited mount": ("", "FROM scratch AS a\nONBUILD RUN --mount=target=/m x\nFROM a\n"),
    "scratch in a stage that is not needed": (
        "",
        "FROM scratch AS a\nCOPY --from=scratch . /\nFROM scratch\nCOPY app /\n",
    ),
    "platform": ("", "FROM --platform=linux/amd64 scratch\nCOPY app /\n"),
}
# BuildKit refuses these too, before it looks for anything: then there is no verdict.
REFUSED = ("mount at the root", "mount at the root of a stage")
CASES = LINKS | MORE | GLOBS | OTHERS
CASES |= {name: ("", text) for name, text in NAMES.items()}
CASES |= {f"empty: {name}": ("", text) for name, text in EMPTY.items() if name not in REFUSED}
TARGETS = {
    "first": "FROM scratch AS a\nCOPY app /\nFROM scratch\nCOPY none /\n",
    "second": "FROM scratch AS b\nCOPY none /\nFROM scratch AS a\nCOPY app /\n",
}


def verdicts(
    docker: Docker,
    tmp_path: Path,
    nodes: Sequence[str | Node],
    text: str,
    *,
    path: str = "Dockerfile",
    target: str | None = None,
) -> tuple[bool, bool]:
    """Whether we say that the build fails, and whether it does."""
    root = build_tree(tmp_path / "context", [*nodes, file(path, text.encode())])
    dockerfile = root / path
    error = docker.build_classic(root, dockerfile=dockerfile, target=target).error
    options = {"dockerfile": str(dockerfile), "builder": "classic"}
    report = api.measure(str(root), target=target or "", **options)
    return level(report) == "build-fails", error is not None


@pytest.mark.parametrize("name", CASES)
def test_a_source_is_found_or_the_build_fails(docker: Docker, tmp_path: Path, name: str) -> None:
    hidden, text = CASES[name]
    ours, its = verdicts(docker, tmp_path, [*NODES, file(".dockerignore", hidden.encode())], text)
    assert ours == its


@pytest.mark.parametrize("name", TARGETS)
def test_stages_up_to_the_target_are_built(docker: Docker, tmp_path: Path, name: str) -> None:
    ours, its = verdicts(docker, tmp_path, NODES, TARGETS[name], target="a")
    assert ours == its


def test_the_directory_of_the_dockerfile_stays(docker: Docker, tmp_path: Path) -> None:
    """The Dockerfile is sent though it is ignored, and then removed, but not its directory."""
    nodes = ["docker/x", file(".dockerignore", b"*")]
    for at, (source, fails) in enumerate((("docker", False), ("docker/Dockerfile", True))):
        text = f"{S}COPY {source} /o/\n"
        found = verdicts(docker, tmp_path / f"{at}", nodes, text, path="docker/Dockerfile")
        assert found == (fails, fails)


# At random.


@given(
    files=st.lists(paths, min_size=1, max_size=6),
    symlinks=links,
    ignoring=ignoring,
    line=taking.filter(lambda e: "mount" not in e),
)
@settings(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_sources_are_found_or_not(
    docker: Docker,
    plant: Plant,
    files: list[str],
    symlinks: dict[str, str],
    ignoring: str,
    line: str,
) -> None:
    context = plant(files, symlinks)
    (context / ".dockerignore").write_text(ignoring)
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory) / "Dockerfile"
        dockerfile.write_text(f"{S}{line}\n")
        error = docker.build_classic(context, dockerfile=dockerfile).error
        report = api.measure(str(context), dockerfile=str(dockerfile), builder="classic")
    fails = error is not None and CLASH not in error
    event("the build fails" if fails else "it does not")
    assert (level(report) == "build-fails") == fails, error
