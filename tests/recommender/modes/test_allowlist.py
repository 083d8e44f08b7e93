"""Lists of what is let in: what travels stays the same, and nothing else is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.api import plan_for
from ctxsize.engine.builders import BUILDERS, BUILDKIT, Builder
from ctxsize.engine.snapshot import Snapshot
from ctxsize.recommender.modes.draft import Draft, allowlist
from ctxsize.recommender.outcome import IgnoreFileChange
from tests.oracles import devtools
from tests.resolving import resolve
from tests.trees import build_tree, file, link

DOCKERFILE = b"""\
FROM scratch AS deps
COPY package.json package-lock.json /
FROM scratch
COPY --from=deps / /
COPY src /src
RUN --mount=type=bind,source=config/build.toml,target=/b x
"""
SOURCES = ["package.json", "package-lock.json", "src/a.js", "src/deep/b.js", "config/build.toml"]
OTHERS = ["README.md", "config/secret.toml", "node_modules/x/index.js", "target/a", ".git/HEAD"]


def listed(
    root: Path, *, builder: Builder = BUILDKIT, dockerfile: str | None = None
) -> IgnoreFileChange:
    named = None if dockerfile is None else str(root / dockerfile)
    plan = resolve(str(root), dockerfile=named, builder=builder)
    return allowlist(Draft(Snapshot.take(plan)))


def plant(root: Path, *nodes: object, dockerfile: bytes = DOCKERFILE) -> Path:
    return build_tree(root, [file("Dockerfile", dockerfile), *SOURCES, *OTHERS, *nodes])  # type: ignore[list-item]


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
def test_just_what_is_taken(tmp_path: Path, builder: Builder) -> None:
    plant(tmp_path)
    change = listed(tmp_path, builder=builder)
    assert change.impossible == ""
    assert [each.line for each in change.added] == [
        *("*", "!config/build.toml", "!package-lock.json", "!package.json", "!src")
    ]
    assert change.after is not None
    (tmp_path / ".dockerignore").write_bytes(change.after)
    snapshot = Snapshot.take(resolve(str(tmp_path), builder=builder))
    sent = snapshot.sent()
    files = set(sent.paths) - sent.directories - {"Dockerfile", ".dockerignore"}
    assert files == set(SOURCES)


@pytest.mark.usefixtures("devtools")
def test_docker_devtools_agrees(tmp_path: Path) -> None:
    nodes = (link("src/link", "../config/linked.toml"), "config/linked.toml")
    # It does not follow mounts.
    plant(tmp_path, *nodes, dockerfile=b"".join(DOCKERFILE.splitlines(keepends=True)[:-1]))
    before = devtools.list_context(tmp_path, whole=False)
    change = listed(tmp_path)
    assert change.after is not None
    (tmp_path / ".dockerignore").write_bytes(change.after)
    after = devtools.list_context(tmp_path, whole=False)
    assert [each.name for each in after] == [each.name for each in before]
    whole = devtools.list_context(tmp_path)
    assert {each.name for each in whole} == {each.name for each in after}


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    plant(tmp_path, file(".dockerignore", b"# mine\n**/*.log\n"), "src/x.log")
    change = listed(tmp_path)
    assert change.after is not None
    assert change.after.endswith(b"!src\n# <<< ctxsize\n\n# mine\n**/*.log\n")


def test_an_ignore_file_that_undoes_the_list_is_an_obstacle(tmp_path: Path) -> None:
    ignore_file = file(".dockerignore", b"*\n!src\n!package*\n!config\nsrc/x.log\n")
    plant(tmp_path, ignore_file, "src/x.log", "package.txt")
    change = listed(tmp_path)
    assert change.after is None
    assert "The lines of the ignore file conflict with such a list" in change.impossible
    assert change.hint == "remove its exceptions first, or start from an empty file"


def test_every_stage_and_every_dockerfile(tmp_path: Path) -> None:
    other = file("Dockerfile.test", b"FROM scratch AS a\nCOPY tests /\nFROM scratch\nCOPY src /\n")
    own = (file("tools/Dockerfile", b"FROM scratch\nCOPY . .\n"), "tools/go.mod")
    shared = file("docker/api.Dockerfile", b"FROM scratch\nCOPY config/*.toml src /\n")
    with_own_file = file("x.Dockerfile", b"FROM scratch\nCOPY README.md /\n")
    plant(
        *(tmp_path, other, *own, shared, with_own_file, "tests/a", "config/x.toml"),
        file("x.Dockerfile.dockerignore", b""),
    )
    change = listed(tmp_path)
    assert sorted(each.line for each in change.added) == [
        *("!config/*.toml", "!config/build.toml", "!package-lock.json", "!package.json", "!src"),
        *("!tests", "*"),
    ]
    assert "tools/Dockerfile" in {note.subject for note in change.notes}
    assert b"README" not in (change.after or b"")


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        (b"FROM scratch\nCOPY . .\n", "Dockerfile:2 takes the whole context, so"),
        (
            b"FROM scratch AS a\nCOPY . .\nFROM scratch\nCOPY src /\n",
            "Dockerfile:2 takes the whole",
        ),
        (b"FROM scratch\nARG X\nCOPY $X/src /\n", "Dockerfile:3 takes $X/src, which has no value"),
    ],
)
def test_an_allowlist_that_cannot_be_says_why(
    tmp_path: Path, dockerfile: bytes, message: str
) -> None:
    plant(tmp_path, dockerfile=dockerfile)
    change = listed(tmp_path)
    assert change.after is None
    assert message in change.impossible.replace(f"{tmp_path}/", "")
    assert change.hint


def test_a_build_that_compose_asks_for(tmp_path: Path) -> None:
    plant(tmp_path, file("tools/Dockerfile", b"FROM scratch\nCOPY . .\n"), "tools/go.mod")
    assert listed(tmp_path).impossible == ""
    compose = "services:\n  tools:\n    build: {context: ., dockerfile: tools/Dockerfile}\n"
    (tmp_path / "compose.yaml").write_text(compose)
    assert "tools/Dockerfile:2 takes the whole context" in listed(tmp_path).impossible


def test_without_a_dockerfile(tmp_path: Path) -> None:
    build_tree(tmp_path, SOURCES)
    assert "There is no Dockerfile" in listed(tmp_path).impossible


def test_nothing_taken_nothing_let_in(tmp_path: Path) -> None:
    plant(tmp_path, dockerfile=b"FROM scratch\n")
    assert [each.line for each in listed(tmp_path).added] == ["*"]


AGAIN = b"FROM scratch\nCOPY src /src\nCOPY --from=again config /c/\n"


def lines_of(root: Path, **contexts: str) -> list[str]:
    plan = plan_for(str(root), build_contexts=contexts)
    return [each.line for each in allowlist(Draft(Snapshot.take(plan))).added]


def test_a_named_context_of_the_same_directory(tmp_path: Path) -> None:
    root = plant(tmp_path / "ctx", dockerfile=AGAIN)
    other = build_tree(tmp_path / "other", ["config/x"])
    assert lines_of(root, again=str(other)) == ["*", "!src"]
    (tmp_path / "link").symlink_to(root)
    for same in (root, tmp_path / "link"):
        assert lines_of(root, again=str(same)) == ["*", "!config", "!src"]


def test_a_named_context_that_is_taken_whole(tmp_path: Path) -> None:
    root = plant(tmp_path, dockerfile=b"FROM scratch\nCOPY src /src\nCOPY --from=again / /c\n")
    plan = plan_for(str(root), build_contexts={"again": str(root)})
    impossible = allowlist(Draft(Snapshot.take(plan))).impossible
    assert ":3 takes the whole context, so" in impossible


def test_an_ignore_file_of_the_dockerfile_is_of_no_named_context(tmp_path: Path) -> None:
    root = plant(tmp_path, file("Dockerfile.dockerignore", b"x\n"), dockerfile=AGAIN)
    assert lines_of(root, again=str(root)) == ["*", "!src"]


@pytest.mark.parametrize(
    ("context", "source", "also"),
    [(".", "config", "!config"), ("worker", "README.md", "!README.md")],
    ids=["the same context", "another context"],
)
def test_a_named_context_that_compose_asks_for(
    context: str, source: str, also: str, tmp_path: Path
) -> None:
    worker = f"FROM scratch\nCOPY --from=top {source} /\n".encode()
    root = plant(
        tmp_path,
        file("worker/other/Dockerfile", worker),
        dockerfile=b"FROM scratch\nCOPY src /src\n",
    )
    assert lines_of(root) == ["*", "!src"]
    (root / "compose.yaml").write_text(
        "services:\n  worker:\n    build:\n"
        f"      context: {context}\n      dockerfile: {root}/worker/other/Dockerfile\n"
        "      additional_contexts: {top: .}\n"
    )
    assert sorted(lines_of(root)) == sorted(["*", also, "!src"])
