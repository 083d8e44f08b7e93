"""The coverage of a sibling service: translated, tried, and only what is safe."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.modes import like
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.outcome import IgnoreFileChange
from tests.resolving import resolve
from tests.trees import COPY_ALL, build_tree, file

THEIRS = "recap-worker/.dockerignore"
OURS = "rask-log-aggregator"
TREE = [
    "Cargo.toml",
    "Cargo.lock",
    "src/main.rs",
    "target/debug/a.rlib",
    "target/CACHEDIR.TAG",
    ".idea/x.xml",
    "docs/a.md",
    ".cargo/config.toml",
    "rask-log-aggregator.log",
]


def covered(
    root: Path,
    theirs: str,
    *,
    own: str | None = None,
    dockerfile: bytes = COPY_ALL,
    at: str = THEIRS,
    manifest: bytes | None = None,
) -> IgnoreFileChange:
    nodes = [file(f"{OURS}/Dockerfile", dockerfile), *(f"{OURS}/{name}" for name in TREE)]
    nodes += [file(f"{OURS}/package.json", manifest)] if manifest is not None else []
    nodes += [file(f"{OURS}/.dockerignore", own.encode())] if own is not None else []
    build_tree(root, [*nodes, file(at, theirs.encode())])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(
        ["git", "add", "-f", *(f"{OURS}/{name}" for name in ("Cargo.lock", ".cargo", "docs"))],
        cwd=root,
        check=True,
    )
    data = (root / at).read_bytes()
    draft = Draft(Snapshot.take(resolve(str(root / OURS))))
    return like(draft, IgnoreFile.parse(str(root / at), data))


def lines(change: IgnoreFileChange) -> list[str]:
    return [each.line for each in change.added]


def test_the_service_of_the_decision_record(tmp_path: Path) -> None:
    change = covered(tmp_path, "target/\n.cargo/\n.idea/\n.vscode/\ndocs/\n*.log\nrecap-worker\n")
    assert lines(change) == ["target", ".idea", ".vscode", "docs", "*.log", "rask-log-aggregator"]
    (note,) = change.notes
    assert note.subject == ".cargo"
    assert ".cargo" in note.why
    assert change.after is not None
    (tmp_path / OURS / ".dockerignore").write_bytes(change.after)
    sent = Snapshot.take(resolve(str(tmp_path / OURS))).sent()
    assert {"Cargo.toml", "Cargo.lock", "src/main.rs", ".cargo/config.toml"} <= set(sent.paths)
    assert not any(path.startswith(("target", ".idea", "docs")) for path in sent.paths)


def test_what_is_covered_here_is_not_added(tmp_path: Path) -> None:
    change = covered(tmp_path, "target\n.idea\n", own="**/target\n")
    assert lines(change) == [".idea"]
    again = covered(tmp_path / "again", "target\n.idea\n", own="**/target\n.idea\n")
    assert again.after is None


def test_what_a_dockerfile_takes_is_left_out(tmp_path: Path) -> None:
    dockerfile = b"FROM scratch\nCOPY . .\nCOPY docs/a.md /\n"
    change = covered(tmp_path, "docs\ntarget\n*.lock\n", dockerfile=dockerfile)
    assert lines(change) == ["target"]
    assert {note.subject for note in change.notes} == {"docs", "*.lock"}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [(b'{"workspaces": ["docs", "tests"]}', []), (b"{}", ["tests"])],
    ids=["named", "not named"],
)
def test_tests_that_a_manifest_names_stay(
    tmp_path: Path, manifest: bytes, expected: list[str]
) -> None:
    build_tree(tmp_path, [f"{OURS}/tests/package.json"])
    change = covered(tmp_path, "tests\n", manifest=manifest)
    assert lines(change) == expected


def test_exceptions_come_along_where_they_matter(tmp_path: Path) -> None:
    change = covered(tmp_path, "docs\n!docs/a.md\n!absent.md\n")
    assert lines(change) == ["docs", "!docs/a.md"]


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("*/debug\n", ["*/debug"]),
        ("**/target\n", ["**/target"]),
        ("other/target\n", []),
        ("*.log\n", ["*.log"]),
        ("../x\n", []),
        ("  # note, indented\n", ["\\# note, indented"]),
        ("./#*\n", ["\\#*"]),
    ],
)
@pytest.mark.parametrize("at", [".dockerignore", f"{OURS}/src/.dockerignore"])
def test_a_file_above_or_below_is_as_one_beside(
    tmp_path: Path, theirs: str, expected: list[str], at: str
) -> None:
    assert lines(covered(tmp_path, theirs, at=at)) == expected


def test_a_path_that_is_not_here(tmp_path: Path) -> None:
    change = covered(tmp_path, "web/dist\ntarget/debug\n")
    assert lines(change) == ["target/debug"]
    assert change.notes[0].why == "left out: there is no such path here"


def test_a_file_that_fails_the_build(tmp_path: Path) -> None:
    with pytest.raises(IgnoreFileError) as caught:
        covered(tmp_path, "a\n[\n")
    assert caught.value.line == 2
    assert str(caught.value.path).endswith(THEIRS)
