"""Nested, invalid and undecodable content in each format: an answer or a clear error, in time."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.hostile.running import ended
from tests.trees import build_tree, file

SCAN = ("scan", "advise", "check --all --max 1GB")
BUILD = ("measure", "suggest", "lint", *SCAN)
FROM_GITIGNORE = ("suggest --from-gitignore",)
BACKSLASH = "\\"
DOCKERFILE = b"FROM scratch\nCOPY . /\n"


def nested(start: str, end: str, depth: int, middle: str = "a") -> str:
    return start * depth + middle + end * depth


def chained(depth: int, first: str, each: str) -> str:
    """Lines of which each names the one before."""
    return first + "".join(each.format(number=n, before=n - 1) for n in range(1, depth))


@functools.cache
def contents(depth: int) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """What is nested `depth` times, by a name: its file, its text and the commands."""
    compose = "services:\n  a:\n    build:\n      context: "
    bake = 'target "a" {\n  context = '
    onbuild = "ONBUILD " * depth
    scripts = '{"scripts": {"a": "docker build %s ."}}'
    return {
        "substitution": ("Dockerfile", f"FROM a\nCOPY {nested('${a:-', '}', depth)} /\n", BUILD),
        "quoted substitution": (
            "Dockerfile",
            f'FROM a\nARG b="{nested("${a-", "}", depth)}"\nCOPY $b /\n',
            BUILD,
        ),
        "pattern": ("Dockerfile", f"FROM a\nCOPY {nested('${a#', '}', depth)} /\n", BUILD),
        "replacement": ("Dockerfile", f"FROM a\nCOPY {nested('${a/b/', '}', depth)} /\n", BUILD),
        "open substitution": ("Dockerfile", f"FROM a\nCOPY {'${a:-' * depth} /\n", BUILD),
        "base": ("Dockerfile", f"FROM {nested('${a:-', '}', depth)}\nCOPY . /\n", BUILD),
        "variables": (
            "Dockerfile",
            "FROM a\n" + chained(depth, "ARG a0=x\n", "ARG a{number}=$a{before}\n") + "COPY . /\n",
            BUILD,
        ),
        "onbuild": ("Dockerfile", f"FROM a\n{onbuild}COPY . /\n", BUILD),
        "json": ("Dockerfile", f"FROM a\nCOPY {nested('[', ']', depth)}\nCMD [\n", BUILD),
        "subshells": ("Dockerfile", f"FROM a\nCOPY . /\nRUN {nested('( ', ' )', depth)}\n", BUILD),
        "shell substitutions": ("Dockerfile", f"FROM a\nRUN {nested('$(', ')', depth)}\n", BUILD),
        "backticks": ("Dockerfile", f"FROM a\nRUN {nested('`', '`', depth)}\n", BUILD),
        "braces": ("Dockerfile", f"FROM a\nRUN {nested('{ ', '; }', depth)}\n", BUILD),
        "sh -c": ("Dockerfile", f"FROM a\nRUN {nested('sh -c ', '', depth)}\n", BUILD),
        "env": ("Dockerfile", f"FROM a\nRUN {nested('env sudo ', '', depth)} npm ci\n", BUILD),
        "ifs": ("Dockerfile", f"FROM a\nRUN {nested('if a; then ', '; fi', depth)}\n", BUILD),
        "escapes": ("Dockerfile", f"FROM a\nCOPY {nested(BACKSLASH, '', depth)} /\n", BUILD),
        "classes": (".dockerignore", f"{nested('[', ']', depth)}\n", BUILD),
        "exceptions": (".dockerignore", f"{'!' * depth}a\n", BUILD),
        "path": (".dockerignore", f"{nested('a/', '', depth)}\n", BUILD),
        "path upwards": (".dockerignore", f"{nested('a/', '../', depth)}\n", BUILD),
        "yaml flow": ("compose.yaml", compose + nested("[", "]", depth), SCAN),
        "yaml mapping": ("compose.yaml", compose + nested("{a: ", "}", depth), SCAN),
        "yaml block": ("compose.yaml", compose + nested("- ", "", depth), SCAN),
        "yaml aliases": (
            "compose.yaml",
            chained(depth, "x-0: &a0 [x]\n", "x-{number}: &a{number} [*a{before}]\n")
            + f"services:\n  a:\n    build:\n      context: .\n      args: *a{depth - 1}\n",
            SCAN,
        ),
        "yaml merges": (
            "compose.yaml",
            chained(depth, "x-0: &a0 {x: 1}\n", "x-{number}: &a{number} {{<<: *a{before}}}\n")
            + f"services:\n  a:\n    build:\n      <<: *a{depth - 1}\n      context: .\n",
            SCAN,
        ),
        "compose variables": ("compose.yaml", compose + nested("${a:-", "}", depth), SCAN),
        "open variables": ("compose.yaml", compose + "${a:-" * depth, SCAN),
        ".env": (".env", f"A={nested('${a:-', '}', depth)}\n", SCAN),
        "include itself": ("compose.yaml", "include: [compose.yaml]\nservices: {}\n", SCAN),
        "workflow": (
            ".github/workflows/a.yml",
            f"jobs: {{a: {{steps: [{{with: {nested('[', ']', depth)}}}]}}}}",
            SCAN,
        ),
        "workflow aliases": (
            ".github/workflows/a.yml",
            chained(depth, "x-0: &a0 [x]\n", "x-{number}: &a{number} [*a{before}]\n")
            + f"jobs: {{a: {{strategy: {{matrix: {{b: *a{depth - 1}}}}}, "
            "steps: [{uses: docker/build-push-action, with: {context: '${{ matrix.b }}'}}]}}\n",
            SCAN,
        ),
        "hcl lists": ("docker-bake.hcl", bake + nested("[", "]", depth) + "\n}\n", SCAN),
        "hcl parentheses": ("docker-bake.hcl", bake + nested("(", ")", depth, '"."') + "\n}", SCAN),
        "hcl templates": ("docker-bake.hcl", bake + nested('"${', '}"', depth) + "\n}\n", SCAN),
        "hcl calls": ("docker-bake.hcl", bake + nested("upper(", ")", depth) + "\n}\n", SCAN),
        "hcl conditions": ("docker-bake.hcl", bake + nested("1 ? ", " : 2", depth) + "\n}\n", SCAN),
        "hcl negations": ("docker-bake.hcl", bake + nested("!", "", depth) + "\n}\n", SCAN),
        "hcl sums": ("docker-bake.hcl", bake + nested("1 + ", "", depth, "1") + "\n}\n", SCAN),
        "hcl blocks": ("docker-bake.hcl", nested('a "b" {\n', "}\n", depth, ""), SCAN),
        "hcl variables": (
            "docker-bake.hcl",
            'variable "v0" { default = "." }\n'
            + chained(depth, "", 'variable "v{number}" {{ default = v{before} }}\n')
            + f'target "a" {{ context = v{depth - 1} }}\n',
            SCAN,
        ),
        "hcl inherits": (
            "docker-bake.hcl",
            'target "t0" { context = "." }\n'
            + chained(depth, "", 'target "t{number}" {{ inherits = ["t{before}"] }}\n'),
            SCAN,
        ),
        "bake json": ("docker-bake.json", f'{{"target": {nested("[", "]", depth)}}}', SCAN),
        "bake json objects": (
            "docker-bake.json",
            f'{{"target": {{"a": {{"context": {nested("[", "]", depth, "1")}}}}}}}',
            SCAN,
        ),
        "package.json": ("package.json", f'{{"scripts": {nested("[", "]", depth, "1")}}}', SCAN),
        "package script": ("package.json", scripts % nested("$(", ")", depth), SCAN),
        "script": ("build.sh", f"docker build {nested('$(', ')', depth)} .\n", SCAN),
        "script groups": ("build.sh", nested("( ", " )", depth, "docker build ."), SCAN),
        "Makefile": ("Makefile", f"a:\n\tdocker build {nested('$(', ')', depth)} .\n", SCAN),
        "toml": ("ctxsize.toml", f"a = {nested('[', ']', depth, '1')}\n", ("check", "lint")),
        "toml tables": ("ctxsize.toml", f"[{'a.' * depth}a]\n", ("check", "lint")),
        "pyproject": (
            "pyproject.toml",
            f"[tool.ctxsize]\na = {nested('{a = ', '}', depth, '1')}\n",
            ("check", "suggest"),
        ),
        "baseline": ("b.json", nested("[", "]", depth, ""), ("check --baseline b.json",)),
        "report": ("b.json", nested('{"a":', "}", depth, "1"), ("diff b.json",)),
        "gitignore": (".gitignore", f"{nested('[', ']', depth)}\n{'!' * depth}\n", FROM_GITIGNORE),
        "gitignore stars": (".gitignore", f"{nested('a/', '', depth)}\n", FROM_GITIGNORE),
    }


TRIALS = [
    pytest.param(name, depth, command, id=f"{depth} {name}: {command}")
    for depth in (400, 3000)
    for name, (_, _, commands) in contents(1).items()
    for command in (commands if depth == 400 else commands[:1])
]


@pytest.mark.parametrize(("name", "depth", "command"), TRIALS)
def test_deep_nesting_in_a_file_ends_in_an_answer(
    name: str, depth: int, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, text, _ = contents(depth)[name]
    nodes = [file("Dockerfile", DOCKERFILE), "a", file("package.json", b"{}")]
    nodes = [each for each in nodes if getattr(each, "path", "") != path]
    root = build_tree(tmp_path / "r", [*nodes, file(path, text.encode())])
    ended(command, root, monkeypatch)


NAMES = {
    # The name in JSON and YAML, and in a Dockerfile or a script.
    "a NUL": ('"a\\u0000b"', "a\0b"),
    "half a surrogate pair": ('"\\ud800"', "\ud800"),
    "a byte": ('"\\udcff"', "\udcff"),
    "escapes": ('"\\u001b[2J\\n::error::x\\u202e"', "\x1b[2J\u202e"),
    "a long name": (f'"{"x" * 5000}"', "x" * 5000),
    "a long path": (f'"{"xxx/" * 1500}"', "xxx/" * 1500),
    "nothing": ('""', ""),
    "upwards": ('"../../../../../../../../.."', "../../../../../../../../.."),
    "not a name": ("[1]", "[1]"),
    "a number": ("1e999", "1e999"),
}


def naming(quoted: str, plain: str) -> dict[str, tuple[str, str]]:
    """Files that name something, by what it is."""
    service = "services: {a: {build: {context: ., %s: %s}}}\n"
    return {
        "context": ("compose.yaml", f"services: {{a: {{build: {quoted}}}}}\n"),
        **{
            key: ("compose.yaml", service % (key, quoted))
            for key in ("dockerfile", "target", "args", "additional_contexts", "platforms")
        },
        "argument": ("compose.yaml", service % ("args", f"{{{quoted}: {quoted}}}")),
        "named context": ("compose.yaml", service % ("additional_contexts", f"{{a: {quoted}}}")),
        "include": ("compose.yaml", f"include: [{quoted}]\nservices: {{}}\n"),
        "env_file": ("compose.yaml", f"include: [{{path: {quoted}, env_file: {quoted}}}]\n"),
        "extends": (
            "compose.yaml",
            f"services: {{a: {{extends: {{file: {quoted}, service: {quoted}}}}}}}\n",
        ),
        "service": ("compose.yaml", f"services: {{{quoted}: {{build: .}}}}\n"),
        "bake": (
            "docker-bake.json",
            f'{{"target": {{{quoted if quoted[0] == chr(34) else chr(34) * 2}: '
            f'{{"context": {quoted}, "dockerfile": {quoted}, "args": {{"a": {quoted}}}}}}}}}',
        ),
        "workflow": (
            ".github/workflows/a.yml",
            "jobs: {a: {steps: [{uses: docker/build-push-action, "
            f"with: {{context: {quoted}, file: {quoted}, target: {quoted}}}}}]}}}}\n",
        ),
        "script": ("package.json", f'{{"scripts": {{"a": "docker build -f {quoted[1:-1]} ."}}}}'),
        "shell": ("build.sh", f"docker build -f {plain} {plain}\ndocker build -f {plain} .\n"),
        "source": ("Dockerfile", f"FROM a\nARG A={plain}\nCOPY {plain} $A /\nCOPY . {plain}/\n"),
        "stage": ("Dockerfile", f"FROM a AS {plain}\nCOPY --from={plain} {plain} /\n"),
        "mount": ("Dockerfile", f"FROM a\nRUN --mount=source={plain},target=/x cat {plain}\n"),
        "command": ("Dockerfile", f"FROM a\nCOPY . /\nWORKDIR {plain}\nRUN cd {plain}; npm ci\n"),
        "pattern": (".dockerignore", f"{plain}\n!{plain}\n"),
        "git pattern": (".gitignore", f"{plain}\n!{plain}\n{plain}\\\n"),
        "configuration": (
            "ctxsize.toml",
            f"baseline = {quoted}\n[contexts.a]\ncontext = {quoted}\n",
        ),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", naming('""', ""))
def test_names_in_files(
    place: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path, text = naming(*NAMES[name])[place]
    data = text.encode("utf-8", "surrogateescape" if name == "a byte" else "surrogatepass")
    nodes = [file("Dockerfile", DOCKERFILE), "a", file("package.json", b"{}")]
    nodes = [each for each in nodes if getattr(each, "path", "") != path]
    root = build_tree(tmp_path / "r", [*nodes, file(path, data)])
    for command in ("scan", "advise", "check --all --max 1GB", "suggest", "lint ."):
        ended(command, root, monkeypatch)
    if path == ".gitignore":
        ended("suggest --from-gitignore", root, monkeypatch)
    captured = capfd.readouterr()
    assert "\x1b" not in captured.out + captured.err


LONG = "9" * 5000
HEX = f"0x{'f' * 5000}"
ARGS = "services: {{a: {{build: {{context: ., args: {{A: {}}}}}}}}}\n".format
NUMBERS = [
    *(("Dockerfile", f"FROM a\nCOPY --from={each} a /\n", BUILD) for each in (LONG, "0" * 5000)),
    (
        "Dockerfile",
        f"FROM a\nEXPOSE {LONG}\nRUN --mount=type=tmpfs,target=/x,size={LONG} x\n",
        BUILD,
    ),
    *(("compose.yaml", ARGS(each), SCAN) for each in (LONG, HEX, "0b_", "0x_", "1e999", "-1e999")),
    *(
        ("ctxsize.toml", f"{key} = {value}\n", ("check", "lint", "check --max 1B"))
        for key in ("max", "growth", "builder", "dockerfile")
        for value in (LONG, HEX, "1e999", "nan", f"'{LONG}'", f"'{LONG}%'", f"[{HEX}]")
    ),
    ("a", "", (f"check --max {LONG}", f"check --max 1.{LONG}GB", f"clean --older-than {LONG}")),
]


@pytest.mark.parametrize(("path", "text", "commands"), NUMBERS)
def test_long_numbers_in_a_file_end_in_an_answer(
    path: str,
    text: str,
    commands: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nodes = [file("Dockerfile", DOCKERFILE)] if path != "Dockerfile" else []
    root = build_tree(tmp_path / "r", [*nodes, file(path, text.encode())])
    for command in commands:
        ended(command, root, monkeypatch)
