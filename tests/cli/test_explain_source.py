"""`ctxsize explain --source`: whether COPY finds its sources, as the real engine does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.formats.test_schema import closed
from tests.oracles import devtools
from tests.oracles.engines import Docker
from tests.trees import build_tree, file, link

IGNORING = b"""\
dist
*.log
build
!build/keep
out
!out/keep
**/secret
lib/old
linked
deep/*
!deep/a
"""
TREE = [
    file(".dockerignore", IGNORING),
    *("app.py", "weird[1].txt", "dist/x.js", "a.log", "b.log", "build/keep", "build/drop"),
    *("out/drop", "src/main.py", "src/secret", "src/x.log", "lib/v2/two", "lib/old/one"),
    *("deep/a/x", "deep/b/x", "empty/", "Upper.txt"),
    link("current", "lib/v2"),
    link("absolute", "/lib/v2"),
    link("to-old", "lib/old"),
    link("outside", "../../../src"),
    link("gone", "no/where"),
    link("round", "round"),
    link("linked", "src"),
]

BUILDS = {
    "a file": ("app.py", None),
    "all of it": (".", None),
    "a directory": ("src", None),
    "an empty directory": ("empty/", None),
    "out of the root": ("../../src/main.py", None),
    "absent": ("missing", "missing"),
    "other case": ("upper.txt", "upper.txt"),
    "absent above": ("missing/x", "missing/x"),
    "below a file": ("app.py/x", "app.py/x"),
    "ignored directory": ("dist", "dist"),
    "below an ignored directory": ("dist/x.js", "dist/x.js"),
    "ignored with something re-included": ("build", None),
    "re-included": ("build/keep", None),
    "not re-included": ("build/drop", "build/drop"),
    "ignored with an exception that meets nothing": ("out", "out"),
    "ignored in a directory": ("src/secret", "src/secret"),
    "re-included at a star": ("deep/a/x", None),
    "not re-included at a star": ("deep/b", "deep/b"),
    "link": ("current", None),
    "through a link": ("current/two", None),
    "absolute link": ("absolute/two", None),
    "link to what is ignored": ("to-old", "lib/old"),
    "through a link to what is ignored": ("to-old/one", "lib/old/one"),
    "link out of the context": ("outside/main.py", None),
    "link to nowhere": ("gone", "no/where"),
    "link to itself": ("round", "round"),
    "ignored link": ("linked/main.py", "linked"),
    "star": ("*.py", None),
    "star that matches nothing": ("*.nothing", None),
    "star that matches what is ignored": ("*.log", None),
    "star that matches some": ("src/*", None),
    "star below nothing": ("missing/*", "missing"),
    "star that leaves nothing of its directory": ("lib/*/nope", "lib"),
    "star that meets what is ignored": ("src/sec*", "src"),
    "star below what is ignored": ("dist/*", "dist"),
    "star behind a link": ("current/*", None),
    "star for links": ("curr*", None),
    "star for a link to nowhere": ("gon*", "no/where"),
    "star for a link to what is ignored": ("to-o*", "lib/old"),
    "star through a link": ("curr*/two", None),
    "brackets are a class": ("weird[1].txt", None),
    "taken away": ("src/main.py !src", "!src"),
    "unset variable": ("$NOPE/src", None),
    "unset variable in a name": ("app$NOPE-1.py", "app-1.py"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("source") / "context", TREE)


@pytest.mark.parametrize("name", BUILDS)
def test_not_found_when_docker_does_not(
    cli: Cli, docker: Docker, tree: Path, tmp_path: Path, name: str
) -> None:
    source, missing = BUILDS[name]
    dockerfile = tmp_path / "Dockerfile"
    keyword = "ADD" if len(name) % 4 == 0 else "COPY"
    dockerfile.write_text(f"FROM scratch\n{keyword} {source} /x/\n")
    error = docker.build_buildkit(tree, dockerfile=dockerfile).error
    result = cli("explain", "-C", str(tree), "-f", str(dockerfile), "--source", "2")
    assert result.code == int(missing is not None), (result.out, result.err)
    assert (error is not None) == (missing is not None), error
    assert (missing or "") in result.out
    told = cli("measure", str(tree), "-f", str(dockerfile)).out
    assert error is not None or "the build fails" not in told


MOUNTS = {
    "a directory": ("src", None),
    "a file": ("app.py", None),
    "all of it": (".", None),
    "absent": ("missing", "missing is not in the context"),
    "ignored directory": ("dist", "not found: ignored by"),
    "not re-included": ("build/drop", "not found: ignored by"),
    "through a link": ("current/two", None),
    "link to what is ignored": ("to-old", "lib/old is ignored by"),
    "link to itself": ("round", "is part of a loop"),
    "out of the root": ("../../src", None),
    "star": ("*.py", "a mount has no wildcards"),
    "brackets": ("weird[1].txt", "is not ignored, but not transferred either"),
}
RUNS = "process "
"""Mounts are made before the program of RUN, which an empty image does not have."""


@pytest.mark.parametrize("trigger", [False, True])
@pytest.mark.parametrize("name", MOUNTS)
def test_source_explains_mounts_too(
    cli: Cli, docker: Docker, tree: Path, tmp_path: Path, name: str, trigger: bool
) -> None:
    source, missing = MOUNTS[name]
    dockerfile = tmp_path / "Dockerfile"
    run = f"RUN --mount=source={source},target=/m x\n"
    text = f"FROM scratch AS a\nONBUILD {run}FROM a\n" if trigger else f"FROM scratch\n{run}"
    dockerfile.write_text(text)
    error = docker.build_buildkit(tree, dockerfile=dockerfile).error
    assert error is not None
    result = cli("explain", "-C", str(tree), "-f", str(dockerfile), "--source", "2", columns=200)
    assert result.code == int(missing is not None), (result.out, result.err)
    assert (RUNS in error) == (missing is None), error
    assert (missing or ": found") in result.out
    assert result.out.startswith(f"RUN --mount, bind of {source} (")


def test_a_line_that_takes_from_another_context(cli: Cli, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM scratch\nCOPY --from=l x /\nCOPY x /\n", "x", "lib/x")
    options = ("explain", "--build-context", "l=lib", "--source")
    assert cli(*options, "2", "--named", "l", cwd=where).out == "COPY x (Dockerfile:2): found\n"
    other = cli(*options, "3", "--named", "l", cwd=where)
    assert (
        other.err == "ctxsize: note: line 3 takes nothing from the named context l in this build\n"
    )
    assert cli(*options, "2", cwd=where).out == "COPY x (Dockerfile:2): found\n"


def test_a_trigger_of_a_stage(cli: Cli, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM scratch AS a\nONBUILD COPY x y /d/\nFROM a\n", "x")
    result = cli("explain", "--source", "2", cwd=where)
    assert result.code == 1
    assert result.out.splitlines()[:2] == [
        "COPY x (Dockerfile:2): found",
        "COPY y (Dockerfile:2): not found: y is not in the context",
    ]
    options = ("--target", "a", "--source", "2")
    result = cli("explain", *options, cwd=where)
    assert (result.code, result.out) == (0, "")
    assert "line 2 takes nothing" in result.err


def context(tmp_path: Path, dockerfile: str, *more: str, ignoring: str = "") -> Path:
    """A context with a Dockerfile."""
    files = [file("Dockerfile", dockerfile.encode()), file(".dockerignore", ignoring.encode())]
    return build_tree(tmp_path / "ctx", [*files, *more])


def test_names_the_line_that_hides_a_source(cli: Cli, tmp_path: Path) -> None:
    where = context(
        tmp_path,
        "FROM scratch\nCOPY app.py \\\n dist /x/\n",
        *("app.py", "dist/x"),
        ignoring="*.md\ndist\n!README.md\n",
    )
    for wanted in ("2", "3"):
        result = cli("explain", "--source", wanted, cwd=where)
        assert (result.code, result.lines) == (
            1,
            [
                "COPY app.py (Dockerfile:2): found",
                "COPY dist (Dockerfile:2): not found: ignored by .dockerignore:2 `dist`",
            ],
        )
    assert cli("explain", "--source", "app.py", cwd=where).code == 0
    assert cli("explain", "--source", "./dist/", cwd=where).code == 1


def test_a_source_that_fails_the_transfer_fails_the_answer_about_another(
    cli: Cli, tmp_path: Path
) -> None:
    where = context(tmp_path, f"FROM scratch\nCOPY {'n' * 300} /x\nCOPY *.zz /q/\n", "a")
    result = cli("explain", "--source", "3", cwd=where)
    assert (result.code, "file name too long" in result.err) == (2, True)


def test_an_exception_that_comes_to_nothing(cli: Cli, tmp_path: Path) -> None:
    ignoring = "*\n!foo/*/**\n"
    where = context(tmp_path, "FROM scratch\nCOPY foo/sub /x/\n", "foo/sub/x", ignoring=ignoring)
    result = cli("explain", "--source", "foo/sub", "--source", "foo/sub/x", cwd=where)
    assert result.lines == [
        "COPY foo/sub (Dockerfile:2): not found: ignored by .dockerignore:1 `*`",
        "COPY foo/sub/x: not found: ignored by .dockerignore:1 `*`",
        "  ! each step: ctxsize explain --trace foo/sub/x",
    ]


CAUSES = {
    "case": ("COPY App.py /", "there is app.py: upper and lower case count"),
    "typing error": ("COPY ap.py /", "there is app.py"),
    "clamped": ("COPY ../beside /", ".. cannot lead out of the context: the builder looks for"),
    "beside the Dockerfile": ("COPY run.sh /", "it exists beside the Dockerfile"),
    "unset": ("COPY $NOPE/x /", "$NOPE is assumed to be unset"),
    "no value": ("ARG V\nCOPY v$V.py /", "ARG V has no value"),
    "before FROM": ("COPY v$EARLY.py /", "the stage needs its own ARG EARLY"),
    "the whole context": ("COPY $NOPE /", "$NOPE is assumed to be unset"),
    "no match": ("COPY *.rs /", "matches nothing that is sent: the build continues"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_source_names_the_nearest_cause(cli: Cli, tmp_path: Path, name: str) -> None:
    text, cause = CAUSES[name]
    dockerfile = file("ctx/docker/Dockerfile", f"ARG EARLY=1\nFROM busybox\n{text}\n".encode())
    build_tree(tmp_path, [dockerfile, "ctx/app.py", "ctx/docker/run.sh", "beside"])
    line = str(2 + len(text.splitlines()))
    options = ("-f", "docker/Dockerfile", "--source", line)
    result = cli("explain", *options, cwd=tmp_path / "ctx", columns=200)
    assert cause in result.out
    assert result.code == int(name not in ("the whole context", "no match"))


def test_build_arguments_and_target(cli: Cli, tmp_path: Path) -> None:
    text = "FROM scratch AS a\nARG D\nCOPY $D /\nFROM scratch\nCOPY nope /\n"
    where = context(tmp_path, text, "x")
    options = ("--target", "a", "--build-arg", "D=x", "--source")
    assert cli("explain", *options, "$D", cwd=where).out == "COPY $D (Dockerfile:3): found\n"
    result = cli("explain", *options, "5", cwd=where)
    assert (result.code, result.out) == (0, "")
    assert "takes nothing from the build context in this build" in result.err
    assert cli("explain", "--target", "b", "--source", "x", cwd=where).code == 2


def test_what_no_instruction_takes(cli: Cli, tmp_path: Path) -> None:
    where = build_tree(tmp_path / "ctx", [file(".dockerignore", b"y\n"), "x", "y"])
    for source, code in (("x", 0), ("y", 1), ("../x", 0)):
        result = cli("explain", "-C", ".", "--source", source, cwd=where)
        assert (result.code, result.out.startswith(f"COPY {source}: ")) == (code, True)
        assert "as if one did" in result.err
    assert cli("explain", "-C", ".", "--source", "4", cwd=where).code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("1",),
        ("9",),
        ("3",),
        ("4",),
        ("x", "--builder", "classic"),
        ("x", "--trace"),
        ("x", "-n"),
        ("x", "x"),
    ],
)
def test_source_refuses_what_no_line_takes(
    cli: Cli, tmp_path: Path, options: tuple[str, ...]
) -> None:
    where = context(
        tmp_path, "FROM scratch\nCOPY x /\nCOPY --parents . /\nCOPY --parents !x /\n", "x"
    )
    result = cli("explain", "--source", *options, cwd=where)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)


TAKERS = {
    "taken": ("COPY src /s", "src/x", "  taken by\n    COPY src (Dockerfile:2)\n"),
    "by a star": ("COPY sr* /s", "src/x", "  taken by\n    COPY sr* (Dockerfile:2)\n"),
    "by all": ("ADD . /s", "other", "  taken by\n    ADD . (Dockerfile:2)\n"),
    "not taken": ("COPY src /s", "other", "no instruction, so it is not transferred"),
    "ignored": ("COPY src /s", "src/no", "  would be taken by\n    COPY src (Dockerfile:2)\n"),
    "below it": ("COPY src/x /s", "src", "COPY src/x (Dockerfile:2): perhaps something below it"),
    "widened": (
        "COPY src /s\nRUN --mount=type=tmpfs,target=/t x",
        "other",
        "(Dockerfile:3): without copying it",
    ),
    "rejected": ("COPY", "other", "Which instruction takes it: not known: Dockerfile:2: "),
}


@pytest.mark.parametrize("name", TAKERS)
def test_trace_names_the_instruction(cli: Cli, tmp_path: Path, name: str) -> None:
    text, path, expected = TAKERS[name]
    where = context(
        tmp_path, f"FROM scratch\n{text}\n", "src/x", "src/no", "other", ignoring="*/no\n"
    )
    assert expected in cli("explain", "--trace", path, cwd=where, columns=200).out


def test_trace_of_a_target(cli: Cli, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM scratch AS a\nCOPY x /\nFROM scratch\nCOPY y /\n", "x", "y")
    assert "no instruction, so" in cli("explain", "--trace", "x", cwd=where).out
    options = ("explain", "--target", "a")
    assert "taken by\n    COPY x (Dockerfile:2)\n" in cli(*options, "--trace", "x", cwd=where).out
    assert cli(*options, "x", cwd=where).code == 2
    assert cli("explain", "--target", "b", "--trace", "x", cwd=where).code == 2
    classic = cli("explain", "--builder", "classic", "--trace", "x", cwd=where, columns=200)
    assert "sends the whole context, whatever the Dockerfile says" in classic.out


PARENTS_IGNORING = b"""\
*.log
x/y/drop
hidden
"""
PARENTS = [
    file(".dockerignore", PARENTS_IGNORING),
    *("x/a.txt", "y/a.txt", "x/y/a.txt", "x/y/b.txt", "x/y/deep/c.txt", "x/y/drop", "top.log"),
    *("src/a.txt", "src/x/b.txt", "src/x/y/c.txt", "hidden/d.txt", "a.log"),
    link("to-x", "x"),
    link("x/to-y", "y"),
]
KEEPING = {
    "a file": ("./x/a.txt", 0, "found\n"),
    "a directory": ("x/y", 0, "found\n"),
    "with a pivot": ("./x/./y/a.txt", 0, "found\n"),
    "with two pivots": ("x/./y/./a.txt", 0, "found\n"),
    "a star behind the pivot": ("./x/./y/*.txt", 0, "found: matches 2 entries\n"),
    "any depth": ("./src/**/*.txt", 0, "found: matches 3 entries\n"),
    "any depth from the top": ("**/c.txt", 0, "found: matches 2 entries\n"),
    "a star does not cross a slash": ("x/*.txt", 0, "found: matches 1 entry\n"),
    "what a directory holds": ("src/*", 0, "found: matches 2 entries\n"),
    "a star for what is ignored": ("*.log", 0, "matches nothing that is sent: the build continues"),
    "a star for nothing": ("*.nothing", 0, "matches nothing that is sent: the build continues"),
    "absent": ("x/nope", 1, "not found: x/nope is not in the context\n"),
    "absent behind a pivot": ("x/./nope", 1, "not found: x/nope is not in the context\n"),
    "absent in front of a pivot": ("nope/./*", 1, "not found: nope is not in the context\n"),
    "ignored": ("x/y/drop", 1, "not found: ignored by .dockerignore:2 `x/y/drop`\n"),
    "ignored in front of a pivot": (
        "hidden/./d.txt",
        1,
        "not found: ignored by .dockerignore:3 `hidden`\n",
    ),
    "through a link": ("to-x/a.txt", 1, "to-x is a symlink, which --parents does not follow"),
    "a link": ("to-x", 0, "found\n"),
    "denied": ("--parents=false to-x/a.txt", 0, "found\n"),
}


LABS = "# syntax=docker/dockerfile:1-labs\n"


def keeping(tmp_path: Path, source: str) -> Path:
    """A context, beside a Dockerfile that takes `source` of it with its directories."""
    flag = "" if source.startswith("--parents") else "--parents "
    (tmp_path / "Dockerfile").write_text(f"{LABS}FROM scratch\nCOPY {flag}{source} /x/\n")
    return build_tree(tmp_path / "context", PARENTS)


@pytest.mark.parametrize("name", KEEPING)
def test_parents_are_kept(cli: Cli, tmp_path: Path, name: str) -> None:
    """The examples of the Dockerfile reference, and what BuildKit's own tests hold."""
    source, code, told = KEEPING[name]
    root = keeping(tmp_path, source)
    where = ("-C", str(root), "-f", str(tmp_path / "Dockerfile"))
    result = cli("explain", *where, "--source", "3", columns=300)
    assert (result.code, result.err) == (code, "")
    assert told in result.out.replace(f"{root}/", "")
    assert ("before docker/dockerfile:1.20 continue" in result.out) is (
        code == 1 and name != "absent in front of a pivot"
    )
    measured = cli("measure", str(root), *where[2:], "--format", "json")
    problems = {each["code"] for each in json.loads(measured.out)["problems"]}
    fails = code == 1 and name != "through a link"  # of the link itself something travels
    assert ("source-not-found" in problems) is fails


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize("name", KEEPING)
def test_what_travels_for_parents(cli: Cli, tmp_path: Path, name: str) -> None:
    """What is found is among what BuildKit's libraries transfer for it."""
    source, _, told = KEEPING[name]
    root = keeping(tmp_path, source)
    listed = {
        each.name
        for each in devtools.list_context(root, dockerfile=tmp_path / "Dockerfile", whole=False)
    }
    where = (str(root), "-f", str(tmp_path / "Dockerfile"))
    ours = set(cli("ls", "--transfer", *where).out.splitlines())
    assert ours == listed
    assert bool(listed) is told.startswith("found") or name == "through a link"


@pytest.mark.parametrize("source", ["to-x/./a.txt", "./*/./a.txt"])
def test_what_is_not_known_of_parents_names_what_works(
    cli: Cli, tmp_path: Path, source: str
) -> None:
    where = context(tmp_path, f"{LABS}FROM scratch\nCOPY --parents {source} /\n", "x/a.txt")
    (where / "to-x").symlink_to("x")
    result = cli("explain", "--source", "3", cwd=where)
    assert result.code == 2
    assert "(`ctxsize explain PATH` reports whether an entry is sent" in result.err
    assert "`ctxsize ls --transfer` lists what is transferred)" in result.err


def test_json_has_the_fate_of_each_source(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY app.py dist /\n"
    context = build_tree(tmp_path / "ctx", [*TREE, file("Dockerfile", text)])
    sources = ["--source=2", "--source=missing", "--source=*.log"]
    result = cli("explain", *sources, "--json", cwd=context)
    shape = json.loads(result.out)
    jsonschema.validate(shape, closed(schema("explain")))
    found = [(each["source"], each["line"], each["fate"]) for each in shape["sources"]]
    assert result.code == 1
    assert found == [
        ("app.py", 2, "found"),
        ("dist", 2, "ignored"),
        ("missing", 0, "absent"),
        ("*.log", 0, "no match"),
    ]
    hidden = shape["sources"][1]["hidden"][0]
    assert (hidden["path"], hidden["by"]["text"]) == ("dist", "dist")
    assert [each["found"] for each in shape["sources"]] == [True, False, False, True]
