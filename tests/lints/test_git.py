"""CTX109 and the fixes that hide `.git`: never what a build of the context needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from tests.trees import Node, build_tree, file, link

REPOSITORY = (*(f".git/{each}" for each in ("HEAD", "objects/a", "refs/b")), "a")
ALL = "FROM alpine\nCOPY . /src\n"
ELSEWHERE = (
    b"services:\n  v:\n    build:\n      context: other\n"
    b"      additional_contexts:\n        src: .\n"
)


def dockerfile(*lines: str, name: str = "Dockerfile", first: str = ALL) -> Node:
    return file(name, (first + "".join(f"{each}\n" for each in lines)).encode())


TAKEN: dict[str, list[str | Node]] = {
    "COPY": [dockerfile("COPY .git /g")],
    "COPY alone": [dockerfile("COPY .git /g", first="FROM alpine\n")],
    "COPY of a file in it": [dockerfile("COPY .git/HEAD /g")],
    "COPY, spelled otherwise": [dockerfile("COPY ./x/../.git/ /g")],
    "COPY of an absolute path": [dockerfile("COPY /.git /g")],
    "COPY of words": [dockerfile('COPY [".git", "/g"]')],
    "COPY with parents": [
        dockerfile("COPY --parents .git/HEAD /g", first=f"# syntax=docker/dockerfile:1-labs\n{ALL}")
    ],
    "ADD": [dockerfile("ADD .git /g")],
    "a bind mount": [dockerfile("RUN --mount=type=bind,source=.git,target=/src/.git make")],
    "a wildcard": [dockerfile("COPY .gi* /g/")],
    "a wildcard for a file in it": [dockerfile("COPY .git/HEA? /g/")],
    "a variable with a default": [dockerfile("ARG D=.git", "COPY ${D} /g")],
    "a symlink to it": [dockerfile("COPY link /g"), link("link", ".git")],
    "ONBUILD": [
        dockerfile("FROM base", "COPY . /src", first="FROM alpine AS base\nONBUILD COPY .git /g\n")
    ],
    "another target": [
        dockerfile("FROM alpine", "COPY . /src", first="FROM alpine AS v\nCOPY .git /g\n")
    ],
    "another Dockerfile": [dockerfile(), dockerfile("COPY .git /g", name="version.Dockerfile")],
    "a Dockerfile of Compose": [
        dockerfile(),
        dockerfile("COPY .git /g", name="docker/v"),
        file(
            "compose.yaml",
            b"services:\n  v:\n    build:\n      context: .\n      dockerfile: docker/v\n",
        ),
    ],
    "a Dockerfile in a Compose file": [
        dockerfile(),
        file(
            "compose.yaml",
            b"services:\n  v:\n    build:\n      context: .\n      dockerfile_inline: |\n"
            b"        FROM alpine\n        COPY .git /g\n",
        ),
    ],
    "a named context of another build": [
        dockerfile(),
        file("compose.yaml", ELSEWHERE),
        dockerfile("COPY --from=src .git /g", name="other/Dockerfile", first="FROM alpine\n"),
    ],
    "a mount of a named context": [
        dockerfile(),
        file("compose.yaml", ELSEWHERE),
        dockerfile(
            "RUN --mount=type=bind,from=src,source=.git,target=/g make",
            name="other/Dockerfile",
            first="FROM alpine\n",
        ),
    ],
}
ASKED: dict[str, list[str | Node]] = {
    "git describe": [dockerfile("RUN git describe > /v")],
    "git of another directory": [dockerfile("RUN git -C /src rev-parse HEAD > /v")],
    "in a heredoc": [dockerfile("RUN <<EOF", "git log -1", "EOF")],
    "words": [dockerfile('RUN ["git", "describe"]')],
    "a file of it": [dockerfile("RUN cat /src/.git/HEAD > /v")],
    "all of it": [dockerfile("RUN cp -r .git /g && rm -rf /src/.git")],
    "a directory that git trusts": [dockerfile("RUN git config --global safe.directory /src")],
    "Go's stamp, asked for": [dockerfile("RUN go build -buildvcs=true ./...")],
    "a Makefile": [dockerfile("RUN make"), file("Makefile", b"V = $(shell git describe)\n")],
    "a script": [dockerfile("RUN ./v.sh"), file("v.sh", b"git describe --tags\n", mode=0o755)],
    "a manifest": [
        dockerfile("RUN pip install ."),
        file("pyproject.toml", b'[build-system]\nrequires = ["setuptools-git-versioning"]\n'),
    ],
    "git of another Dockerfile": [
        dockerfile(),
        dockerfile("RUN git describe", name="version.Dockerfile"),
    ],
}
FREE: dict[str, list[str | Node]] = {
    "deleted": [dockerfile("RUN rm -rf .git")],
    "left out": [dockerfile("RUN tar --exclude=.git -cf /t . && find . -name .git -prune")],
    "a repository elsewhere": [dockerfile("RUN git clone https://example.org/a.git")],
    "no stamp": [dockerfile("RUN go build -buildvcs=false ./...")],
    "another name": [dockerfile("RUN cat .github/x .gitignore a.git/x")],
}


def planted(root: Path, nodes: list[str | Node]) -> str:
    tree = [*REPOSITORY, *nodes, file(".dockerignore", b"x\n")]
    return str(build_tree(root / "context", tree) / ".dockerignore")


@pytest.mark.parametrize("name", TAKEN)
def test_git_that_a_build_takes_by_name_is_no_finding(name: str, tmp_path: Path) -> None:
    path = planted(tmp_path, TAKEN[name])
    assert api.lint([path], select=["CTX109"]).findings == ()


@pytest.mark.parametrize("name", ASKED)
def test_git_that_a_build_asks_is_no_finding(name: str, tmp_path: Path) -> None:
    path = planted(tmp_path, ASKED[name])
    assert api.lint([path], select=["CTX109"]).findings == ()


@pytest.mark.parametrize("name", FREE)
def test_git_that_no_build_needs_is_offered(name: str, tmp_path: Path) -> None:
    path = planted(tmp_path, FREE[name])
    (finding,) = api.lint([path], select=["CTX109"]).findings
    assert finding.lines == ("**/.git",)


@pytest.mark.parametrize("name", [*TAKEN, *ASKED])
def test_no_suggestion_hides_git(name: str, tmp_path: Path) -> None:
    nodes = ASKED | TAKEN
    path = planted(tmp_path, [*nodes[name], file(".gitignore", b".git\nlogs\n"), "logs/a"])
    context = path.removesuffix("/.dockerignore")
    suggested = api.suggest(context, unsafe=True).edit
    planned = [
        api.plan_ignore_file(context, mode=each).edit for each in ("from-gitignore", "allowlist")
    ]
    for edit in filter(None, (suggested, *planned)):
        lines = [each for each in edit.after.decode().splitlines() if not each.startswith("!")]
        assert ".git" not in (line.strip("*/") for line in lines)


def test_git_of_a_submodule_that_is_taken_stays(tmp_path: Path) -> None:
    nodes = [dockerfile("COPY sub/.git /g"), file("sub/.git", b"gitdir: ../.git/modules/sub\n")]
    path = planted(tmp_path, [*nodes])
    (finding,) = api.lint([path], select=["CTX109"]).findings
    assert finding.lines == (".git",)
    other = planted(tmp_path / "other", [*nodes])
    Path(other).write_bytes(b".git\n")
    assert all(each.fix is None for each in api.lint([other], select=["CTX101"]).findings)


TAKEN_BY_NAME = {
    "node_modules": ("node_modules\n", "COPY web/node_modules /", "web/node_modules/a"),
    "a wildcard": ("node_modules\n", "COPY web/node_mod* /", "web/node_modules/a"),
    "a mount": (
        "node_modules\n",
        "RUN --mount=type=bind,source=web/node_modules,target=/m true",
        "web/node_modules/a",
    ),
    "another target": (
        "node_modules\n",
        "COPY web/node_modules /\nFROM scratch AS last\nCOPY a /",
        "web/node_modules/a",
    ),
    "a variable that must be given": (
        "node_modules\n",
        "ARG V\nENV A=${V:?missing}\nCOPY web/node_modules /",
        "web/node_modules/a",
    ),
    "settings": ("x\n", "COPY .env /", ".env"),
    "settings below": ("x\n", "ADD web/.env.local /", "web/.env.local"),
}


@pytest.mark.parametrize("name", TAKEN_BY_NAME)
def test_no_fix_hides_what_is_taken_by_name(name: str, tmp_path: Path) -> None:
    lines, instruction, path = TAKEN_BY_NAME[name]
    text = f"FROM alpine AS first\n{instruction}\n".encode()
    nodes = [file("Dockerfile", text), file(".dockerignore", lines.encode()), path, "a"]
    build_tree(tmp_path / "context", [*nodes, "web/package.json"])
    for unsafe in (False, True):
        linted = api.lint([str(tmp_path / "context/.dockerignore")], fix=True, unsafe_fixes=unsafe)
        for each in linted.findings:
            hidden = each.fix.changes.ignored.paths if each.fix and each.fix.changes else ()
            assert path not in hidden
        for edit in linted.edits:
            Path(edit.path).write_bytes(edit.after)
        assert path in {each.path for each in api.ls(str(tmp_path / "context"))}
