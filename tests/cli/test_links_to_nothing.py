"""Symlinks that lead to nothing that is sent: which sources follow them, asked of the engines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from ctxsize import api
from ctxsize.api import plan_for
from ctxsize.build import Build
from ctxsize.engine.source_lookup import Fate, check_in_all
from tests.cli.conftest import Cli
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, file, link

NESTED = ["ok", "d/f", link("d/l", "nope")]
TOP = ["ok", "d/f", link("l", "nope")]
DEEP = ["ok", "d/e/f", link("d/e/l", "nope")]
LOOP = ["ok", "d/f", link("d/l", "l")]
OUT = ["ok", "d/f", link("d/l", "../../x")]
INSIDE = ["ok", "zz", "d/f", link("d/l", "../zz")]
HIDDEN = ["ok", "secret", "d/f", link("d/l", "../secret"), file(".dockerignore", b"secret\n")]
LINKED = ["ok", "e/g/f", link("e/g/q", "nope"), link("b", "e")]


class Case(NamedTuple):
    """A Dockerfile's last line for a tree, and who fails on it."""

    tree: list[str | Node]
    line: str
    newer: bool
    older: bool


CASES = {
    "link that a wildcard matches": Case(NESTED, "COPY d/l* /o/", True, True),
    "all of a directory": Case(NESTED, "COPY d/* /o/", True, True),
    "link by its name": Case(NESTED, "COPY d/l /o/", True, True),
    "directory": Case(NESTED, "COPY d /o/", False, False),
    "directory and a file": Case(NESTED, "COPY ok d/ /o/", False, False),
    "context, link below": Case(NESTED, "COPY . /o/", False, False),
    "context, link at the top": Case(TOP, "COPY . /o/", False, False),
    "directory that a wildcard matches": Case(NESTED, "COPY d* /o/", False, True),
    "file and such a directory": Case(NESTED, "COPY ok d* /o/", False, True),
    "star, link below": Case(NESTED, "COPY * /o/", False, True),
    "star, link at the top": Case(TOP, "COPY ./* /o/", True, True),
    "wildcard in front of the link": Case(NESTED, "COPY */l /o/", True, True),
    "wildcard in front of a file": Case(NESTED, "COPY */f /o/", False, False),
    "link far below": Case(DEEP, "COPY d/* ok /o/", False, True),
    "wildcard in front of its directory": Case(DEEP, "COPY d*/e ok /o/", False, True),
    "loop that a wildcard matches": Case(LOOP, "COPY d/* ok /o/", True, True),
    "loop below": Case(LOOP, "COPY ok d* /o/", False, True),
    "out of the context": Case(OUT, "COPY d/* /o/", True, True),
    "out of the context, below": Case(OUT, "COPY ok d* /o/", False, True),
    "to what is ignored": Case(HIDDEN, "COPY d/* /o/", True, True),
    "to what is ignored, below": Case(HIDDEN, "COPY ok d* /o/", False, True),
    "to what another source takes": Case(INSIDE, "COPY zz d* /o/", False, False),
    "to what is not taken": Case(INSIDE, "COPY ok d* /o/", False, True),
    "to what the match brings along": Case(INSIDE, "COPY d/* /o/", False, False),
    "ignored link": Case(
        [*NESTED, file(".dockerignore", b"d/l\n")], "COPY d/* ok /o/", False, False
    ),
    "below a link in front of the wildcard": Case(LINKED, "COPY b/g/* /o/", True, True),
    "far below a link in front of it": Case(LINKED, "COPY b/* ok /o/", False, True),
    "below a link that a wildcard matches": Case(LINKED, "COPY ok b* /o/", False, False),
    "ADD": Case(NESTED, "ADD d/* /o/", True, True),
    "ADD of a directory": Case(NESTED, "ADD ok d* /o/", False, True),
    "link option": Case(NESTED, "COPY --link ok d* /o/", False, True),
    "link option and a match": Case(NESTED, "COPY --link d/* /o/", True, True),
    # Docker 26.1 refuses --exclude.
    "exclude of the context": Case(TOP, "COPY --exclude=zz ./ /o/", True, True),
    "exclude of the context, ADD": Case(TOP, "ADD --exclude=zz / /o/", True, True),
    "exclude of the context, link below": Case(NESTED, "COPY --exclude=zz . /o/", False, True),
    "exclude of that link": Case(TOP, "COPY --exclude=l* . /o/", False, True),
    "exclude of that link, and not": Case(TOP, "COPY --exclude=* --exclude=!l . /o/", True, True),
    "exclude of a directory": Case(NESTED, "COPY --exclude=zz ok d /o/", False, True),
    "exclude of a match": Case(NESTED, "COPY --exclude=** d/* /o/", True, True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_link_to_nothing_fails_the_build_that_follows_it(
    docker: Docker, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    root = build_tree(tmp_path / "context", case.tree)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM scratch\n{case.line}\n")
    result = docker.build_buildkit(root, dockerfile=dockerfile)
    fails = case.newer if docker.age == "newer" else case.older
    assert (result.error is not None) == fails, result.error
    report = api.measure(str(root), dockerfile=str(dockerfile))
    problems = [each.code for each in report.problems]
    assert problems == ["source-not-found"] * case.newer
    assert report.transfer is not None

    build = Build(str(root), dockerfile=str(dockerfile))
    checks = check_in_all(plan_for(build), "2")
    assert any(not each.fate.is_found for each in checks) == case.newer
    if docker.age == "newer" and not case.newer:
        assert result.transferred_bytes == report.transfer.wire_bytes


def test_each_command_names_the_link(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [*NESTED, file("Dockerfile", b"FROM scratch\nCOPY d/* /o/\n")])
    expected = "the build fails: COPY d/*: not found, as d/nope is not in the context"
    measured = cli("measure", str(root))
    assert expected in " ".join(measured.out.split())
    assert measured.out.startswith("The build fails: ")
    assert expected in cli("ls", "--transfer", str(root)).err
    assert "d/nope is not in the context" in cli("explain", "-C", str(root), "--source", "2").out


def test_a_loop_is_named(tmp_path: Path) -> None:
    root = build_tree(tmp_path, [*LOOP, file("Dockerfile", b"FROM scratch\nCOPY d/* /o/\n")])
    (problem,) = api.measure(str(root)).problems
    assert problem.message.endswith("not found, as the symlink d/l leads in a circle")
    (check,) = check_in_all(plan_for(str(root)), "2")
    assert check.fate is Fate.LOOP
