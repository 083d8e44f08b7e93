"""No value of an argument or a variable is printed or written, whatever is made from it.

Awkward values stand in every source of values, and every instruction uses them. Then no six
letters of them may be in what any command prints or writes, in any format, case or quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from ctxsize.build import Build
from ctxsize.formats import FORMATS, PAGE
from tests.cli.conftest import Cli, Result
from tests.history.repository import commit, git

ONE, TWO = "Qzjxkwv", "Bnmqzxc"
VALUES = {
    "a word": f"g{ONE}T",
    "empty": "",
    "double quotes": f'x"{ONE}"',
    "single quotes": f"x'{ONE}'",
    "backslashes": f"{ONE}\\x{TWO}\\",
    "blanks": f"{ONE} {TWO}",
    "lines": f"{ONE}\n{TWO}\r\n{ONE}",
    "controls": f"\x07{ONE}\t\x1b[31m{TWO}",
    "300 bytes": ONE * 43,
    "a dollar sign": f"{ONE}$HOME${{{TWO}}}",
    "a path": f"../{ONE}//../{TWO}/.",
    "a pattern": f"!{ONE}[^{TWO}",
    "letters beyond ASCII": f"{ONE}\u00e9\u2013{TWO}",
    "pairs": f"{ONE}={TWO},type={ONE}",
    "a URL": f"https://{ONE}:{TWO}@example.org/z.git#{ONE}",
    "a platform": f"linux/{ONE}",
    "instructions": f"scratch\nCOPY {ONE} /{TWO}",
}


def _pieces() -> Iterator[str]:
    """Six letters of a canary, or of two that meet."""
    for text in (ONE + ONE, ONE + TWO, TWO + ONE):
        for at in range(len(text) - 5):
            yield text[at : at + 6]


_PIECE = re.compile("|".join(map(re.escape, _pieces())), re.IGNORECASE)

TOP = "FROM scratch\nARG X\n"
DEBIAN = "FROM debian:12\nARG X\n"
USES = {
    "image": "ARG X\nFROM $X\nCOPY a /\n",
    "part of an image": "ARG X\nFROM r/${X#g}:1\nCOPY a /\n",
    "tag": "ARG X\nFROM debian:${X}\n"
    "RUN --mount=type=cache,target=/var/cache/apt apt-get install x\n"
    "COPY . .\nRUN pip install -r requirements.txt && cargo build\n",
    "platform": "ARG X\nFROM --platform=$X scratch\nCOPY a /\n",
    "part of a platform": "ARG X\nFROM --platform=linux/$X/$X/$X scratch\nCOPY a /\n",
    "arg": f"{TOP}ARG Y=${{X%%T*}}\nENV Z=$Y\nCOPY $Z /\n",
    "env": f'{TOP}ENV $X=1\nENV A=$X B="$X"\nCOPY x$A${{B}} /\n',
    "copy": f"{TOP}COPY a${{X}} b/${{X}}/c* /\n",
    "copy in JSON": f'{TOP}COPY ["$X", "/"]\n',
    "copy with parents": f"# syntax=docker/dockerfile:1-labs\n{TOP}COPY --parents $X/./y /\n",
    "copy with flags": f"{TOP}COPY --chown=$X --chmod=${{X:-1}} --from=a$X a /\n",
    "destination": f"{TOP}COPY a /$X/\n",
    "heredoc": f"{TOP}COPY <<E /x\n${{X:?$X}} ${{X/$X/$X}}\nE\nCOPY a /\n",
    "add": f"{TOP}ADD ${{X}} /\nADD --checksum=$X http://a/$X /\n",
    "type of a mount": f"{DEBIAN}RUN --mount=type=$X true\n",
    "key of a mount": f"{DEBIAN}RUN --mount=type=cache,target=/c,size=$X true\n",
    "source of a mount": f"{DEBIAN}RUN --mount=target=/x,source=$X true\nCOPY . .\n",
    "target of a mount": f"{DEBIAN}"
    "RUN --mount=type=cache,target=/$X/.cache/pip,id=$X pip install x\n"
    "COPY . .\nRUN --mount=source=a,target=$X npm ci\n",
    "origin of a mount": f"{DEBIAN}RUN --mount=from=$X,target=/x true\n",
    "port": f"{TOP}EXPOSE $X\nCOPY a /\n",
    "protocol": f"{TOP}EXPOSE 80/$X\nCOPY a /\n",
    "user": f"{DEBIAN}USER $X\nCOPY . .\nRUN pip install -r requirements.txt && npm ci\n",
    "directory": "FROM rust:1\nARG X\nWORKDIR /w/$X\nCOPY . .\nRUN cargo build\nRUN npm ci\n",
    "directories": "ARG X\nFROM rust:1\nARG X\nWORKDIR /w/$X\n"
    "ENV CARGO_HOME=/$X HOME=$X\nCOPY . .\n"
    "ENV PIP_CACHE_DIR=$X\nRUN cargo build\nRUN pip install -r requirements.txt\nRUN npm ci\n",
    "others": f"{TOP}LABEL a=$X\nVOLUME $X\nSTOPSIGNAL $X\nCOPY a /\n",
    "command": f"{DEBIAN}COPY . .\nRUN echo $X && cd $X && pip install -r $X/requirements.txt\n",
    "trigger": "FROM scratch AS b\nARG X\nONBUILD COPY $X /\nFROM b\nCOPY a /\n",
    "frontend": "ARG BUILDKIT_SYNTAX\nFROM scratch\nCOPY a /\n",
}
MODIFIED = (
    *("${X#g}", "${X##*Q}", "${X%T}", "${X%%T*}", "${X/Q/S}", "${X//Q/S}", "${X:-y}", "${X-y}"),
    *("${X:+y$X}", "${X+$X}", "${NO:?$X}", "${NO?a $X}", "${X:?no}", "${NO:-$X}", "${NO-${X#g}}"),
    *('"$X"', "'${X}'$X", "\\$X$X", "${X:0:3}", "${a/${X}/}", "${a#$X}", "${a%${X}\\q}", "${X^}"),
)
USES |= {
    f"modified {number}": f"{TOP}ARG a=b\nCOPY {each} /x\n" for number, each in enumerate(MODIFIED)
}
FEW = ("image", "copy", "modified 3", "type of a mount", "port", "directories", "tag", "user")
"""Uses for each source of values: one run of a command reads all of them."""


def argument(use: str) -> str:
    return "BUILDKIT_SYNTAX" if use == "frontend" else "X"


def dockerfile(use: str) -> str:
    return f"Dockerfile.{use.replace(' ', '-')}"


def planted(root: Path, uses: tuple[str, ...] = tuple(USES), **files: str) -> Path:
    """A repository in which commands have much to say, with a Dockerfile for each use."""
    texts = {
        "a": "a",
        "requirements.txt": "x\n",
        "package.json": "{}",
        "package-lock.json": "{}",
        "Cargo.toml": "[package]\nname = 'x'\n",
        "src/main.rs": "fn main() {}\n",
        "node_modules/x": "x",
        ".dockerignore": "a\n",
        **{dockerfile(use): USES[use] for use in uses},
        **files,
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return root


def check(result: Result, *about: object) -> None:
    assert result.code in (0, 1, 2), about
    printed = result.raw.decode("utf-8", "replace") + result.err
    found = _PIECE.search(printed)
    assert found is None, (about, printed[max(0, found.start() - 200) : found.end()])


def check_formats(result: Result, root: Path, *about: object) -> None:
    """Check what a command with `EACH_FORMAT` printed and wrote, and take its files away."""
    check(result, *about)
    files = [*root.glob("printed.*")]
    assert len(files) >= len(EACH_FORMAT) - 1 or result.code == 2, about
    for file in files:
        found = _PIECE.search(file.read_text("utf-8", "replace"))
        assert found is None, (about, file.name)
        file.unlink()


def written(root: Path) -> Iterator[tuple[str, str]]:
    for path in root.rglob("*"):
        if path.is_file():
            yield path.name, path.read_text("utf-8", "replace")


EACH_FORMAT = (
    "--format=text",
    *(f"--format={form}=printed.{form}" for form in FORMATS if form != "text"),
)
"""Options that print a text, and write every other format to a file."""
ONE_BUILD = [
    *(("measure", "--format", form) for form in FORMATS),
    *(("suggest", "--format", form) for form in FORMATS),
    *(("check", "--max", "1B", "--format", form) for form in FORMATS),
    *(("measure", "--format", f"{PAGE}=measure.html"), ("suggest", "--format", f"{PAGE}=s.html")),
    *(("measure", "-v"), ("measure", "--by", "pattern"), ("measure", "--ignored")),
    *(("ls", "--transfer"), ("ls", "--transfer", "--json"), ("ls", "--all", "--why")),
    *(("suggest", "--explain", "all"), ("suggest", "--diff"), ("suggest", "--write")),
    *(("suggest", "--allowlist"), ("suggest", "--allowlist", "--unsafe", "--write")),
    ("suggest", "--from-gitignore"),
]
EXPLAINED = [
    *(
        ("--source", "3"),
        ("--source", "3", "--json"),
        ("--source", "4"),
        ("--source", "4", "--json"),
    ),
    *(("--trace", "a"), ("--json", "a")),
]


@pytest.mark.parametrize("value", VALUES)
def test_no_build_argument_of_the_command_line_shows(value: str, cli: Cli, tmp_path: Path) -> None:
    text = VALUES[value]
    commands, explained = cycle(ONE_BUILD), cycle(EXPLAINED)
    given = cycle(("from the environment", "in the command"))
    assert len(USES) > len(ONE_BUILD)  # so each command runs
    others = [*USES][1:] + [*USES][:1]
    for number, (use, other) in enumerate(zip(USES, others, strict=True)):
        root = planted(tmp_path / str(number), (use, other))
        name = argument(use)
        arguments, environment = ["--build-arg", name], {name: text}
        if next(given) == "in the command":
            arguments, environment = ["--build-arg", f"{name}={text}"], {}
        options = [*arguments, "-f", dockerfile(use)]
        command = next(commands)
        check(cli(*command, *options, cwd=root, env=environment, columns=400), command, use)
        paths = ["-f", str(root / dockerfile(use)), "-C", str(root)]
        command = ("explain", *next(explained))
        check(cli(*command, *arguments, *paths, cwd=root, env=environment), command, use)
        for path, content in written(root):
            assert _PIECE.search(content) is None, (path, use)


@pytest.mark.parametrize("value", VALUES)
def test_no_build_argument_shows_in_a_history(value: str, cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path / "r")
    git(root, "init", "-q")
    commit(root)
    forms = cycle(("text", "json", "csv"))
    for use in USES:
        argv = ("--build-arg", f"{argument(use)}={VALUES[value]}", "-f", dockerfile(use))
        result = cli("log", *argv, "--format", next(forms), cwd=root, columns=400)
        assert result.code == 0
        check(result, use)


def services(text: str, names: tuple[str, ...] = FEW) -> str:
    found = ["services:\n"]
    for number, use in enumerate(names):
        found.append(
            f"  s{number}:\n    environment: {{Y: {text}}}\n    build:\n      context: .\n"
            f"      dockerfile: {dockerfile(use)}\n      args: {{{argument(use)}: {text}}}\n"
        )
    return "".join(found) + f"secrets:\n  z: {{environment: {text}}}\n"


def dotenv(value: str) -> str:
    if not set(value) & set("'\\"):
        return f"S='{value}'\n"
    for old, new in (("\\", "\\\\"), ('"', '\\"'), ("$", "$$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(old, new)
    return f'S="{value}"\n'


def bake(value: str, given: str) -> str:
    targets = {
        f"t{number}": {"dockerfile": dockerfile(use), "args": {argument(use): given}}
        for number, use in enumerate(FEW)
    }
    return json.dumps({"variable": {"V": {"default": value}}, "target": targets})


def configured(value: str) -> str:
    return "".join(
        f'[contexts."{use}"]\npath = "."\ndockerfile = "{dockerfile(use)}"\nmax = "1B"\n'
        f"build-args = {{{argument(use)} = {json.dumps(value)}}}\n"
        for use in FEW
    )


def workflow(value: str) -> str:
    steps = (
        "      - uses: docker/build-push-action@v6\n        with:\n          context: .\n"
        f"          file: {dockerfile(use)}\n          build-args: {json.dumps(f'X={value}')}\n"
        for use in FEW
    )
    return "jobs:\n  j:\n    steps:\n" + "".join(steps)


SOURCES: dict[str, Callable[[str], dict[str, str]]] = {
    ".env": lambda value: {"compose.yaml": services('"${S}"'), ".env": dotenv(value)},
    "environment": lambda value: {"compose.yaml": services('"${OUTER-x}"')},
    "Compose": lambda value: {"compose.yaml": services(json.dumps(value.replace("$", "$$")))},
    "Bake": lambda value: {"docker-bake.json": bake(value, "${V}")},
    "Bake literally": lambda value: {"docker-bake.json": bake("", value.replace("${", "$${"))},
    "ctxsize.toml": lambda value: {"ctxsize.toml": configured(value)},
    "workflow": lambda value: {".github/workflows/ci.yml": workflow(value)},
}
ALL_BUILDS = [
    ("scan", *EACH_FORMAT, f"--format={PAGE}=printed.{PAGE}"),
    ("advise", *EACH_FORMAT),
    ("check", "--all", "--max", "1B", *EACH_FORMAT),
    ("lint", *EACH_FORMAT),
    ("affected", "--stdin", *EACH_FORMAT),
    ("digest", "--all", *EACH_FORMAT),
    ("affected", "--stdin", "--matrix"),
    ("affected", "--stdin", "-v"),
    *(("scan", "-v"), ("advise", "--diff"), ("init", "--dry-run"), (".",), ("suggest", "--diff")),
]


ALL_CHANGED = b"compose.yaml\0Dockerfile"
"""Paths for `affected --stdin`, of files that define builds."""


@pytest.mark.parametrize("source", SOURCES)
def test_no_value_of_a_file_shows(source: str, cli: Cli, tmp_path: Path) -> None:
    commands = cycle(ALL_BUILDS)
    assert len(VALUES) > len(ALL_BUILDS)  # so each command runs
    for name, value in VALUES.items():
        root = planted(tmp_path / name, FEW, **SOURCES[source](value))
        command = next(commands)
        result = cli(*command, cwd=root, env={"OUTER": value}, stdin=ALL_CHANGED, columns=400)
        if EACH_FORMAT[-1] in command:
            check_formats(result, root, command, name)
        else:
            check(result, command, name)


INLINE = "context: .\ndockerfile_inline: |\n  FROM scratch"
FIELDS = {
    "context": "context: x${S}",
    "whole context": "context: $S",
    "dockerfile": "context: .\ndockerfile: ${S}.Dockerfile",
    "whole dockerfile": "context: .\ndockerfile: $S",
    "target": "context: .\ntarget: ${S}",
    "part of a target": "context: .\ntarget: x$S",
    "target as an argument": "context: .\ndockerfile: Dockerfile.stage\ntarget: ${S}",
    "arguments": "context: .\nargs:\n  - ${S}\n  - X=${S}\n  - ${S}X=1",
    "platform": "context: .\nplatforms: [linux/$S]",
    "whole platform": "context: .\nplatforms: ['$S']",
    "directory": "context: .\nadditional_contexts:\n  more: ./$S",
    "reference": "context: .\nadditional_contexts:\n  more: docker-image://$S/x",
    "name of a context": "context: .\nadditional_contexts:\n  - $S=./x\n  - $S",
    "service": "context: .\nadditional_contexts:\n  more: service:$S",
    "inline": f"{INLINE}/${{S}}:1\n  COPY ${{S}} /\n  RUN apt-get install -y ${{S}}\n",
    "inline stages": f"{INLINE} AS ${{S}}\n  COPY a${{S}} /\n"
    "  FROM ${S}\n  COPY --from=${S} a /b\n",
    "inline port": f"{INLINE}\n  EXPOSE ${{S}}\n",
    "inline commands": f"{INLINE}\n  COPY . .\n  WORKDIR /${{S}}\n"
    "  RUN --mount=type=cache,target=/${S} pip install ${S} && cargo build\n",
    "inline keyword": f"{INLINE}\n  ${{S}} x\n  RUN --mount=type=${{S}} x\n",
    "inline words": f"{INLINE}\n  COPY $${{X${{S}}}} $$${{S}} /x\n"
    f"  COPY --chown=${{S}} b${{S}}? /\n",
    "inline trigger": f"{INLINE} AS a\n  ONBUILD COPY --bad${{S}}=x ${{S}} /\n"
    "  FROM a\n  COPY a /x\n",
    "inline directive": "context: .\ndockerfile_inline: |\n  # escape=${S}\n  FROM scratch\n",
    "inline frontend": "context: .\ndockerfile_inline: |\n  # syntax=r/${S}\n  FROM scratch",
    "wrong line for a frontend": "context: .\ndockerfile_inline: |\n"
    "  # syntax=r/${S}:1\n  FROM scratch\n  HEALTHCHECK no\n",
    "frontend in JSON": 'context: .\ndockerfile_inline: |\n  {"syntax": "r/${S}"}',
    "inline heredoc": f"{INLINE}\n  COPY <<${{S}} /\n  x\n  ${{S}}\n",
    "a message": "context: ${NOT:?not set $S}",
    "a literal beside a message": f"context: .\nargs:\n  X: '{ONE}${{NOT:?{TWO}}}'",
    "a literal with a wrong $": f"context: .\nargs:\n  X: '{ONE}$'",
    "a literal with a wrong modifier": f"context: .\nargs:\n  X: '{TWO}${{S:!x}}{ONE}'",
    "a literal in a list": f"context: .\nargs:\n  - X={ONE}${{",
}
EXTENDED = (
    "  t:\n    extends: {file: '${S}.yaml', service: x}\n  u:\n    extends: {service: '${S}'}\n"
)
INCLUDING = (
    "include:\n  - ${S}/compose.yaml\n  - {path: c.yaml, project_directory: $S, env_file: $S}\n"
    "services: {q: {build: .}}\n"
)
ALIAS = f"services:\n  q:\n    build:\n      args:\n        X: *{ONE}\n"
TARGETS = {
    "context": {"context": "x${V}"},
    "dockerfile": {"dockerfile": "${V}.D"},
    "target": {"target": "${V}"},
    "directory": {"contexts": {"m": "./${V}"}},
    "platform": {"platforms": ["linux/${V}"]},
    "inline": {"dockerfile-inline": "FROM r/${V}:1\nCOPY ${V} /"},
    "name": {"args": {"${V}": "1"}},
    "name-of-a-context": {"contexts": {"${V}": "./x"}},
}


def fields() -> str:
    found = ["services:\n"]
    for number, text in enumerate(FIELDS.values()):
        indented = text.rstrip().replace("\n", "\n      ")
        found.append(f"  s{number}:\n    build:\n      {indented}\n")
    return "".join(found) + EXTENDED


@pytest.mark.parametrize("value", VALUES)
def test_no_variable_of_a_compose_or_bake_file_shows(value: str, cli: Cli, tmp_path: Path) -> None:
    text = VALUES[value]
    variable = {"V": {"default": text}}
    root = planted(
        tmp_path / "r",
        (),
        **{
            "Dockerfile": "FROM scratch\nARG X\nCOPY x${X} /\n",
            "Dockerfile.stage": "ARG TARGETSTAGE\nFROM $TARGETSTAGE\n",
            "compose.yaml": fields(),
            ".env": dotenv(text),
            "b/compose.yaml": INCLUDING,
            "b/.env": dotenv(text),
            "c/compose.yaml": ALIAS,
            "docker-bake.json": json.dumps({"variable": variable, "target": TARGETS}),
        },
    )
    for command in ("scan", "advise", "check --all --max 1B", "affected --stdin", "digest --all"):
        result = cli(*command.split(), *EACH_FORMAT, cwd=root, stdin=ALL_CHANGED, columns=400)
        check_formats(result, root, command)
    matrix = cli("affected", "--stdin", "--matrix", cwd=root, stdin=ALL_CHANGED)
    assert json.loads(matrix.out)["include"]
    check(matrix, "the matrix")


def test_a_word_is_shown_as_the_dockerfile_has_it(cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", Dockerfile=f"{TOP}COPY ${{X#g}}/y /x/\n")
    result = cli("measure", "--build-arg", "X=gone", "--json", cwd=root)
    report = json.loads(result.out)
    assert report["transfer"]["follow_paths"] == ["${X#g}/y"]
    assert [each["path"] for each in report["transfer"]["sources"]] == ["${X#g}/y"]
    assert "COPY ${X#g}/y: not found" in report["problems"][0]["message"]


def test_a_next_step_has_only_the_name_of_an_argument(cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", Dockerfile=f"{TOP}COPY . /x/\n")
    result = cli("measure", "--build-arg", "X=gone", cwd=root)
    assert "--build-arg X " in result.out


def test_an_unhidden_word_is_shown_expanded(cli: Cli, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", Dockerfile=f"{TOP}ARG Y=ab\nCOPY ${{Y#a}}/y /x/\n")
    report = json.loads(cli("measure", "--build-arg", "X=gone", "--json", cwd=root).out)
    assert report["transfer"]["follow_paths"] == ["b/y"]


def test_two_builds_are_one_only_if_their_values_are(cli: Cli, tmp_path: Path) -> None:
    texts = {"Dockerfile": f"{TOP}COPY $X /\n", "b": "bb", ".dockerignore": "x\n"}
    for name in ("one", "two"):
        texts[f"{name}/compose.yaml"] = "services: {s: {build: {context: .., args: {X: '$S'}}}}\n"
    texts |= {"one/.env": "S=a\n", "two/.env": "S=b\n"}
    root = planted(tmp_path / "r", (), **texts)
    rows = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    assert [row["transfer"]["content_bytes"] for row in rows] == [2, 1]


def test_the_saving_of_a_build_is_its_own(cli: Cli, tmp_path: Path) -> None:
    lines = "FROM node:20", "ARG X", "COPY pack* ./", "RUN npm ci", "COPY . .", "COPY $$X /y"
    build = {"context": "../r", "args": {"X": "$S"}, "dockerfile_inline": "\n".join(lines)}
    file = json.dumps({"services": {"s": {"build": build}}})
    texts = {"../one/compose.yaml": file, "../two/compose.yaml": file}
    texts |= {"../one/.env": "S=src\n", "../two/.env": "S=nod*\n"}
    planted(tmp_path / "r", (), **texts)
    rows = json.loads(cli("scan", "--json", cwd=tmp_path).out)["builds"]
    savings = {row["places"][0]["path"]: row["saving"]["files"] for row in rows}
    assert savings["one/compose.yaml"] > savings["two/compose.yaml"]


def test_the_repr_of_a_build_has_no_value() -> None:
    build = Build(build_arguments={"X": ONE}, dockerfile_inline=ONE.encode())
    assert ONE not in repr(build)
