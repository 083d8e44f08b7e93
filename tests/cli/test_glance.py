"""`ctxsize [DIR]`: the answer on 20 lines for any tree; its figures are those of `measure`.

The screens of `measure` (40 lines) and of a refusal by `check` (20) are held for the same trees.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.cli.commands import COMMANDS
from ctxsize.formats import charts
from ctxsize.formats.sections import LargeParts, Room
from ctxsize.formats.sections.glance import parts_of
from ctxsize.formats.wording import columns, sent
from ctxsize.model import Amount
from tests.cli.conftest import Cli
from tests.cli.test_terminal import on_a_terminal
from tests.contexts import CONTEXTS
from tests.trees import COPY_ALL, Node, build_tree, file, link

MB = 1_000_000
ALL = file("Dockerfile", COPY_ALL)
LONG = "x" * 200
MODULES: list[str | Node] = [
    node
    for n in range(9)
    for node in (f"p{n}/package.json", file(f"p{n}/node_modules/a/i.js", size_bytes=n * MB + 1))
]
MANY: list[str | Node] = [
    *MODULES,
    *(f"s{n}/.env" for n in range(9)),
    *("Cargo.toml", file("target/debug/app", size_bytes=900 * MB)),
    *(".git/HEAD", file(".git/objects/pack/p", size_bytes=5 * MB), "venv/.venv/pyvenv.cfg"),
    *(file(".gitignore", b"out/\n"), file("out/a", size_bytes=40 * MB), link("l", "nope")),
]
LIB = ["--build-context", "lib=p1", "--build-context", "far=docker-image://alpine"]
PLATFORMS = ["--platform", "linux/amd64,linux/arm64,linux/s390x"]
TREES: dict[str, tuple[list[str | Node], list[str]]] = {
    **{name: (nodes, []) for name, nodes in CONTEXTS.items()},
    "nothing": ([], []),
    "one file": (["a"], []),
    "everything ignored": ([ALL, file(".dockerignore", b"*\n"), "a"], []),
    "many reasons": ([ALL, *MANY], []),
    "many reasons, exceptions": ([ALL, *MANY, file(".dockerignore", b"*.log\n!a.log\n")], []),
    "many reasons, no Dockerfile": (MANY, []),
    "podman": ([ALL, *MANY], ["--builder", "podman"]),
    "the classic builder": ([ALL, *MANY], ["--builder", "classic"]),
    "named contexts": (
        [file("Dockerfile", b"FROM scratch\nCOPY --from=lib . /\nCOPY s1 /\n"), *MANY],
        LIB,
    ),
    "platforms": (
        [file("Dockerfile", b"FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\nCOPY s1 p2 /\n")]
        + [f"{arch}/{n}" for arch in ("amd64", "arm64", "s390x") for n in range(3)]
        + MANY,
        PLATFORMS,
    ),
    "nothing is taken": ([file("Dockerfile", b"FROM scratch\n"), *MANY], []),
    "long names": (
        [
            *(ALL, file(".dockerignore", f"{LONG}/*\n".encode() * 3)),
            *(file(f"{LONG}/{n}{LONG}/node_modules/x", size_bytes=MB) for n in range(4)),
            *(f"{LONG}/{n}/.env" for n in range(9)),
            *(f"{'深' * 60}/{n}{'い' * 60}/.git/HEAD" for n in range(9)),
        ],
        [],
    ),
    "a failing Dockerfile": (
        [file("Dockerfile", b"FROM scratch\nCPOY . " + LONG.encode() * 9 + b"\n"), *MANY],
        [],
    ),
    "missing sources": (
        [file("Dockerfile", b"FROM scratch\n" + b"COPY nope /\nCOPY a/%s /\n" % LONG.encode() * 9)],
        [],
    ),
    "a file that arrives empty": (
        [
            *(ALL, ".env", "sub/.env", *(f"{n}/a" for n in range(9)), "package.json"),
            file(".dockerignore", b"foo\n!foo/bar\nfoo\n"),
            *("foo/bar", "node_modules/a", "a/package.json", "a/node_modules/b", ".git/HEAD"),
        ],
        [],
    ),
    "many levels": ([ALL, *(f"{'/'.join('abcdefghij'[:n])}/f{n}" for n in range(1, 10))], []),
}


@pytest.mark.parametrize("name", TREES)
def test_it_is_short_for_any_tree(cli: Cli, tmp_path: Path, name: str) -> None:
    nodes, options = TREES[name]
    context = build_tree(tmp_path / "ctx", nodes)
    for width in (80, 120):
        door = cli(*options, ".", cwd=context, columns=width)
        assert len(door.lines) <= 20
        assert door.code == cli("measure", *options, ".", cwd=context).code
        assert "Next: " in door.out
        assert door.out.replace("\n", "").isprintable()
        wide = [line for line in door.lines if columns(line) > width]
        # A command is one line, and a word of a message is not broken.
        assert [each for each in wide if len(each.split()) > 2 and each[:4] != "Next"] == []
        assert len(cli("measure", *options, ".", cwd=context, columns=width).lines) <= 40
    shape = json.loads(cli(*options, "--json", ".", cwd=context).out)
    measured = json.loads(cli("measure", *options, "--json", ".", cwd=context).out)
    assert shape.pop("suggest") is None or shape["dockerfile"]
    assert shape | {"verdict": 0} == measured | {"verdict": 0}
    narrow = {
        command: cli(*command.split(), *options, ".", cwd=context, columns=40).lines
        for command in ("measure", "check --max 1B --max-files 1")
    }
    assert len(narrow["measure"]) <= 40
    assert len(narrow["check --max 1B --max-files 1"]) <= 20
    assert len(cli(*options, ".", cwd=context, columns=40).lines) <= 20
    low = on_a_terminal("measure", *options, ".", cwd=context, columns=80, LINES="25")
    assert len(low.splitlines()) <= 25
    for command in ([], ["measure"]):
        assert len(cli(*command, "-q", *options, ".", cwd=context).lines) == 1
    refused = cli("check", "--max", "1B", "--max-files", "1", *options, cwd=context)
    assert len(refused.lines) <= 20


@pytest.mark.parametrize("most", [2, 3, 5, 50])
@pytest.mark.parametrize("name", TREES)
def test_the_rows_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    nodes, options = TREES[name]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", nodes))
    named = {"lib": "p1", "far": "docker-image://alpine"} if options == LIB else {}
    glance = api.glance(
        builder=options[1] if "--builder" in options else "buildkit",
        build_contexts=named,
        platforms=tuple(options[1:]) if options == PLATFORMS else (),
    )
    whole = sent(glance.report)
    parts = charts.largest(LargeParts(parts_of(glance), whole, Room(most)), most)
    assert len(parts) <= most
    assert Amount.of(*parts) == whole
    assert all(each.files > 0 and each.content_bytes >= 0 for each in parts)


SHOWN = {
    # nodes, options, what is said on one line
    "what is not needed": (
        [
            file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n"),
            *("Cargo.toml", "target/.rustc_info.json", file("target/x", size_bytes=MB)),
        ],
        [],
        "1.0 MB 2 **/target not needed: Cargo's build output",
    ),
    "several": ([ALL, *MODULES], [], "36.0 MB 9 **/node_modules confirm: the image"),
    "exceptions": (
        [ALL, *MODULES, file(".dockerignore", b"!a\n")],
        [],
        "36.0 MB 9 **/node_modules/** confirm: the image",
    ),
    "the rest": (
        [
            ALL,
            file("web/package.json", size_bytes=5_000),
            file("web/node_modules/a", size_bytes=MB),
        ],
        [],
        "5.0 kB 1 the rest of web/",
    ),
    "a secret": (
        [ALL, ".env", file("a", size_bytes=99)],
        [],
        "**/.env secret: environment variables",
    ),
    "the largest of the largest": (
        [ALL, file("a/b/c/d", size_bytes=99), "a/e"],
        [],
        "99 B 1 a/b/c/",
    ),
    "who takes it": ([ALL], [], "Taken by Dockerfile:2 COPY . (all of it)"),
    "who takes some of it": (
        [file("Dockerfile", b"FROM scratch\nCOPY a /\nCOPY b /\n"), file("a", size_bytes=9), "b"],
        [],
        "Taken by Dockerfile:2 COPY a (9 B) and 1 more",
    ),
    "no Dockerfile": (["a"], [], "Taken by not known without a Dockerfile"),
    "builds below": (["a"], [], "Next: ctxsize scan finds the builds below this directory"),
    "a COPY of nothing": (
        [file("Dockerfile", b"FROM scratch\nCOPY nope /\n"), "a"],
        [],
        "The build fails: an instruction does not find its source; 0 B in 0 files would be sent",
    ),
    "a long Dockerfile": (
        [ALL, *(file(f"{'d' * 40}/{'e' * 40}/D", b"FROM scratch\nCOPY . .\n"),)],
        ["-f", f"{'d' * 40}/{'e' * 40}/D"],
        f"Taken by …/{'e' * 40}/D:2 COPY . (all of it)",
    ),
    "no ignore file": ([ALL], [], "Ignore file none"),
    "an ignore file": (
        [ALL, file(".dockerignore", b"x\n")],
        [],
        "Ignore file .dockerignore (1 pattern)",
    ),
    "the figure of Docker": ([ALL], [], "transferring context: "),
    "podman": ([ALL], ["--builder", "podman"], "Build prints nothing: Podman sends nothing of it"),
    "podman's reader": ([ALL], ["--builder", "podman"], "Taken by COPY and ADD, which read it in"),
    "classic": ([ALL], ["--builder", "classic"], "Taken by all of it, before the Dockerfile is"),
    "a failing Dockerfile": ([file("Dockerfile", b"CPOY\n")], [], "Taken by not known Ignore file"),
    "an unknown Dockerfile": (
        [file("Dockerfile", b"FROM scratch\nARG B\nCOPY . /${B:?need}\n")],
        [],
        "Taken by not known",
    ),
    "an unknown transfer": (
        [file("Dockerfile", b"FROM scratch\nARG B\nCOPY . /${B:?need}\n")],
        [],
        "B, if all of it is transferred More",
    ),
    "a named context": (
        [file("Dockerfile", b"FROM scratch\nCOPY --from=lib . /\n"), "lib/a"],
        ["--build-context", "lib=lib"],
        "Taken by Dockerfile:2 COPY .",
    ),
    "the figure of a named context": (
        [file("Dockerfile", b"FROM scratch\nCOPY --from=lib . /\nCOPY a /\n"), "lib/a", "a"],
        ["--build-context", "lib=lib"],
        "B and 1 named context More",
    ),
    "the largest figure": (
        [
            file("Dockerfile", b"FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n"),
            *("amd64/a", file("arm64/a", size_bytes=5 * MB)),
        ],
        ["--platform", "linux/amd64,linux/arm64"],
        "Build prints transferring context: 5.00MB and 1 more platform",
    ),
    "files that are taken": (
        [
            file("Dockerfile", b"FROM scratch\nCOPY a b d /\n"),
            *(file("a", size_bytes=99), file("b", size_bytes=55), "d/x"),
        ],
        [],
        "99 B 1 a 55 B 1 b",
    ),
    "the same file twice": (
        [file("Dockerfile", b"FROM scratch\nCOPY a a* /\n"), file("a", size_bytes=99)],
        [],
        "99 B 1 all files",
    ),
    "the verdict without a Dockerfile": (
        ["a", "b"],
        [],
        "Worth a look: there is no Dockerfile here; the directory has 4 B in 2 files",
    ),
    "all is ignored": ([ALL, file(".dockerignore", b"*\n")], [], "everything is ignored"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_is_shown(cli: Cli, tmp_path: Path, case: str) -> None:
    nodes, options, said = SHOWN[case]
    context = build_tree(tmp_path / "ctx", nodes)
    out = cli(*options, ".", cwd=context).out.replace("█", "").replace("\n", " ")
    assert " ".join(said.split()) in " ".join("".join(c for c in out if c not in "▏▎▍▌▋▊▉").split())


def test_a_command_wins_over_a_directory(cli: Cli, tmp_path: Path) -> None:
    build_tree(tmp_path / "scan", [ALL, file("big", size_bytes=70 * MB)])
    assert cli("./scan", cwd=tmp_path).out.startswith("Worth a look: 70.0 MB")
    assert "big" not in cli("scan", "--top", "1", cwd=tmp_path).out
    for arguments in (["scan/"], ["-q", "./scan"], ["--", "scan"], ["--target", "scan", "scan/"]):
        assert cli(*arguments, cwd=tmp_path).code == (2 if "--target" in arguments else 0)


BEFORE_COMMANDS = [
    (["-q", "scan"], "ctxsize scan -q"),
    (["--json", "measure"], "ctxsize measure --json"),
    (["--format", "json", "check", "--max", "5MB"], "ctxsize check --format"),
    (["--build-arg=A=secret", "ls"], "ctxsize ls --build-arg"),
]


@pytest.mark.parametrize(("arguments", "said"), BEFORE_COMMANDS)
def test_options_follow_the_command(
    cli: Cli, tmp_path: Path, arguments: list[str], said: str
) -> None:
    for directory in ("scan", None):
        if directory:
            build_tree(tmp_path / directory, [ALL])
        result = cli(*arguments, cwd=tmp_path)
        assert (result.code, result.out) == (2, "")
        assert f"Options follow the command: {said} (ctxsize --help)" in result.err
    # A value may be the name of a command.
    assert cli("--color", "never", "--target", "check", ".", cwd=tmp_path).code == 0


def test_an_error_of_the_front_door_names_its_help(cli: Cli, tmp_path: Path) -> None:
    assert "(ctxsize . --help)" in cli("--nope", cwd=tmp_path).err
    assert cli(".", "-h", cwd=tmp_path).out.startswith("Usage: ctxsize [OPTIONS] [CONTEXT]\n")
    assert "did you mean `ctxsize check`?" in cli("help", "chek", cwd=tmp_path).err


WRONG = [
    ("mesure", "'mesure'; did you mean `ctxsize measure`?"),
    ("sugest", "did you mean `ctxsize suggest`?"),
    ("a-file", "it is a file (name it with -f)"),
    ("build", "did you mean `ctxsize .`?"),
    ("./nope", "there is no such directory either"),
    ("x\x1b[31m\n", "there is no such directory either"),
    ("docker-plugin", "docker-plugin was removed"),
]


@pytest.mark.parametrize(("word", "said"), WRONG)
def test_a_word_that_is_neither_gets_a_hint(cli: Cli, tmp_path: Path, word: str, said: str) -> None:
    (tmp_path / "a-file").touch()
    result = cli(word, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.replace("\n", "").isprintable()


def test_every_command_can_still_be_asked_for_help(cli: Cli, tmp_path: Path) -> None:
    shown = cli("--help", cwd=tmp_path).out
    assert shown.startswith("Usage: ctxsize [DIR] [OPTIONS]\n       ctxsize COMMAND [ARGS]...\n")
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    assert cli("-h", cwd=tmp_path).out == shown
    assert "--build-arg" in cli(".", "--help", cwd=tmp_path).out


def test_a_level_of_concern_has_its_colour(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [ALL, file("a", size_bytes=900 * MB)])
    painted = cli("--color", "always", cwd=context).lines
    assert painted[0].startswith("\x1b[1;31mToo big\x1b[0m: 900.0 MB")
    assert "\x1b[1mctxsize suggest\x1b[0m" in painted[1]


def test_depth_shows_its_levels_and_says_what_is_left(cli: Cli, tmp_path: Path) -> None:
    deep = [f"{'/'.join('abcdef'[:n])}/f{n}" for n in range(1, 7)]
    context = build_tree(tmp_path / "ctx", [ALL, *deep, *(f"w/{n:03}/f" for n in range(300))])
    shown = cli("measure", "--depth", "6", cwd=context).lines
    assert sum("└─ f" in line or "├─ f" in line for line in shown) == 1
    assert "  and 108 more directories" in shown
    assert not any("─ f" in line for line in cli("measure", cwd=context).lines)


def test_full_shows_every_table(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [ALL, *MANY])
    for arguments in (["measure", "--full"], ["-v"], ["measure", "--verbose"]):
        out = cli(*arguments, cwd=context).out
        for title in ("Size tree", "Taken by", "Largest files", "By extension", "directories, own"):
            assert title in out
    brief = cli("measure", cwd=context).out
    assert "By extension" not in brief
    assert "--full shows all" in brief


def test_a_refusal_shows_the_report_with_full(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [ALL, *MANY])
    refused = cli("check", "--max", "1MB", cwd=context)
    assert (refused.code, "Report of ." in refused.out) == (1, False)
    full = cli("check", "--max", "1MB", "--full", cwd=context)
    assert (full.code, "Report of .\n" in full.out, "By extension" in full.out) == (1, True, True)
    markdown = cli("check", "--max", "1MB", "--format", "markdown", cwd=context).out
    assert "<summary>Report of .</summary>" in markdown
    shape = json.loads(cli("check", "--max", "1MB", "--json", cwd=context).out)
    assert shape["passes"] is False
