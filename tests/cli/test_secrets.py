"""What variables stand for is used and never printed: a canary in every place of a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctxsize.build import Build
from ctxsize.formats import FORMATS
from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, directory, file

CANARY = "cAnary7s3cr3t"

DOCKERFILES = {
    "plain": b"FROM scratch\nARG TOKEN\nCOPY . /\n",
    "base": b"ARG TOKEN\nFROM registry/${TOKEN}:1 AS dev\nCOPY . /\nRUN apt-get install -y x\n",
    "bad base": b"ARG TOKEN\nFROM ${TOKEN}\nCOPY . /\n",
    "platform": b"ARG TOKEN\nFROM --platform=${TOKEN}/x/y/z scratch\nCOPY . /\n",
    "source": b"FROM scratch\nARG TOKEN\nCOPY x${TOKEN} ${TOKEN}/y* /\nCOPY a /\n",
    "mount": b"FROM debian:12\nARG TOKEN\nRUN --mount=target=/x,source=${TOKEN} true\nCOPY . /\n"
    b"RUN --mount=type=cache,target=/c/${TOKEN},id=${TOKEN} pip install x\n",
    "mount type": b"FROM debian:12\nARG TOKEN\nRUN --mount=type=${TOKEN},target=/x true\n",
    "required": b"FROM scratch\nARG TOKEN\nARG X\nCOPY ${X:?${TOKEN}} /\n",
    "directory": b"FROM rust:1\nARG TOKEN\nWORKDIR /${TOKEN}\nCOPY . .\nRUN cargo build\n",
    "other": b"FROM rust:1\nARG TOKEN\nENV CARGO_HOME=/${TOKEN}\nCOPY . .\n"
    b"RUN --mount=type=cache,target=/${TOKEN}/target cargo build && npm ci\n"
    b"COPY --from=x /${TOKEN}/target/x /\n",
}


def service(text: str, more: str = "") -> list[str | Node]:
    indented = text.replace("\n", "\n      ")
    return [
        file("compose.yaml", f"services:\n  s:\n    build:\n      {indented}\n{more}".encode()),
        file(".env", f"S={CANARY}\nN={CANARY}/x\n".encode()),
    ]


def bake(text: str, name: str = "docker-bake.hcl") -> list[str | Node]:
    return [file(name, text.encode())]


OWN = f'variable "V" {{ default = "{CANARY}" }}\n'
OUTER = 'variable "OUTER" { default = "x" }\n'
STEP = "      - uses: docker/build-push-action@v6\n        with:\n          context: .\n"

CASES: dict[str, list[str | Node]] = {
    "context": service("context: x${S}"),
    "context, whole": service("context: $S"),
    "context of the environment": service("context: ./${OUTER:-x}"),
    "Dockerfile": service("context: .\ndockerfile: ${S}.Dockerfile"),
    "target": service("context: .\ntarget: ${S}"),
    "context that is a list": service("context: [$S]"),
    "context that is a mapping": service("context: {a: [$S]}"),
    "context with a tag": service("context: !override [$S]"),
    "Dockerfile that is a list": service("context: .\ndockerfile: [$S]"),
    "target that is a list": service("context: .\ntarget: [{a: $S}]"),
    "inline that is a list": service("context: .\ndockerfile_inline: [$S]"),
    "include that is a mapping": service("context: .", "include: [{path: [{a: $S}]}]\n"),
    "extends a list": service("context: .", "  t:\n    extends: {file: [$S], service: [$S]}\n"),
    "arguments": service("context: .\nargs:\n  TOKEN: ${S}"),
    "arguments as a list": service("context: .\nargs:\n  - TOKEN=${S}"),
    "arguments without a value": service("context: .\nargs:\n  - OUTER\n  - TOKEN=$OUTER"),
    "a literal argument": service(f"context: .\nargs:\n  TOKEN: {CANARY}"),
    "a default": service("context: .\nargs:\n  TOKEN: ${NOT:-${S}}"),
    "platform": service("context: .\nplatforms: [linux/$S]"),
    "no platform": service("context: .\nplatforms: ['$S/a/b/c']"),
    "named context": service("context: .\nadditional_contexts:\n  more: ./$S"),
    "named context outside": service("context: .\nadditional_contexts:\n  more: ../../$S"),
    "named image": service("context: .\nadditional_contexts:\n  more: docker-image://$S/x"),
    "no name of a context": service("context: .\nadditional_contexts:\n  - $S//=./x"),
    "inline": service(
        "context: .\ndockerfile_inline: |\n  FROM registry/${S}:1\n  COPY ${S} /\n"
        "  RUN apt-get install -y ${S}"
    ),
    "required": service("context: ${NOT:?not set $S}"),
    "required, nested": service("context: ${NOT:?${S}}"),
    "refused": service("context: .\ntarget: ${S:!x}"),
    "include": service("context: .", "include:\n  - ${S}/compose.yaml\n"),
    "include with directory": service(
        "context: .", "include:\n  - {path: compose.b.yaml, project_directory: $S, env_file: $S}\n"
    ),
    "extends": service("context: .", "  t:\n    extends: {file: '${S}.yaml', service: x}\n"),
    "extends nothing": service("context: .", "  t:\n    extends: {service: '${S}'}\n"),
    "environment": service(
        "context: .", f"    environment:\n      A: {CANARY}\n    image: i/$S\n    profiles: [$S]\n"
    ),
    "bake argument": bake(OWN + 'target "t" { args = { TOKEN = V } }\n'),
    "bake argument of the environment": bake(OUTER + 'target "t" { args = { TOKEN = OUTER } }\n'),
    "bake name of an argument": bake(OUTER + 'target "t" { args = {for x in [OUTER] : x => x} }\n'),
    "bake literal argument": bake(f'target "t" {{ args = {{ TOKEN = "{CANARY}" }} }}\n'),
    "bake context": bake(OWN + 'target "t" { context = "x${V}" }\n'),
    "bake Dockerfile": bake(OWN + 'target "t" { dockerfile = "${V}.Dockerfile" }\n'),
    "bake target": bake(OWN + 'target "t" { target = V }\n'),
    "bake target of the environment": bake(OUTER + 'target "t" { target = "${OUTER}" }\n'),
    "bake named context": bake(OWN + 'target "t" { contexts = { more = "./${V}" } }\n'),
    "bake platform": bake(OWN + 'target "t" { platforms = ["linux/${V}"] }\n'),
    "bake inline": bake(OWN + 'target "t" { dockerfile-inline = "FROM r/${V}:1\\nCOPY ${V} /" }\n'),
    "bake matrix": bake(
        OWN + 'target "t" {\n name = "t-${x}"\n matrix = { x = [V] }\n context = "none-${x}"\n}\n'
    ),
    "bake number": bake(OWN + 'target "t" { context = "${V + 1}" }\n'),
    "bake item": bake(OWN + 'target "t" { context = {a = "b"}[V] }\n'),
    "bake twice": bake(OWN + 'target "t" { context = {for x in ["1", "1"] : V => x}[V] }\n'),
    "bake error": bake(OWN + 'target "t" { context = jsondecode(V) }\n'),
    "bake in JSON": bake(
        f'{{"variable": {{"V": {{"default": "{CANARY}"}}}}, "target": {{"t": '
        '{"target": "${V}", "context": ".", "args": {"TOKEN": "${V}"}}}}',
        "docker-bake.json",
    ),
    "bake of Compose": [
        *service("context: .\ntarget: ${S}\nargs:\n  TOKEN: ${S}"),
        *bake('target "s" { platforms = ["linux/amd64"] }\n'),
    ],
    "workflow": [
        file(
            ".github/workflows/ci.yml",
            f"jobs:\n  j:\n    steps:\n{STEP}          build-args: TOKEN={CANARY}\n".encode(),
        ),
    ],
    "command": [
        file("Makefile", f"i:\n\tdocker build --build-arg TOKEN={CANARY} .\n".encode()),
    ],
    "configuration": [
        file(
            "ctxsize.toml",
            f'max = "1B"\n[contexts.x]\npath = "."\nbuild-args = {{TOKEN = "{CANARY}"}}\n'.encode(),
        ),
    ],
}


def outputs(cli: Cli, root: Path, formats: tuple[str, ...]) -> Iterator[tuple[list[str], str]]:
    """Everything that the commands print about a repository."""
    commands = [
        ["scan"],
        ["advise"],
        ["lint"],
        ["suggest"],
        ["check", "--all", "--max", "1B"],
        ["check", "--max", "1B"],
        ["measure"],
    ]
    paths = [root.parent / f"printed.{form}" for form in formats if form != "text"]
    words = ["--format=text", *(f"--format={path.suffix[1:]}={path}" for path in paths)]
    for command in commands:
        for path in paths:
            path.unlink(missing_ok=True)
        result = cli(*command, *words, cwd=root, env={"OUTER": CANARY})
        assert result.code in (0, 1, 2), command
        assert all(path.exists() for path in paths) or result.code == 2, command
        yield command, result.out + result.err
        for path in paths:
            if path.exists():
                yield [*command, path.name], path.read_text()
    for command in (["advise", "--diff"], ["suggest", "--explain", "all"], ["suggest", "--diff"]):
        result = cli(*command, cwd=root, env={"OUTER": CANARY})
        yield command, result.out + result.err


SHORT = "s3cRet"
"""A value that is shorter than most secrets, and no word."""
IN_DOCKERFILES = ("arguments", "a literal argument", "bake argument", "workflow", "configuration")


@pytest.mark.parametrize(
    ("case", "dockerfile"),
    [
        *((case, "plain") for case in CASES),
        *((case, dockerfile) for case in IN_DOCKERFILES for dockerfile in [*DOCKERFILES][1:]),
    ],
)
def test_no_value_is_printed(case: str, dockerfile: str, cli: Cli, tmp_path: Path) -> None:
    own = file("Dockerfile", DOCKERFILES[dockerfile])
    more = ["a", own, file("Cargo.toml", b"[package]\n"), file(".dockerignore", b"a\n")]
    root = build_tree(tmp_path / "r", [*more, *CASES[case]])
    formats = FORMATS if dockerfile == "plain" else ("text", "json", "sarif")
    for command, printed in outputs(cli, root, formats):
        assert CANARY not in printed, (command, printed)


PATHS = ("./{}", "{}/", "x//../{}", "../{}", "/{}", "x/../../{}", "{}/./y")
"""Paths that Docker cleans before it uses them."""


@pytest.mark.parametrize("key", ["context", "dockerfile", "more"])
@pytest.mark.parametrize("path", PATHS)
def test_no_value_is_printed_as_a_cleaned_path(
    path: str, key: str, cli: Cli, tmp_path: Path
) -> None:
    places = {"context": ".", "dockerfile": "Dockerfile", "more": ".", key: "./$P"}
    text = (
        "services:\n  s:\n    build:\n      context: {context}\n      dockerfile: {dockerfile}\n"
        "      additional_contexts: ['more={more}']\n"
    ).format(**places)
    own = [file(f"sub/{name}", DOCKERFILES["plain"]) for name in ("Dockerfile", "x/a")]
    env = file("sub/.env", f"P={path.format(CANARY)}\n".encode())
    root = build_tree(tmp_path / "r", [*own, file("sub/compose.yaml", text.encode()), env])
    for command in (["scan"], ["scan", "--format", "json"], ["advise"]):
        result = cli(*command, cwd=root)
        assert CANARY not in result.out + result.err, command


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
@pytest.mark.parametrize("case", ["arguments", "workflow", "command"])
def test_no_short_value_is_printed(case: str, dockerfile: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["a", file("Dockerfile", DOCKERFILES[dockerfile])])
    for each in CASES[case]:
        assert isinstance(each, Node)
        (root / each.path).parent.mkdir(parents=True, exist_ok=True)
        (root / each.path).write_bytes(each.content.replace(CANARY.encode(), SHORT.encode()))
    for command in (["check", "--all", "--max", "1B"], ["scan"]):
        for form in ("text", "json"):
            result = cli(*command, "--format", form, cwd=root)
            assert SHORT not in result.out + result.err, command


@pytest.mark.parametrize("command", ["measure", "explain"])
def test_no_argument_of_the_environment_is_printed_for_a_path_that_is_not_there(
    command: str, cli: Cli, tmp_path: Path
) -> None:
    text = b"FROM alpine\nARG TOKEN\nARG X\nCOPY $TOKEN/$X /x\n"
    root = build_tree(tmp_path / "r", ["a", file("Dockerfile", text)])
    more = ["--source", "4"] if command == "explain" else []
    result = cli(command, "--build-arg", "TOKEN", *more, cwd=root, env={"TOKEN": CANARY})
    assert "not found" in result.out
    assert CANARY not in result.out + result.err


WRITTEN = {
    "context": "its context x${S}",
    "context, whole": "its context ${S}",
    "required": "the variable NOT has no value in",
    "include": "the file ${S}/compose.yaml",
    "extends": "the file ${S}.yaml",
    "bake context": "its context x${V}",
}


@pytest.mark.parametrize("case", WRITTEN)
def test_messages_name_variables_not_values(case: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["a", *CASES[case]])
    assert WRITTEN[case] in cli("scan", cwd=root).out


def test_a_directory_that_is_there_is_named_as_on_disk(cli: Cli, tmp_path: Path) -> None:
    nodes = [*service("context: x${S}"), directory(f"x{CANARY}")]
    root = build_tree(tmp_path / "r", [*nodes, file(f"x{CANARY}/Dockerfile", b"FROM scratch\n")])
    (row,) = json.loads(cli("scan", "--format", "json", cwd=root).out)["builds"]
    assert row["context"] == f"x{CANARY}"


def test_values_are_used_and_names_shown(cli: Cli, tmp_path: Path) -> None:
    stages = b"FROM scratch AS dev\nCOPY a /\nFROM scratch\nARG WHAT\nCOPY $WHAT /\n"
    text = "services:\n  d:\n    build: {context: ., target: '${T}', args: {SECRET: '$S'}}\n"
    text += "  e:\n    build: {context: ., args: {WHAT: '${W}'}}\n"
    env = f"T=dev\nW=b\nS={CANARY}\n".encode()
    nodes = [file("compose.yaml", text.encode()), file(".env", env), file("Dockerfile", stages)]
    sizes = [file("a", size_bytes=11), file("b", size_bytes=222)]
    root = build_tree(tmp_path / "r", [*nodes, *sizes])
    rows = json.loads(cli("scan", "--format", "json", cwd=root).out)["builds"]
    assert [
        (each["target"], each["build_arguments"], each["transfer"]["content_bytes"])
        for each in rows
    ] == [("", {"WHAT": None}, 222), ("${T}", {"SECRET": None}, 11)]


@pytest.mark.parametrize("command", ["measure", "suggest", "check --max 1B", "ls --transfer"])
@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_arguments_of_the_environment_are_not_printed(
    command: str, dockerfile: str, cli: Cli, tmp_path: Path
) -> None:
    own = file("Dockerfile", DOCKERFILES[dockerfile])
    root = build_tree(tmp_path / "r", ["a", own, file("target/x", size_bytes=1)])
    words = command.split()
    result = cli(*words, "--build-arg", "TOKEN", cwd=root, env={"TOKEN": CANARY})
    assert CANARY not in result.out + result.err


def test_a_command_repeats_the_name_of_an_argument_only() -> None:
    build = Build(build_arguments={"A": "one", "B": "two"})
    assert build.words() == ("--build-arg", "A", "--build-arg", "B")
