"""Which build a command is about if neither a directory nor a Dockerfile is named."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from ctxsize import api
from tests.clean.snapshots import snapshot
from tests.cli.conftest import Cli, Result
from tests.trees import Node, build_tree, file

ALL = b"FROM scratch\nCOPY . /\n"
NODE = b"FROM node:20 AS app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n"
IN_DOCKER = [
    file("docker/Dockerfile", NODE),
    file("package.json", b"{}"),
    file("src/i.js", b"1\n"),
    file("node_modules/x/a.node", size_bytes=50 << 20),
    file("node_modules/.package-lock.json", b"{}"),
]
COMPOSE = b"""services:
  web: {build: web}
  api: {build: api}
  migrate: {build: migrate}
  proxy: {build: proxy}
  worker: {build: {context: ., dockerfile: worker/Dockerfile}}
  cron: {build: {context: ., dockerfile: cron/Dockerfile}}
"""
INSTALL = b"FROM node:20\nCOPY package.json ./\nRUN npm install\nCOPY . .\n"
PYTHON = b"FROM python:3\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\nCOPY . .\n"
SERVICES = [
    file("compose.yaml", COMPOSE),
    file("web/Dockerfile", INSTALL),
    file("web/package.json", b"{}"),
    file("web/index.js", b"1\n"),
    file("web/node_modules/x/a.node", size_bytes=125_800_000),
    file("web/node_modules/.package-lock.json", b"{}"),
    file("api/Dockerfile", PYTHON),
    file("api/requirements.txt", b"flask\n"),
    file("api/main.py", b"1\n"),
    file("api/.venv/pyvenv.cfg", b"home = /usr\n"),
    file("api/.venv/lib/a.so", size_bytes=83_900_000),
    file("migrate/Dockerfile", b"FROM scratch\nCOPY src /\n"),
    file("migrate/src/a", b"1\n"),
    file("proxy/Dockerfile", b"FROM scratch\nCOPY src /\n"),
    file("proxy/src/a", b"1\n"),
    file("worker/Dockerfile", b"FROM scratch\nCOPY worker/src /\n"),
    file("worker/src/a", b"1\n"),
    file("cron/Dockerfile", b"FROM scratch\nCOPY cron/src /\n"),
    file("cron/src/a", b"1\n"),
]
IN_SERVICES = [
    "-f cron/Dockerfile .",
    "-f worker/Dockerfile .",
    "api",
    "migrate",
    "proxy",
    "web",
]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "one", IN_DOCKER)


@pytest.fixture
def services(tmp_path: Path) -> Path:
    root = build_tree(tmp_path / "services", SERVICES)
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    return root


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "nothing", [file("README.md", b"Hello\n")])


def next_step(result: Result) -> list[str]:
    """The command that a screen says to type next."""
    (line,) = (line for line in result.lines if line.startswith("Next: "))
    return shlex.split(line.removeprefix("Next: ").partition("  ")[0])[1:]


def commands(result: Result) -> list[str]:
    """The commands below an error."""
    return [line.strip() for line in result.err.splitlines() if line.startswith("  ")]


def test_the_only_build_is_answered_as_if_typed(cli: Cli, one: Path) -> None:
    result = cli(cwd=one)
    typed = cli("-f", "docker/Dockerfile", ".", cwd=one)
    assert (result.code, result.out) == (0, typed.out)
    assert "52.4 MB" in result.lines[0]
    assert "note: no Dockerfile here; this is about the only build:" in result.err
    assert commands(result) == ["ctxsize -f docker/Dockerfile ."]
    assert "docker/Dockerfile: no file here says with which context it is built" in result.err
    assert ", so . is a guess" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["measure"],
        ["suggest"],
        ["suggest", "--diff"],
        ["check", "--max", "1MB"],
        ["explain", "-n", "src/i.js"],
        ["explain", "--source", "4"],
        ["--json"],
        ["measure", "--target", "app"],
    ],
    ids=" ".join,
)
def test_each_command_is_about_the_only_build(cli: Cli, one: Path, words: list[str]) -> None:
    result = cli(*words, cwd=one)
    (command,) = commands(result)
    typed = cli(*shlex.split(command)[1:], cwd=one)
    assert (result.code, result.raw) == (typed.code, typed.raw)
    assert result.raw
    assert "docker/Dockerfile" in command


def test_each_next_step_leads_to_the_saving(cli: Cli, one: Path) -> None:
    first = cli(cwd=one)
    suggested = cli("suggest", cwd=one)
    assert "**/node_modules" in first.out
    assert "**/node_modules" in suggested.out
    assert next_step(first) == next_step(suggested)
    written = cli(*next_step(first), cwd=one)
    assert written.lines[0].startswith("Ignored with ")
    assert (one / ".dockerignore").exists()
    assert not (one / "docker/.dockerignore").exists()
    assert cli("-q", cwd=one).lines[0].startswith("Fine: ")
    assert cli("check", "--max", "1MB", cwd=one).code == 0
    assert cli("check", "--all", "--max", "1MB", cwd=one).code == 0
    scanned = cli("scan", cwd=one)
    assert (scanned.code, "CTX302" in scanned.out) == (0, False)


def test_what_the_repository_states_is_no_guess(cli: Cli, one: Path) -> None:
    (one / "Makefile").write_text("image:\n\tdocker build -f docker/Dockerfile .\n")
    result = cli("measure", cwd=one)
    assert (result.code, "guess" in result.err) == (0, False)
    assert commands(result) == ["ctxsize measure -f docker/Dockerfile ."]


def test_the_configuration_states_the_only_build(cli: Cli, one: Path) -> None:
    table = '[contexts."src"]\ndockerfile = "docker/Dockerfile"\nmax = "1MB"\n'
    (one / "ctxsize.toml").write_text(table)
    result = cli("measure", cwd=one)
    assert commands(result) == ["ctxsize measure -f docker/Dockerfile src"]
    assert "guess" not in result.err
    assert cli("check", cwd=one).lines[0].startswith("ok src: ")


def test_a_dockerfile_at_the_top_is_all_that_is_looked_for(
    cli: Cli, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one / "Dockerfile").write_bytes(ALL)
    monkeypatch.setattr(api, "discover", None)
    for words in ([], ["measure"], ["explain", "src"], ["check", "--max", "1GB"]):
        result = cli(*words, cwd=one)
        assert (result.code, commands(result)) == (0, [])


def test_another_name_at_the_top(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "root", [file("Containerfile", ALL), "a"])
    assert commands(cli(cwd=root)) == ["ctxsize -f Containerfile ."]
    named = cli("measure", "--builder", "podman", cwd=root)
    assert (named.code, commands(named)) == (0, [])


def test_several_builds_are_a_table_on_one_screen(cli: Cli, services: Path) -> None:
    result = cli(cwd=services)
    assert result.code == 0
    assert len(result.lines) <= 20
    assert " ".join(result.lines[:2]) == (
        "No Dockerfile here, and 6 builds below: 209.7 MB would be sent; patterns would save "
        "209.7 MB"
    )
    assert "Next: ctxsize suggest --all --write  saves 209.7 MB" in result.out
    rows = [line.split(None, 5) for line in result.lines if line.endswith(("web", "api"))]
    assert rows == [
        ["125.8", "MB", "125.8", "MB", "none", "web"],
        ["83.9", "MB", "83.9", "MB", "none", "api"],
    ]
    assert "none  -f cron/Dockerfile ." in result.out
    assert "  More         ctxsize web · ctxsize scan" in result.lines


def test_many_builds_are_cut_to_the_screen(cli: Cli, tmp_path: Path) -> None:
    nodes = [file(f"s{number:02}/Dockerfile", ALL) for number in range(60)]
    result = cli(cwd=build_tree(tmp_path / "many", nodes))
    assert len(result.lines) <= 20
    assert "more builds" in result.out


def test_what_the_table_promises_is_kept(cli: Cli, services: Path) -> None:
    written = cli(*next_step(cli(cwd=services)), cwd=services)
    assert written.code == 0
    assert " ".join(written.lines[:2]).endswith(": 209.7 MB of 209.7 MB that 6 builds would send")
    again = json.loads(cli("scan", "--json", cwd=services).out)
    assert sum(build["transfer"]["content_bytes"] for build in again["builds"]) < 100
    assert next_step(cli(cwd=services)) == ["scan"]
    assert cli("suggest", "--all", "--check", cwd=services).code == 0
    assert "CTX302" not in cli("scan", cwd=services).out


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (["measure"], None),
        (["measure", "--by", "ext"], None),
        (["suggest", "--write"], "ctxsize suggest --write --all"),
        (["check", "--max", "1GB"], "ctxsize check --max 1GB --all"),
        (["explain", "-n", "none/has/it"], None),
        (["--json"], None),
    ],
)
def test_several_builds_have_a_command_each(
    cli: Cli, services: Path, words: list[str], last: str | None
) -> None:
    before = snapshot(services)
    result = cli(*words, cwd=services)
    assert (result.code, result.out) == (2, "")
    assert "error: no Dockerfile here; 6 builds found: name one" in result.err
    named = commands(result)
    if last:
        assert named.pop() == f"all of them: {last}"
        assert cli(*shlex.split(last)[1:], "--format", "json", cwd=services).code == 0
    else:
        assert snapshot(services) == before
    start = " ".join(["ctxsize", *words])
    assert [line.replace(" -C", "") for line in named] == [
        f"{start} {name}" for name in IN_SERVICES
    ]
    for line in named:
        assert cli(*shlex.split(line)[1:], cwd=services).code == 0, line


def test_the_commands_are_bounded_and_hold_no_value(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "many", [file(f"s{number:02}/Dockerfile", ALL) for number in range(60)]
    )
    result = cli("measure", "--build-arg", "TOKEN=geheim", "--build-arg=KEY=geheim", cwd=root)
    lines = commands(result)
    assert lines[0] == "ctxsize measure --build-arg TOKEN --build-arg=KEY s00"
    assert (len(lines), lines[-1]) == (9, "and 52 more: ctxsize scan")
    assert "geheim" not in result.err


def test_a_dockerfile_in_another_file_cannot_be_named(cli: Cli, tmp_path: Path) -> None:
    text = '"FROM scratch\\nCOPY . /\\n"'
    inline = f"services: {{a: {{build: {{dockerfile_inline: {text}}}}}}}".encode()
    root = build_tree(tmp_path / "inline", [file("compose.yaml", inline), file("a", b"a")])
    assert "1 build below" in cli(cwd=root).out
    result = cli("suggest", cwd=root)
    assert result.code == 2
    assert commands(result) == ["and 1 more: ctxsize scan", "all of them: ctxsize suggest --all"]


def test_the_table_says_once_what_it_does_not_know(cli: Cli, tmp_path: Path) -> None:
    nodes = [*SERVICES, file("testdata/Dockerfile", ALL)]
    root = build_tree(tmp_path / "r", nodes)
    told = "1 Dockerfile in fixtures was left out"
    screen = cli(cwd=root)
    assert (screen.err, screen.out.count(told)) == ("", 1)
    assert told in cli("measure", cwd=root).err


NAMING_NOTHING = {
    "": ".",
    "measure --top 3": "measure --top 3 .",
    "suggest --write": "suggest --write .",
    "explain -n web": "explain -n web -C .",
    "check --max 1MB": "check --max 1MB .",
}


def test_where_nothing_is_built(cli: Cli, nothing: Path) -> None:
    before = snapshot(nothing)
    for words, again in NAMING_NOTHING.items():
        result = cli(*words.split(), cwd=nothing)
        told = f"error: No Dockerfile here. (for the directory itself: ctxsize {again})\n"
        assert (result.code, result.out, result.err) == (2, "", f"ctxsize: {told}")
    for words in (["suggest", "--all", "--write"], ["init"]):
        result = cli(*words, cwd=nothing)
        assert (result.code, "No Dockerfile here." in result.err) == (2, True)
    assert snapshot(nothing) == before
    checked = cli("check", "--max", "1MB", ".", cwd=nothing)
    assert (checked.code, "CTX412" in checked.out) == (1, True)
    measured = cli("measure", ".", cwd=nothing)
    assert (measured.code, "there is no Dockerfile here; the directory has" in measured.out) == (
        0,
        True,
    )


def test_a_named_directory_is_a_context(cli: Cli, services: Path) -> None:
    for words in (["measure", "."], ["ls", "."], ["explain", "-n", "-C", ".", "web"]):
        assert cli(*words, cwd=services).code == 0
    assert "there is no Dockerfile here" in cli(".", cwd=services).out
    assert cli("ls", cwd=services).out == cli("ls", ".", cwd=services).out
    assert len(api.measure(str(services)).problems) == 1


def test_nothing_is_written_that_no_build_reads(cli: Cli, services: Path) -> None:
    before = snapshot(services)
    result = cli("suggest", "--write", ".", cwd=services)
    assert (result.code, snapshot(services)) == (2, before)
    assert commands(result)[:2] == [
        "ctxsize suggest --write -f cron/Dockerfile .",
        "ctxsize suggest --write -f worker/Dockerfile .",
    ]
    result = cli("suggest", "--write", "web/node_modules", cwd=services)
    assert (result.code, snapshot(services)) == (2, before)
    assert "no build has the context web/node_modules; 6 builds found: name one" in result.err
    assert len(commands(result)) == 7


def test_more_is_a_line_of_commands(cli: Cli, one: Path) -> None:
    (one / "Dockerfile").write_bytes(ALL)
    for words in (["."], ["-f", "docker/Dockerfile", "."], [str(one)]):
        screen = cli(*words, cwd=one, columns=200)
        (line,) = (line for line in screen.lines if line.startswith("  More "))
        for command in line.removeprefix("  More ").split(" · "):
            program, *arguments = shlex.split(command)
            assert program == "ctxsize"
            result = cli(*arguments, cwd=one.parent if words == [str(one)] else one)
            assert (result.code, bool(result.out)) == (0, True)
            if "-f" in words:
                assert "docker/Dockerfile" in arguments


BOTH: list[str | Node] = [
    file("docker/Dockerfile", NODE),
    file("docker/Dockerfile.dockerignore", b"*.log\n"),
    file(
        "Makefile",
        b"all:\n\tdocker build -f docker/Dockerfile a\n\tdocker build -f docker/Dockerfile b\n",
    ),
    *(file(f"{name}/package.json", b"{}") for name in "ab"),
    *(file(f"{name}/package-lock.json", b"{}") for name in "ab"),
    *(file(f"{name}/node_modules/.package-lock.json", b"{}") for name in "ab"),
    *(file(f"{name}/node_modules/x/z", size_bytes=5_000_000) for name in "ab"),
    file("b/.venv/pyvenv.cfg", b"home = /usr\n"),
    file("b/.venv/lib/z", size_bytes=4_000_000),
]


def test_contexts_with_one_ignore_file_get_one_proposal(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "both", BOTH)
    assert cli("suggest", "--all", "--write", cwd=root).code == 0
    lines = (root / "docker/Dockerfile.dockerignore").read_text().splitlines()
    assert {"*.log", "**/node_modules", "**/.venv"} <= {*lines}
    assert cli("suggest", "--all", "--check", cwd=root).code == 0


def test_no_context_loses_what_only_another_can_miss(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "both", [*BOTH, file("a/.venv/plan.md", b"needed\n")])
    before = cli("ls", "-f", "docker/Dockerfile", "a", cwd=root).lines
    shown = cli("suggest", "--all", "--write", cwd=root)
    assert "10.0 MB of 14.0 MB that 2 builds would send" in " ".join(shown.lines[:2])
    after = cli("ls", "-f", "docker/Dockerfile", "a", cwd=root).lines
    assert ".venv/plan.md" in after
    assert [line for line in before if not line.startswith("node_modules")] == after


def test_all_of_a_repository(cli: Cli, services: Path) -> None:
    shown = cli("suggest", "--all", cwd=services)
    assert shown.code == 0
    assert shown.lines[0].startswith("Can be ignored with 5 patterns in 2 ignore files: ")
    assert "web/.dockerignore: 125.8 MB in 5 files -> 4 B in 2 files" in shown.lines
    assert next_step(shown) == ["suggest", "--all", "--write"]
    before = snapshot(services)
    assert cli("suggest", "--all", "--check", cwd=services).code == 1
    diff = cli("suggest", "--all", "--diff", cwd=services)
    assert snapshot(services) == before
    subprocess.run(["git", "apply", "-p0", "-"], input=diff.raw, cwd=services, check=True)
    patched = snapshot(services)
    assert patched != before
    subprocess.run(["git", "apply", "-R", "-p0", "-"], input=diff.raw, cwd=services, check=True)
    written = cli("suggest", "--all", "--write", cwd=services)
    names = ("web/.dockerignore", "api/.dockerignore")  # of `.` all builds name what they take
    assert written.err.splitlines() == [f"ctxsize: note: wrote {name}" for name in names]
    assert cli("suggest", "--all", cwd=services).lines[0].startswith("Nothing safe to add: 6 ")


USELESS: dict[str, list[str | Node]] = {
    "only files of builders": [file("a/Dockerfile", ALL), "a/x"],
    "nothing of it travels": [
        file("a/Dockerfile", b"FROM scratch\nCOPY x /\n"),
        *("a/x", file("a/.idea/workspace.xml", b"<project/>")),
        file("a/.idea/x.xml", size_bytes=3_000_000),
    ],
}


@pytest.mark.parametrize("name", USELESS)
def test_no_ignore_file_is_written_that_helps_no_build(name: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path, [*USELESS[name], file("b/Dockerfile", ALL), "b/y"])
    everything = cli("suggest", "--all", "--write", cwd=root)
    assert everything.lines[0].startswith("Nothing safe to add: 2 builds")
    assert "saves" not in cli(cwd=root).out
    assert cli("init", cwd=root).code == 0
    assert not [*root.rglob(".dockerignore")]


def test_init_writes_what_suggest_all_does(cli: Cli, services: Path, tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other", SERVICES)
    subprocess.run(["git", "init", "-q", "."], cwd=other, check=True)
    assert cli("suggest", "--all", "--write", cwd=other).code == 0
    assert cli("init", cwd=services).code == 0
    for name in ("web/.dockerignore", "api/.dockerignore"):
        assert (services / name).read_bytes() == (other / name).read_bytes()
    assert 'max = "1MB"' in (services / "ctxsize.toml").read_text()
    assert cli("check", cwd=services).code == 0


def test_what_cannot_be_read_is_left_out_and_counts(cli: Cli, services: Path) -> None:
    (services / "api/Dockerfile").write_text("FROM scratch\nNONSENSE\n")
    for words in ([], ["suggest", "--all"]):
        result = cli(*words, cwd=services)
        assert (result.code, "NONSENSE" in result.out) == (2, True)
        assert "125.8 MB" in result.out


@pytest.mark.parametrize(
    "words",
    [
        ["--only", "x"],
        ["--explain", "all"],
        ["--allowlist"],
        ["--target", "x"],
        ["-f", "web/Dockerfile"],
        ["--builder", "podman"],
        ["--format", "html=x.html"],
        ["--write", "--diff"],
    ],
    ids=" ".join,
)
def test_what_all_cannot_be_combined_with(cli: Cli, services: Path, words: list[str]) -> None:
    result = cli("suggest", "--all", *words, cwd=services)
    assert (result.code, result.out) == (2, "")


def test_explain_considers_only_contexts_that_hold_the_path(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        *(file(f"{name}/Dockerfile", b"FROM scratch\nCOPY . /\n") for name in "ab"),
        file("a/.dockerignore", b"f\n"),
        "a/f",
        "b/g",
        "b/both",
        "a/both",
        file("compose.yaml", b"services: {a: {build: a}, b: {build: b}}\n"),
    ]
    root = build_tree(tmp_path / "r", nodes)
    found = cli("explain", "a/f", cwd=root)
    assert (found.code, found.out) == (0, "a/.dockerignore:1:f\tf\n")
    assert "ctxsize explain a/f -C a" in found.err
    assert cli("explain", "g", cwd=root).code == 0
    refused = cli("explain", "both", cwd=root)
    assert refused.code == 2
    assert commands(refused) == ["ctxsize explain both -C a", "ctxsize explain both -C b"]


def test_explain_answers_for_builds_with_one_ignore_file(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        *(file(f"{name}/Dockerfile", b"FROM scratch AS dev\nCOPY . /\n") for name in "ab"),
        file(".dockerignore", b"f\n"),
        "f",
        file(
            "compose.yaml",
            b"services:\n  a: {build: {context: ., dockerfile: a/Dockerfile, target: dev}}\n"
            b"  b: {build: {context: ., dockerfile: b/Dockerfile}}\n",
        ),
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert cli("explain", "f", cwd=root).out == ".dockerignore:1:f\tf\n"
    refused = cli("explain", "--trace", "f", cwd=root)
    assert commands(refused) == [
        "ctxsize explain --trace f -f a/Dockerfile --target dev -C .",
        "ctxsize explain --trace f -f b/Dockerfile -C .",
    ]
    (root / "b/Dockerfile.dockerignore").write_text("x")
    assert commands(cli("explain", "f", cwd=root)) == [
        "ctxsize explain f -f a/Dockerfile -C .",
        "ctxsize explain f -f b/Dockerfile -C .",
    ]
