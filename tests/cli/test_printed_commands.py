"""Each command that any command prints can be pasted: it runs, and finds what it names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, file

MANY = [f"node_modules/a/{number}.js" for number in range(5)]
NODE = [
    file("package.json", b'{"name": "a"}'),
    file("package-lock.json", b"{}"),
    file(".gitignore", b"node_modules\n"),
    file("node_modules/.package-lock.json", b"{}"),
    file("node_modules/a/big.js", size_bytes=3_000_000),
    *MANY,
    "src/a.js",
]
NPM = b"FROM node:22\nWORKDIR /a\nCOPY . .\nRUN npm ci\n"


def below(directory: str, nodes: list[str | Node]) -> list[str | Node]:
    """The nodes in a directory."""
    moved: list[str | Node] = []
    for node in nodes:
        if isinstance(node, str):
            moved.append(f"{directory}/{node}")
        else:
            moved.append(file(f"{directory}/{node.path}", node.content, size_bytes=node.size_bytes))
    return moved


def compose(*services: tuple[str, str, str]) -> Node:
    text = "services:\n"
    for name, context, dockerfile in services:
        text += f"  {name}:\n    build:\n      context: {context!r}\n"
        text += f"      dockerfile: {dockerfile!r}\n"
    return file("compose.yaml", text.encode())


TREES: dict[str, list[str | Node]] = {
    "at the top": [file("Dockerfile", NPM), *NODE],
    "with an ignore file": [
        file("Dockerfile", NPM),
        file(".dockerignore", b"node_modules\n.idea/\n!src\nnode_modules\n*.log\n"),
        *NODE,
    ],
    "another name": [file("a.Dockerfile", NPM), *NODE],
    "names with blanks": [
        *below("my app", [file("My Dockerfile", NPM), *NODE]),
        compose(("a", "./my app", "My Dockerfile")),
    ],
    "in docker": [file("docker/Dockerfile", NPM), *NODE],
    "compose": [
        *below("api", [file("Dockerfile", NPM), *NODE]),
        *below("web", [file("Dockerfile", NPM), *NODE]),
        compose(("api", "api", "Dockerfile"), ("web", "web", "Dockerfile")),
    ],
    "one directory of many": [
        file("a/Dockerfile", b"FROM scratch\nCOPY services/a/src /\n"),
        "services/a/src/x",
        "b/x",
        "c/x",
        "d/x",
        compose(("a", ".", "a/Dockerfile")),
    ],
    "one directory of many, sent whole": [
        file("a.dockerfile", b"FROM x\nCOPY x/ /x/\n"),
        file("b.dockerfile", b"FROM x\nCOPY . .\n"),
        *("x/f", "third/a", "fourth/b", file("other/g", size_bytes=2_000_000)),
        file(".dockerignore", b".git\n"),
        file("a.sh", b"podman build -f a.dockerfile .\ndocker build -f b.dockerfile .\n"),
    ],
    "secrets of several builds": [
        file("a/Dockerfile", b"FROM python:3\nCOPY . /\n"),
        *(file("a/.npmrc", b"//r/:_authToken=abcdefgh\n"), "a/a.py"),
        file("b/docker/Dockerfile", b"FROM python:3\nCOPY . /\n"),
        *(file("b/.npmrc", b"//r/:_authToken=abcdefgh\n"), "b/b.py"),
        compose(("a", "a", "Dockerfile"), ("b", "b", "docker/Dockerfile")),
    ],
    "no ignore file, two contexts": [
        file("it's/Dockerfile", b"FROM scratch\nCOPY . /\n"),
        "it's/x",
        file("$b/Dockerfile", b"FROM scratch\nCOPY . /\n"),
        "$b/x",
    ],
    "a build that fails": [file("Dockerfile", b"FROM scratch\nCOPY x /\n"), "y"],
    "a source that is ignored": [
        file("Dockerfile", b"FROM scratch\nCOPY x /\n"),
        "x",
        file(".dockerignore", b"x\n"),
    ],
    "no Dockerfile": ["a", "b/c"],
    "an option for a name": [file("-x/Dockerfile", NPM), *below("-x", NODE)],
    "arguments": [
        *below("s", [file("Dockerfile", b"FROM x\nARG D\nCOPY $D/ /a/\n"), "a/x"]),
        file("s/b/.serena/cache/x", size_bytes=3_000_000),
        file("compose.yaml", b"services:\n  b: {build: {context: s, args: {D: b}}}\n"),
    ],
    "arguments of several": [
        *below("s", [file("Dockerfile", b"FROM x\nARG D\nARG P\nCOPY $D/ /a/\n"), "b/x"]),
        file("s/a/.serena/cache/x", size_bytes=3_000_000),
        file(
            "Makefile",
            b"a:\n\tdocker build --build-arg D=a --build-arg P=1 s\n"
            b"b:\n\tdocker build --build-arg D=b --build-arg P=1 s\n",
        ),
    ],
    "a named context": [
        file("Dockerfile", b"FROM x\nCOPY --from=made . /\n"),
        file("made/x", size_bytes=5_000_000),
        file(
            "docker-bake.hcl",
            b'target "release" {\n  contexts = { made = "made" }\n'
            b'  platforms = ["linux/amd64", "linux/arm64"]\n}\n',
        ),
    ],
    "secrets": [
        file("Dockerfile", b"FROM python:3\nCOPY . /\n"),
        file(".env", b"A=b\n"),
        file(".npmrc", b"//r/:_authToken=abcdefgh\n"),
        file("id_rsa", b"-----BEGIN RSA PRIVATE KEY-----\n"),
        "a.py",
    ],
}
COMMANDS = [
    (),
    ("measure",),
    ("ls",),
    ("suggest",),
    ("suggest", "--explain"),
    ("suggest", "--check"),
    ("suggest", "--allowlist"),
    ("suggest", "--all"),
    ("suggest", "--all", "-v"),
    ("lint",),
    ("lint", "--diff"),
    ("advise",),
    ("scan",),
    ("check", "--max", "10MB"),
    ("check", "--all", "--max", "10MB"),
    ("check", "--max-size", "10"),
    ("clean",),
    ("init",),
    ("init", "--write"),
    ("explain", "x"),
    ("explain", "--source", "x"),
    ("explore",),
    ("diff", "nothing.json"),
    ("suggest", "--write"),
    ("rule",),
    ("rule", "CTX1"),
    ("mesure",),
    ("lint", "--select", "CTX203"),
    ("advise", "--select", "CTX101"),
]

STARTS: dict[str, list[tuple[str, ...]]] = {
    "names with blanks": [("my app",), ("-f", "my app/My Dockerfile", "my app")],
    "another name": [("-f", "a.Dockerfile")],
    "in docker": [("docker",), ("-f", "docker/Dockerfile", ".")],
    "compose": [("api",), ("-f", "api/Dockerfile", ".")],
    "no ignore file, two contexts": [("it's",), ("$b",)],
    "arguments": [("s",)],
    "arguments of several": [("--build-arg", "D=a", "s")],
    "a named context": [(".",)],
    "an option for a name": [("./-x",), ("-f", "-x/Dockerfile", ".")],
}
"""What is named in a tree, besides nothing at all."""
_WORD = re.compile(r"(?<![\w/.-])(?:ctxsize|docker|podman|buildah|git) (?=[\w.-])")
_ENDS = re.compile(
    r",? (?:adds it|does it|says why|shows how|prints|saves|lists|reports|without --|can|and|or)\b"
    r"|\)$"
)
_PROSE = re.compile(
    r"ctxsize (?:does|wrote|reads|assumes|cannot|is|needs|has|where)\b"
    r"|git (?:repository|command|ignores?|tracks?|and|does|ls|is)\b|docker (?:/|is|has)"
)
"""What begins like a command, and is a sentence about the program."""
_BUILT = re.compile(r"docker build (?:--secret|-f) ")
_GENERAL = (("rule",), ("mesure",), ("diff",), ("explore",))
"""Commands whose hints are about no tree."""
_NAMES_NONE = r"error: No Dockerfile here\.|no Dockerfile here; \d+ builds found: name one"
_SAVED = re.compile(r"saves ([\d.]+ k?M?B) of ([\d.]+ k?M?B)")


class Printed(NamedTuple):
    """A command as it is printed, and what the line promises of it."""

    command: str
    promise: str


def printed(text: str) -> Iterator[Printed]:
    """Yield each command in a text; fails for a form that is not known."""
    # What is longer than the widest line goes on below its beginning.
    for line in re.sub(r"\n {13,}(?=\S)", " ", text).splitlines():
        more = re.match(r"\s*More  +(?=ctxsize )", line)
        if more:
            yield from (Printed(command, "") for command in line[more.end() :].split(" · "))
            continue
        end = 0
        for match in _WORD.finditer(line):
            if match.start() < end or _PROSE.match(line, match.start()):
                continue
            end = _end_of(line, match.start())
            yield Printed(line[match.start() : end], line[end:])


def _end_of(line: str, start: int) -> int:
    """Return where a command ends that begins at `start`: at its backquote, at two blanks, …"""
    if line[start - 1 : start] == "`":
        return line.index("`", start)
    if re.search(r"\b[A-Z]\w+: $", line[:start]):
        two = line.find("  ", start)
        return two if two >= 0 else len(line)
    if line[start - 1 : start] == "(" and line.endswith(" --help)"):
        return len(line) - 1
    prose = _ENDS.search(line, start)
    if prose is not None:
        return prose.start()
    lead = line[:start]
    assert re.search(r"(?:: |^\s*- |^ +|(?:^|\()\w[\w ]* with )$", lead), (
        f"an unknown form: {line!r}"
    )
    return len(line)


def test_forms_of_commands_are_known() -> None:
    lines = {
        "Next: ctxsize suggest --write 'a b'  saves 1 B of 2 B": "ctxsize suggest --write 'a b'",
        "  help: write one with `ctxsize suggest --write`": "ctxsize suggest --write",
        "error: No such option '-f' (ctxsize scan --help)": "ctxsize scan --help",
        "states it: docker build -f a/b a": "docker build -f a/b a",
        "  help: ctxsize suggest --write adds it": "ctxsize suggest --write",
    }
    for line, command in lines.items():
        assert [each.command for each in printed(line)] == [command]
    assert not [*printed("a file that ctxsize wrote, which git ignores")]
    with pytest.raises(AssertionError, match="an unknown form"):
        [*printed("maybe ctxsize suggest")]


def words_of(command: str) -> list[str]:
    """Split a command as a shell does, which expands what is not quoted."""
    line = shlex.join(["printf", "%s\\0"])
    script = f"{line} {command}"
    told = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert not told.stderr, told.stderr
    return told.stdout.decode().split("\0")[:-1]


def content_bytes(cli: Cli, root: Path, words: list[str]) -> int:
    measured = cli("measure", "--json", *words, cwd=root)
    total: int = json.loads(measured.out)["context"]["content_bytes"]
    return total


def check(cli: Cli, root: Path, each: Printed, by: tuple[str, ...]) -> None:
    """Run a command that `by` printed in the tree, and hold it to what its line promises."""
    text, _, redirected = each.command.partition(" > ")
    assert redirected in ("", "FILE"), each
    words = words_of(text)
    if words[0] == "docker":
        assert _BUILT.match(each.command), each
        *_, option, dockerfile, context = words
        assert option == "-f"
        assert (root / dockerfile).is_file(), each
        assert (root / context).is_dir(), each
        return
    assert words[0] == "ctxsize", each
    arguments = [
        "." if word == "DIR" else re.sub(r"(?<==)FILE$", "report.json", word) for word in words[1:]
    ]
    saved = _SAVED.search(each.promise)
    places = [word for word in arguments[1:] if word != "--write"]
    before = content_bytes(cli, root, places) if saved and "--write" in arguments else 0
    result = cli(*arguments, cwd=root, columns=200)
    if by[:1] in _GENERAL and re.search(_NAMES_NONE, result.err):
        return  # it is not about this tree
    assert result.code in (0, 1), (each, result.err)
    if "FILE" in text:
        assert (root / "report.json").stat().st_size, each
    else:
        assert result.out or result.err, each
    if before:
        after = content_bytes(cli, root, places)
        assert after < before, each
        again = cli(*arguments, cwd=root, columns=200)
        assert "saves" not in again.out, each


@pytest.mark.parametrize("name", TREES)
def test_each_printed_command_can_be_pasted(name: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "tree", TREES[name])
    if name != "no Dockerfile":
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    copy = tmp_path / "copy"
    found = dict[Printed, tuple[str, ...]]()
    for start in [(), *STARTS.get(name, ())]:
        for command in COMMANDS:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(root, copy, symlinks=True)
            result = cli(*command, *start, cwd=copy, columns=10_000)
            for each in printed(f"{result.out}\n{result.err}"):
                found.setdefault(each, (*command, *start))
    assert found
    broken = []
    for each, by in found.items():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy, symlinks=True)
        cli(*by, cwd=copy)
        try:
            check(cli, copy, each, by)
        except (AssertionError, ValueError, KeyError) as error:
            broken.append(f"{by} prints {each.command!r}: {str(error)[:400]}")
    assert not broken, "\n".join(broken)


SIZES = {
    "arguments": ([], "3.0 MB in 1 file would be sent"),
    "a named context": ([], "5.0 MB in 1 file would be sent"),
    "arguments of several": (["--build-arg", "D=a", "s"], "3.0 MB in 1 file would be sent"),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_pasted_command_is_about_the_same_build(name: str, cli: Cli, tmp_path: Path) -> None:
    words, size = SIZES[name]
    root = build_tree(tmp_path / "r", TREES[name])
    first = cli(*words, cwd=root, columns=200)
    assert size in first.out
    (more,) = (line for line in first.lines if line.startswith("  More "))
    command, _ = (each.command for each in printed(more))
    assert size in cli(*words_of(command)[1:], cwd=root, columns=200).out
    assert "--platform" not in command


def test_builds_that_differ_in_arguments_are_named_by_them(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", TREES["arguments of several"])
    refused = cli("measure", cwd=root)
    commands = [each.command for each in printed(refused.err)]
    assert commands[:2] == [
        "ctxsize measure --build-arg D=a s",
        "ctxsize measure --build-arg D=b s",
    ]
    sizes = [cli(*words_of(each)[1:], cwd=root).lines[0] for each in commands[:2]]
    assert sizes == [
        "Fine: 3.0 MB in 1 file would be sent",
        "Fine: 6 B in 1 file would be sent, of 3.0 MB",
    ]
    first = cli(cwd=root).out
    assert re.search(r"3\.0 MB +3\.0 MB +none +--build-arg D=a s\n", first), first
    assert re.search(r"6 B +0 B +none +--build-arg D=b s\n", first), first


@pytest.mark.parametrize("name", ["TOKEN", "API_KEY", "db_password"])
def test_values_of_arguments_that_may_be_secrets_are_not_printed(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    nodes = TREES["arguments of several"]
    root = build_tree(tmp_path / "r", nodes)
    for path in (root / "Makefile", root / "s/Dockerfile"):
        text = path.read_text().replace("D=", f"{name}=").replace("ARG D", f"ARG {name}")
        path.write_text(text.replace("$D", f"${name}").replace("=a ", "=geheim "))
    (root / "s/a").rename(root / "s/geheim")
    for command in [(), ("scan",), ("measure",), ("suggest", "--all"), ("check", "--all")]:
        result = cli(*command, cwd=root)
        assert "geheim" not in (result.out + result.err).replace("geheim/", "")
