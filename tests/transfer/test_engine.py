"""Builds by the real engine: our count of the transfer is the number that Docker prints.

The number depends on each path, size, mode and position, so equal numbers leave
little room for unequal lists; docker-devtools is asked for those where it can
follow the Dockerfile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.model import Report
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, file, hardlink, link

TREE: list[str | Node] = [
    *("Makefile", "app.py", "setup.cfg", "a b", "weird[1].txt", "a|b", "-dash"),
    *("src/main.py", "src/util.py", "src/deep/x.py", "src/deep/y.txt", "src/gen/z.py"),
    *("docs/index.md", "docs/img/logo.png", "lib/v1/one", "lib/v2/two", "bin-amd64/tool"),
    *("bin-arm64/tool", "node_modules/lib/index.js", "node_modules/lib/x.log", "é/ü", "empty/"),
    file("big.bin", size_bytes=150_000),
    file("chunk.bin", size_bytes=32_768),
    file("none", b""),
    file("run.sh", mode=0o755),
    hardlink("src/again.py", "app.py"),
    link("current", "lib/v2"),
    link("absolute", "/lib/v1"),
    link("outside", "../../../src/deep"),
    link("here", "."),
    link("gone", "no/where"),
    link("src/docs", "../docs"),
    link("l1", "current/two"),
    link("l2", "src/docs/img"),
]


@dataclass(frozen=True)
class Case:
    """A build: its Dockerfile, and what is given on the command line."""

    dockerfile: str
    target: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    ignoring: str = ""
    specific: str | None = None


S = "FROM scratch\n"

CASES = {
    "pruned away": Case(S + "COPY src/*/** /x/\n"),
    "dot": Case(S + "COPY . /\n"),
    "one file": Case(S + "COPY app.py /\n"),
    "two files": Case(S + "COPY app.py Makefile /x/\n"),
    "directory": Case(S + "COPY src /src\n"),
    "directory with slash": Case(S + "COPY src/ /src/\n"),
    "from the root": Case(S + "COPY /src/deep /d\n"),
    "out of the root": Case(S + "COPY ../../src/deep /d\n"),
    "detour": Case(S + "COPY ./src/../docs/./img /d\n"),
    "nothing": Case(S + "COPY <<E /x\ny\nE\n"),
    "heredoc and file": Case(S + "COPY app.py <<E /x/\ny\nE\n"),
    "empty directory": Case(S + "COPY empty /e\n"),
    "empty file": Case(S + "COPY none /\n"),
    "big file": Case(S + "COPY big.bin chunk.bin /x/\n"),
    "executable": Case(S + "COPY --chmod=600 run.sh /\n"),
    "names with blanks": Case(S + 'COPY ["a b", "/x/"]\n'),
    "name with a dash": Case(S + 'COPY ["./-dash", "/x/"]\n'),
    "not ASCII": Case(S + "COPY é /x\n"),
    "hard link alone": Case(S + "COPY src/again.py /\n"),
    "hard link and its first": Case(S + "COPY src/again.py app.py /x/\n"),
    "nested sources": Case(S + "COPY src src/deep /x/\n"),
    "star": Case(S + "COPY *.py /x/\n"),
    "star in the middle": Case(S + "COPY src/*/x.py /x/\n"),
    "star for directories": Case(S + "COPY lib/* /x/\n"),
    "question mark": Case(S + "COPY lib/v? /x/\n"),
    "class": Case(S + "COPY lib/v[12] /x/\n"),
    "double star": Case(S + "COPY **/*.py /x/\n"),
    "star that matches nothing": Case(S + "COPY app.py *.nothing /x/\n"),
    "brackets are a class": Case(S + "COPY weird[1].txt app.py /x/\n"),
    "escaped brackets": Case(S + 'COPY ["weird\\\\[1].txt", "/x/"]\n'),
    "pipe": Case(S + "COPY a|b /x/\n"),
    "pipe in an expression": Case(S + "COPY a|b* /x/\n"),
    "pruned by a star": Case(S + "COPY src/*/** app.py /x/\n"),
    "link to a directory": Case(S + "COPY current /x\n"),
    "through a link": Case(S + "COPY current/two /x\n"),
    "absolute link": Case(S + "COPY absolute/one /x\n"),
    "link out of the context": Case(S + "COPY outside/x.py /x\n"),
    "link in a directory": Case(S + "COPY src/docs/img /x\n"),
    "link to the root": Case(S + "COPY here/app.py /x\n"),
    "chain of links": Case(S + "COPY l1 l2 /x/\n"),
    "links by a star": Case(S + "COPY l? /x/\n"),
    "two paths behind one link": Case(S + "COPY lib/v2 current/two current /x/\n"),
    "add": Case(S + "ADD docs src/main.py /x/\n"),
    "link flag": Case(S + "COPY --link --chown=1:1 docs /x\n"),
    "continuation": Case(S + "COPY app.py \\\n# no\n\n  Makefile \\\n /x/\n"),
    "escape directive": Case("# escape=`\n" + S + "COPY app.py `\n Makefile /x/\n"),
    "windows line ends": Case("FROM scratch\r\nCOPY app.py /x/\r\n"),
    "stages": Case(f"{S.strip()} AS a\nCOPY src /s\n{S}COPY --from=a /s /s\nCOPY docs /d\n"),
    "a stage that is not reached": Case(f"{S.strip()} AS a\nCOPY . /\n{S}COPY app.py /\n"),
    "stage by number": Case(f"{S}COPY lib /s\n{S}COPY --from=0 /s /s\n"),
    "based on a stage": Case(f"{S.strip()} AS a\nCOPY lib /s\nFROM a\nCOPY docs /d\n"),
    "target": Case(f"{S.strip()} AS a\nCOPY lib /s\n{S}COPY . /\n", target="a"),
    "target in other case": Case(
        f"{S.strip()} AS Build\nCOPY lib /s\n{S}COPY . /\n", target="bUILD"
    ),
    "target in the middle": Case(
        f"{S.strip()} AS a\nCOPY lib /s\nFROM a AS b\nCOPY docs /s\nFROM b\nCOPY src /\n",
        target="b",
    ),
    "env": Case(S + "ENV D=lib V=v2\nCOPY $D/${V} /x\n"),
    "arg with a default": Case(S + "ARG D=lib/v1\nCOPY $D /x\n"),
    "build argument": Case(S + "ARG D=lib/v1\nCOPY $D /x\n", arguments={"D": "docs"}),
    "build argument that nobody declares": Case(
        S + "COPY src/deep$D /x\n", arguments={"D": "docs"}
    ),
    "unset": Case(S + "COPY $NOPE/docs /x\n"),
    "unset and alone": Case(S + "COPY $NOPE /x\n"),
    "default in braces": Case(S + "COPY ${NOPE:-docs} /x\n"),
    "global argument": Case("ARG V=v1\n" + S + "ARG V\nCOPY lib/$V /x\n", arguments={"V": "v2"}),
    "global argument not declared": Case("ARG V=v1\n" + S + "COPY lib/$V /x\n"),
    "trimmed": Case(S + "ENV F=docs.tar.gz\nCOPY ${F%%.*} /x\n"),
    "replaced": Case(S + "ENV F=dxcs\nCOPY ${F/x/o} /x\n"),
    "platform": Case(S + "ARG TARGETARCH\nCOPY bin-$TARGETARCH /x\n"),
    "env beats arg": Case(S + "ARG D=lib\nENV D=docs\nCOPY $D /x\n", arguments={"D": "src"}),
    "ignored with exceptions": Case(S + "COPY src /x/\n", ignoring="src\n!src/deep/x.py\n"),
    "all ignored but": Case(S + "COPY . /x/\n", ignoring="*\n!docs\n"),
    "emptied": Case(
        S + "COPY node_modules /x/\n",
        ignoring="node_modules\n!node_modules/lib\n**/node_modules\n",
    ),
    "for this Dockerfile": Case(S + "COPY src docs /x/\n", ignoring="*", specific="docs/img\n"),
    "an empty one for this Dockerfile": Case(S + "COPY . /\n", ignoring="*", specific=""),
    "taken away": Case(S + "COPY docs app.py [!]x* /x/\n"),
}

FAILING = {
    "link to nowhere": Case(S + "COPY gone app.py /x/\n"),
    "ignored": Case(S + "COPY src docs /x/\n", ignoring="docs\n**/*.txt\n"),
    "named and ignored": Case(S + "COPY app.py /\n", ignoring="app.py\n"),
    "missing": Case(S + "COPY missing /\n"),
    "below a file": Case(S + "COPY app.py/x /\n"),
    "emptied by a source": Case(S + 'COPY [" app.py", "!app.py", "docs", "/x/"]\n'),
    "emptied below a source": Case(S + 'COPY [" src/main.py", "!src", "/x/"]\n'),
    "an exception takes away": Case(S + "COPY src/main.py !src /x/\n"),
    # No program can run in an empty image, but what it mounts is sent first.
    "bind mount": Case(S + "RUN --mount=type=bind,source=src,target=/m x\n"),
    "bind mount of all": Case(S + "RUN --mount=target=/m x\n"),
    "bind mount of a link": Case(S + "RUN --mount=source=current,target=/m x\n"),
    "bind mount from an argument": Case(
        S + "ARG D=docs\nRUN --mount=source=$D,target=/m x\n", arguments={"D": "lib"}
    ),
    "two mounts": Case(S + "RUN --mount=source=lib,target=/m --mount=source=docs,target=/n x\n"),
    "mount and copy": Case(S + "COPY app.py /\nRUN --mount=source=lib,target=/m x\n"),
    "mount from a stage": Case(
        f"{S.strip()} AS a\nCOPY docs /\n{S}RUN --mount=from=a,target=/m x\n"
    ),
    "cache mount": Case(S + "COPY app.py /\nRUN --mount=type=cache,target=/m x\n"),
    "tmpfs mount": Case(S + "COPY app.py /\nRUN --mount=type=tmpfs,target=/m x\n"),
}

REFUSED = {
    "bad pattern": (
        Case(S + "COPY [ /x/\n"),
        "invalid includepatterns: [[]: syntax error in pattern",
    ),
    "bad expression": (
        Case(S + "COPY [z-a]x /x/\n"),
        "failed to match includepatterns: syntax error in pattern",
    ),
    "only an exception mark": (
        Case(S + "COPY ! /x/\n"),
        'invalid includepatterns: [!]: illegal exclusion pattern: "!"',
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("transfer") / "context", TREE)


def arranged(tree: Path, case: Case, directory: Path) -> Path:
    """The Dockerfile of `case`, outside the context so that the tree stays as it is."""
    build_tree(tree, [file(".dockerignore", case.ignoring.encode())])
    dockerfile = directory / "Dockerfile"
    dockerfile.write_bytes(case.dockerfile.encode())
    if case.specific is not None:
        (directory / "Dockerfile.dockerignore").write_text(case.specific)
    return dockerfile


def measured(tree: Path, dockerfile: Path, case: Case) -> Report:
    return api.measure(
        str(tree),
        dockerfile=str(dockerfile),
        target=case.target,
        build_arguments=case.arguments,
    )


def built(
    docker: Docker, tree: Path, dockerfile: Path, case: Case
) -> tuple[int | None, str | None]:
    extra = [f"--build-arg={name}={value}" for name, value in case.arguments.items()]
    result = docker.build_buildkit(
        tree, dockerfile=dockerfile, target=case.target or None, extra=extra
    )
    return result.transferred_bytes, result.error


@pytest.mark.parametrize("name", CASES)
def test_our_number_is_dockers(docker: Docker, tree: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    dockerfile = arranged(tree, case, tmp_path)
    report = measured(tree, dockerfile, case)
    assert report.transfer is not None
    assert "source-not-found" not in {each.code for each in report.problems}
    assert built(docker, tree, dockerfile, case) == (report.transfer.wire_bytes, None)


@pytest.mark.parametrize("name", FAILING)
def test_builds_that_fail_after_the_transfer(
    docker: Docker, tree: Path, tmp_path: Path, name: str
) -> None:
    case = FAILING[name]
    dockerfile = arranged(tree, case, tmp_path)
    report = measured(tree, dockerfile, case)
    assert report.transfer is not None
    wire_bytes, error = built(docker, tree, dockerfile, case)
    assert wire_bytes == report.transfer.wire_bytes
    assert error is not None
    assert "failed to solve" in error


@pytest.mark.parametrize("name", REFUSED)
def test_builds_that_fail_before_it(docker: Docker, tree: Path, tmp_path: Path, name: str) -> None:
    case, message = REFUSED[name]
    dockerfile = arranged(tree, case, tmp_path)
    report = measured(tree, dockerfile, case)
    assert report.transfer is None
    (problem,) = report.problems
    assert problem.code == "transfer-unknown"
    assert message in problem.message
    assert problem.line == (2 if "invalid" in message else None)
    _, error = built(docker, tree, dockerfile, case)
    assert error is not None
    assert message in error
