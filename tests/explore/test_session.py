"""The figures of a session are those of `measure` once its ignore file is written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.api import measure, suggest
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.judged import JudgedNames
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.explore.session import Session, TreeEntry
from ctxsize.model import Amount
from ctxsize.recommender.tree import SumsByPath
from tests.engine.native.both import core, python_walk
from tests.engine.strategies import trees_with_ignore_files
from tests.trees import Node, build_tree, file, hardlink, link

DOCKERFILES = {
    "none": None,
    "all": "FROM scratch\nCOPY . /\n",
    "some": "FROM scratch\nCOPY a foo* /a/\nRUN --mount=type=bind,source=b,target=/b true\n",
    "wrong": "FROM scratch\nCOPY [\n",
}
SERVICE = [
    *("app/main.py", "app/util/x.py", "app/util/y.log", "dist/a.js", "dist/b.js", "notes.md"),
    file("data/model.bin", size_bytes=5_000_000),
    file("data/old/copy.bin", size_bytes=2_000_000),
]


def built(root: Path, nodes: list[str | Node], dockerfile: str | None = None) -> Build:
    """A context at `root`, with a Dockerfile if one is given."""
    build_tree(root, nodes)
    if dockerfile is not None:
        (root / "Dockerfile").write_text(dockerfile)
    return Build(str(root))


def agrees(session: Session, build: Build) -> None:
    """The figures of the session, as `measure` gives them now."""
    report = measure(build)
    assert session.now.context == Amount.of(report.context.totals)
    transfers = [Amount.of(each) for each in report.transfers]
    assert session.now.transfer == (Amount.of(*transfers) if report.transfer else None)
    pending = [session.entry()]
    for each in pending:
        below = [*map(session.entry, session.paths(each.path))]
        if below:
            assert Amount.of(*(one.context for one in below)) == each.context
            assert Amount.of(*(one.on_disk for one in below)) == each.on_disk
            pending += below


def paths_of(session: Session) -> list[TreeEntry]:
    pending = [*map(session.entry, session.paths(""))]
    for each in pending:
        pending += [*map(session.entry, session.paths(each.path))]
    return sorted(pending)


steps = st.lists(
    st.tuples(st.sampled_from(["i", "i", "i", "I", "u", "s", "w"]), st.integers(0, 40)),
    min_size=1,
    max_size=6,
)


@pytest.mark.fuzz
@pytest.mark.parametrize("builder", BUILDERS)
@given(
    tree=trees_with_ignore_files(),
    has_file=st.booleans(),
    kind=st.sampled_from(sorted(DOCKERFILES)),
    own=st.sampled_from(["", "", "Dockerfile"]),
    linked=st.sampled_from(["", "", "hard", "soft"]),
    steps=steps,
    walk=st.sampled_from([nullcontext, nullcontext, python_walk]),
)
def test_figures_equal_measure_after_any_steps(
    builder: str,
    tree: tuple[list[str], bytes],
    has_file: bool,
    kind: str,
    own: str,
    linked: str,
    steps: list[tuple[str, int]],
    walk: Callable[[], AbstractContextManager[None]],
) -> None:
    files, data = tree
    dockerfile = DOCKERFILES[kind]
    with tempfile.TemporaryDirectory() as directory, walk():
        root = Path(directory) / "ctx"
        links: list[str | Node] = [hardlink("zz-again", files[0])] if linked == "hard" else []
        built(root, [*files, *links], dockerfile)
        if has_file:
            place = root / f"{own if dockerfile else ''}.dockerignore"
            (root / "zz-lines" if linked == "soft" else place).write_bytes(data)
            if linked == "soft":
                place.symlink_to("zz-lines")
        build = Build(str(root), builder=builder)
        try:
            measure(build)
        except CtxsizeError as error:
            with pytest.raises(type(error)):
                Session(build)
            return
        session = Session(build, replace_link=True)
        agrees(session, build)
        assert session.before == session.now
        for key, at in steps:
            done(session, key, at)
        session.write()
        agrees(session, build)


def done(session: Session, key: str, at: int) -> None:
    """One key pressed; what is refused changes nothing."""
    paths, before = paths_of(session), (session.now, session.lines, session.lost)
    try:
        if key in "iI" and paths:
            session.propose(paths[at % len(paths)].path, everywhere=key == "I")
        elif key == "s" and (offered := session.suggestions()):
            session.toggle(at % len(offered))
        elif key == "w":
            session.write()
        elif key == "u":
            session.undo()
    except CtxsizeError:
        assert (session.now, session.lines, session.lost) == before


def lines_of(session: Session) -> list[tuple[str, str]]:
    return [(each.text, each.origin) for each in session.lines if each.origin != "comment"]


def test_proposed_lines_ignore_and_bring_back(tmp_path: Path) -> None:
    session = Session(built(tmp_path / "ctx", SERVICE, DOCKERFILES["all"]))
    assert session.largest() == "data/model.bin"
    assert session.edit() is None
    assert session.propose("data") == ("data",)
    assert session.propose("data/old") == ("!data/old",)
    assert lines_of(session) == [("data", "proposed"), ("!data/old", "proposed")]
    fates = {path: session.entry(path).fate for path in ("", "data", "data/model.bin", "data/old")}
    assert [*fates.values()] == ["mixed", "mixed", "ignored", "travels"]
    assert session.decider("data/model.bin") == "data"
    assert session.propose("data/old") == ()  # the exception is taken back
    assert session.propose("data/old/copy.bin") == ("!data/old/copy.bin",)
    assert [session.undo() for _ in range(5)] == [True, True, True, True, False]
    assert session.now == session.before
    assert session.edit() is None


def test_entries_know_the_size_of_what_is_ignored(tmp_path: Path) -> None:
    session = Session(built(tmp_path, [*SERVICE, hardlink("data/old/same", "data/old/copy.bin")]))
    session.propose("data/old")
    entries = [session.entry(each) for each in ("data", "data/old", "app")]
    ignored = [(each.on_disk - each.context).content_bytes for each in entries]
    assert ignored == [2_000_000, 2_000_000, 0]
    session.propose("data/old/copy.bin")
    entry = session.entry("data/old")
    assert entry.on_disk.content_bytes == entry.context.content_bytes  # all of it is sent


def test_every_place_of_a_name(tmp_path: Path) -> None:
    session = Session(built(tmp_path / "ctx", ["a/log/1", "b/log/2", "b/x"]))
    assert session.propose("a/log") == ("a/log",)
    assert session.propose("a/log", everywhere=True) == ("**/log",)
    assert lines_of(session) == [("**/log", "proposed")]
    assert session.now.context.files == 2  # b/x and the ignore file
    assert session.propose("b/log", everywhere=True) == ()
    assert session.edit() is None


def test_lines_after_an_exception_name_the_files_of_a_directory(tmp_path: Path) -> None:
    build = built(tmp_path / "ctx", [file(".dockerignore", b"*\n!app\n!app/util/x.py\n"), *SERVICE])
    session = Session(build)
    assert session.propose("app") == ("app/**",)
    session.write()
    assert measure(build).context.totals.files == 0
    agrees(session, build)


@pytest.mark.parametrize(
    ("dockerfile", "path", "lost"),
    [
        ("COPY dist /d", "dist", ["COPY dist (Dockerfile:2) loses its source"]),
        ("COPY dist/a.js /d", "dist", ["COPY dist/a.js (Dockerfile:2) loses its source"]),
        ("COPY dist/*.js /d", "dist", ["COPY dist/*.js (Dockerfile:2) loses its source"]),
        ("COPY dist/*.js /d", "dist/a.js", []),
        ("COPY same /d", "same", ["COPY same (Dockerfile:2) loses its source"]),
        ("COPY same /d", "dist", ["COPY same (Dockerfile:2) loses its source"]),
        ("COPY . /d", "dist", []),
        ("ADD notes.md /n", "notes.md", ["ADD notes.md (Dockerfile:2) loses its source"]),
        (
            "RUN --mount=type=bind,source=app,target=/a true",
            "app",
            ["RUN --mount … source=app (Dockerfile:2) loses its source"],
        ),
    ],
)
def test_lost_sources_are_named(
    dockerfile: str, path: str, lost: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path, [*SERVICE, link("same", "dist")], f"FROM scratch\n{dockerfile}\n")
    monkeypatch.chdir(tmp_path)
    session = Session(Build("."))
    assert session.lost == ()
    (line,) = session.propose(path)
    assert (list(session.lost), session.emptied) == (lost, ())
    session.undo()
    assert session.lost == ()
    Path(".dockerignore").write_text(line)  # a build that fails already
    session = Session(Build("."))
    assert list(session.lost) == lost
    session.propose(path)
    assert session.lost == ()


@pytest.mark.parametrize(
    ("source", "path", "builder", "fails"),
    [
        ("dist", "dist", "buildkit", False),
        ("dist/*.js", "dist", "buildkit", False),
        ("dist/*.js", "dist", "classic", True),
        ("*.md", "notes.md", "buildkit", False),
        ("*.md", "notes.md", "podman", True),
    ],
)
def test_a_source_with_nothing_left(
    source: str, path: str, builder: str, fails: bool, tmp_path: Path
) -> None:
    nodes = [*SERVICE, file(".dockerignore", b"!x\n")]
    build = built(tmp_path, nodes, f"FROM scratch\nCOPY {source} /\n")
    session = Session(Build(build.context, builder=builder))
    session.propose(path)
    assert (len(session.lost), len(session.emptied)) == (fails, not fails)
    assert fails or "finds nothing left in its source" in session.emptied[0]


def test_a_pattern_below_an_ignored_directory_is_lost(tmp_path: Path) -> None:
    nodes = ["a/", "q/a/x", file(".dockerignore", b"**/a\n")]
    session = Session(built(tmp_path, nodes, "FROM scratch\nADD a/* /1\n"))
    assert len(session.lost) == 1
    session.propose("a")
    assert (session.lost, session.emptied) == ((), ())


def test_a_line_that_another_one_covers_is_no_answer(tmp_path: Path) -> None:
    session = Session(built(tmp_path, ["a/x", "a/y", "z"]))
    assert [session.propose(each) for each in ("a/x", "a", "a/x")] == [
        *[("a/x",), ("a",), ("!a/x",)]
    ]
    assert session.entry("a/x").fate == "sent"
    assert session.propose("a/x") == ()  # the exception is taken back


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_linked_ignore_file_is_replaced_only_if_asked(builder: str, tmp_path: Path) -> None:
    lines, linked = file("etc/lines", b"q\n"), link(".dockerignore", "etc/lines")
    project = ["package.json", "package-lock.json", "node_modules/.package-lock.json"]
    project += [file("node_modules/x/a.js", size_bytes=900_000)]
    tree = [*SERVICE, *project, lines, linked]
    build = replace(built(tmp_path, tree, DOCKERFILES["all"]), builder=builder)
    for replaces in (False, True):
        session = Session(build, replace_link=replaces)
        session.propose("data")
        offered = [each.patterns for each in session.suggestions()]
        session.toggle(offered.index(("**/node_modules",)))
        if not replaces:
            with pytest.raises(InputError, match="symbolic link to etc/lines"):
                session.write()
            assert (tmp_path / ".dockerignore").is_symlink()
            continue
        session.write()
        agrees(session, build)
    assert not (tmp_path / ".dockerignore").is_symlink()
    assert (tmp_path / ".dockerignore").read_bytes().startswith(b"q\n")
    assert (tmp_path / "etc/lines").read_bytes() == b"q\n"


def test_the_deciding_lines_of_many_rows_are_found_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"**/x{each}*/*.b\n" for each in range(1_000)) + "**/f*\n"
    names = [f"q/f{each}" for each in range(200)]
    session = Session(built(tmp_path, [*names, "z", file(".dockerignore", lines.encode())]))
    session.propose("z")
    monkeypatch.setattr(IgnoreFile, "parse", None)  # nothing is read again,
    monkeypatch.setattr(DockerIgnorePattern, "match_file", None)  # nor tried one by one
    monkeypatch.setattr(DockerIgnoreSpec, "step", None)
    assert {session.decider(each) for each in names} == {"**/f*"}


PARTS = [f"part{part}/sub{sub}/x.js" for part in range(9) for sub in range(9)]


@pytest.mark.parametrize("dockerfile", [DOCKERFILES["all"], "FROM scratch\nCOPY part1 part2 /a/\n"])
@pytest.mark.parametrize("lines", [["*"], ["part1"], ["**/x.js"], ["**/sub1"], ["*", "!part2/*"]])
def test_a_change_costs_only_what_the_screen_shows(
    dockerfile: str, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core()
    session = Session(built(tmp_path, [*PARTS, link("part1/link", "sub1")], dockerfile))
    asked: set[str] = set()

    def names_of(names: JudgedNames, directory: str) -> dict[str, int]:
        asked.add(directory)
        return whole(names, directory)

    whole = JudgedNames.__getitem__
    monkeypatch.setattr(JudgedNames, "__getitem__", names_of)
    monkeypatch.setattr(Snapshot, "walked", None)
    monkeypatch.setattr(SumsByPath, "__init__", None)
    before = paths_of(session)
    asked.clear()
    session._do(tuple(lines))
    shown = [*map(session.entry, (*session.paths(""), *session.paths("part1")))]
    assert {entry.fate for entry in shown} > {"ignored"} or lines == ["*"]
    assert asked <= {"", "part1"}
    session.undo()
    assert paths_of(session) == before


def test_safe_suggestions_write_what_suggest_writes(tmp_path: Path) -> None:
    nodes = ["package.json", "package-lock.json", ".git/HEAD", "src/a.js", ".env"]
    nodes += [
        file("node_modules/x/a.js", size_bytes=900_000),
        file("npm-debug.log", b"x" * 400_000),
    ]
    build = built(tmp_path, [*nodes, "node_modules/.package-lock.json"], DOCKERFILES["all"])
    session, advice = Session(build), suggest(build)
    assert advice.edit is not None
    offered = session.suggestions()
    assert [each.patterns for each in offered] == [each.patterns for each in advice.suggestions]
    assert not any(each.chosen for each in offered)
    for at in reversed(range(len(offered))):
        session.toggle(at)
    for at, each in enumerate(offered):
        if not each.safe:
            session.toggle(at)
    assert session.edit() == advice.edit
    assert session.now == advice.after
    assert {origin for _, origin in lines_of(session)} == {"suggested"}
    session.write()
    agrees(session, build)
    assert [each.patterns for each in session.suggestions()] == [
        each.patterns for each in offered if not each.safe
    ]
    assert {each.origin for each in session.lines} == {"file"}


def test_a_changed_file_is_not_written(tmp_path: Path) -> None:
    build = built(tmp_path, [*SERVICE, file(".dockerignore", b"x\n")])
    session = Session(build)
    session.propose("data")
    (tmp_path / ".dockerignore").write_text("changed\n")
    with pytest.raises(InputError, match="changed"):
        session.write()
    assert (tmp_path / ".dockerignore").read_text() == "changed\n"
    assert lines_of(session) == [("x", "file"), ("data", "proposed")]


def test_a_session_goes_on_after_writing(tmp_path: Path) -> None:
    build = built(tmp_path, SERVICE, DOCKERFILES["all"])
    session = Session(build)
    first = session.before
    session.propose("data")
    assert session.write() == ()
    agrees(session, build)
    assert not session.undo()
    session.propose("dist")
    session.write()
    agrees(session, build)
    assert session.before == first
    assert {origin for _, origin in lines_of(session)} == {"file"}


@pytest.mark.parametrize("name", [b"\xff.bin", b"\xef\xbf\xbd"])
def test_a_name_without_a_pattern_is_refused(name: bytes, tmp_path: Path) -> None:
    text = name.decode("utf-8", "surrogateescape")
    session = Session(built(tmp_path, [text]))
    with pytest.raises(InputError, match="no pattern matches this name alone"):
        session.propose(text)
    assert session.edit() is None


@pytest.mark.parametrize("name", ["#x", "!x", " x ", "[a]*?\\", "a\nb", "\x1b[31m", "\u202eabc"])
def test_hostile_names_are_proposed_as_patterns_of_them_alone(name: str, tmp_path: Path) -> None:
    build = built(tmp_path, [name, "x", "ab"])
    session = Session(build)
    session.propose(name)
    assert [
        each.path for each in [*map(session.entry, session.paths(""))] if each.fate == "ignored"
    ] == [name]
    assert {"\x1b", "\u202e"}.isdisjoint(session.explain(name))
    session.write()
    agrees(session, build)


def test_what_the_builder_always_sends_cannot_be_ignored(tmp_path: Path) -> None:
    build = built(tmp_path, SERVICE, DOCKERFILES["all"])
    session = Session(Build(build.context, builder="classic"))
    with pytest.raises(InputError, match="no line changes what happens to it"):
        session.propose("Dockerfile")
    assert session.edit() is None


def test_the_filter_finds_the_outermost_entries(tmp_path: Path) -> None:
    session = Session(built(tmp_path, SERVICE))
    found, count = session.matching("OLD")
    assert ([each.path for each in found], count) == (["data/old"], 1)
    found, count = session.matching(".py", most=1)
    assert (len(found), count) == (1, 2)
    assert [each.path for each in session.matching("util/y")[0]] == ["app/util/y.log"]
    assert session.matching("nowhere") == ([], 0)


def test_explain_follows_the_present_lines(tmp_path: Path) -> None:
    session = Session(built(tmp_path, SERVICE, DOCKERFILES["all"]))
    session.propose("data")
    # A long temporary directory is wrapped.
    text = " ".join(session.explain("data/model.bin").split())
    assert "data/model.bin: ignored" in text
    assert ".dockerignore:3 `data`" in text


def test_a_dockerfile_that_fails_leaves_the_transfer_unknown(tmp_path: Path) -> None:
    session = Session(built(tmp_path, SERVICE, DOCKERFILES["wrong"]))
    assert session.before.transfer is None
    assert [each.code for each in session.problems] == ["transfer-unknown"]
    assert session.entry("app").fate == "sent"
    with pytest.raises(InputError):
        session.suggestions()
    session.propose("app")
    assert session.entry("app").fate == "ignored"
