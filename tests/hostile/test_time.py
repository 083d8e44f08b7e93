"""Contexts that took minutes or for ever: each command ends, with an answer or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize.cli.app import run
from ctxsize.repository import discover
from ctxsize.repository.compose import ComposeReader
from ctxsize.repository.search import NotReadError, Search
from ctxsize.repository.yaml import YamlMapping, load
from tests.hostile.limits import processor_seconds

LINES = 40_000
SOURCE = "FROM scratch\nCOPY . .\n"


def lines(line: Callable[[int], str], count: int = LINES) -> str:
    return "".join(f"{line(at)}\n" for at in range(count))


IGNORE_FILES = {
    "names": (("measure", "explain", "lint"), lines(lambda at: f"dir{at}/file{at}")),
    "any depth": (("measure",), lines(lambda at: f"**/name{at}")),
    "in the middle": (("ls",), lines(lambda at: f"a/**/b{at}/**/c", 15_000)),
    "exceptions": (("measure", "lint"), lines(lambda at: "!" * (at % 2) + f"x{at % 100}/y{at}")),
    "equal": (("lint", "suggest"), "node_modules\n" * LINES),
    "covering": (("lint",), lines(lambda at: f"**/*a{at}", 2_500)),
    "equal, few": (("lint",), "node_modules\n" * 2_500),
    "of one ending": (("lint",), lines(lambda at: f"**/q{at}/*.log", 2_500)),
    "exceptions, few": (("lint",), lines(lambda at: "!" * (at % 2) + f"x{at % 100}/y{at}", 2_500)),
}

HEREDOCS = 20_000
ARRAY = '"a", ' * 5_000
DOCKERFILES = {
    "commands": (("measure", "advise"), "FROM a\nCOPY . .\n" + "RUN true\n" * 15_000),
    "installs": (
        ("advise", "scan"),
        "FROM a\n" + "RUN npm ci && cargo build\nRUN apt-get install -y a\n" * 5_000,
    ),
    "installs by others": (("advise",), "FROM a\n" + "RUN go build && bundle install\n" * 10_000),
    "cooks": (("advise",), "FROM a\n" + "RUN cargo chef cook && cargo build\n" * 2000),
    "cooks that differ": (
        ("advise",),
        "FROM rust:1\n"
        + lines(lambda at: f"RUN cargo chef cook -F a{at} && cargo build -F b{at}", 1200),
    ),
    "copies": (("measure", "suggest"), "FROM a\n" + lines(lambda at: f"COPY a{at} /x", 5_000)),
    "one copy": (("check",), "FROM a\n" + "COPY a.txt /x\n" * 15_000),
    "stages": (
        ("measure", "check"),
        lines(lambda at: f"FROM {f's{at - 1}' if at else 'a'} AS s{at}\nCOPY a.txt /", 1500),
    ),
    "empty stages in a row": (
        ("advise", "scan"),
        "FROM a AS s0\n" + lines(lambda at: f"FROM s{at} AS s{at + 1}", 10_000),
    ),
    "stages in a row": (
        ("advise",),
        "FROM a AS s0\n" + lines(lambda at: f"FROM s{at} AS s{at + 1}\nRUN npm ci", 1500),
    ),
    "variables": (
        ("measure", "suggest", "advise"),
        "FROM a\nCOPY . .\n" + lines(lambda at: f"ENV A{at}=x\nRUN npm ci", 1500),
    ),
    "stages copied": (
        ("measure",),
        lines(
            lambda at: f"FROM a AS s{at}\nCOPY {f'--from=s{at - 1}' if at else ''} a.txt /", 1500
        ),
    ),
    "heredocs": (
        ("measure",),
        f"FROM a\nRUN {' '.join(f'<<A{at}' for at in range(HEREDOCS // 10))}\n"
        + lines(lambda at: f"A{at}", HEREDOCS // 10),
    ),
    "arrows": (("measure", "suggest"), f"FROM a\nRUN {'<<' * HEREDOCS}\nCOPY . .\n"),
    "array": (("measure",), f'FROM a\nCOPY [{ARRAY}"/x/"]\n'),
    "one long source": (("measure",), f"FROM a\nCOPY {'é/../' * 5_000}a.txt /\n"),
    "shell": (("suggest", "advise"), f"FROM a\nRUN {'echo a && cp b c; ' * 1500}\nCOPY . .\n"),
    "brackets": (("suggest",), f"FROM a\nRUN {'$(' * 15_000}\nCOPY . .\n"),
    "scripts": (("suggest", "advise"), "FROM a\nCOPY . .\n" + f"RUN {'a=(' * 10_000}\n" * 10),
    "pipes": (
        ("suggest", "advise"),
        "FROM a\nCOPY . .\n" + lines(lambda at: f"RUN {at} {'a|' * 2000}", 20),
    ),
}

BLANK = "\n" * 64_000
GIT = {".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": ""}
COPY = "FROM a\nWORKDIR /a\nCOPY . .\n"
REPEATED = {
    "blank lines of a Dockerfile": ("suggest", {"Dockerfile": f"{COPY}RUN true\n{BLANK}", **GIT}),
    "blank lines of a manifest": (
        "suggest",
        {
            "Dockerfile": f"{COPY}RUN pip install .\n",
            "pyproject.toml": f"[project]\n{BLANK}",
            **GIT,
        },
    ),
    "blank lines of requirements": (
        "advise",
        {"Dockerfile": f"{COPY}RUN pip install -r r.txt\n", "r.txt": f"a\n{BLANK}", "a.py": ""},
    ),
    "blank lines of a Gemfile": (
        "advise",
        {"Dockerfile": f"{COPY}RUN bundle install\n", "Gemfile": f"a\n{BLANK}", "a.rb": ""},
    ),
    "options of git": (
        "suggest",
        {"Dockerfile": f"{COPY}RUN {('git -a ' * 9 + chr(92) + chr(10)) * 1000} x\n", **GIT},
    ),
    "brackets of a command": (
        "suggest",
        {"Dockerfile": f"{COPY}RUN cat {'[' * 20_000}\n", "b/x": ""},
    ),
    "brackets of an acceptance": (
        "lint",
        {
            ".dockerignore": "foo\nfoo\n",
            "ctxsize.toml": f"[[suppress]]\ncode='CTX112'\npath='{'[' * 20_000}'\nreason='x'\n",
        },
    ),
    "brackets of an ignore file": ("lint", {".dockerignore": f"{chr(92)}[" * 20_000 + "*\n"}),
    "blanks of a pattern": ("lint", {".dockerignore": f"a{' ' * 60_000}b\n{{{',' * 30_000}\n"}),
    "blanks of a directive": ("measure", {"Dockerfile": f"# syntax=a{' ' * 60_000}b\n{SOURCE}"}),
    "a long name with a star": (
        "measure",
        {"Dockerfile": f"FROM a\nCOPY *{'a' * 60_000} /x\n", **{f"d{at}": "" for at in range(300)}},
    ),
    "quotes of a devcontainer": (
        "scan",
        {".devcontainer.json": f'{{"a": "{(chr(92) + chr(34)) * 30_000}\n}}'},
    ),
    "a program of many names": ("scan", {"a.sh": f"a{'/kanikoa' * 8_000} -c .\n"}),
}
"""A command, and files of which one repeats something for at least 20,000 characters."""

REFUSED = {
    "values": "FROM a\nENV A=xxxxxxxx\n"
    + "ENV A=$A$A\n" * 20
    + lines(lambda at: f"ENV B{at}=$A", 1000),
    "triggers": "FROM a AS b\n"
    + "ONBUILD RUN true\n" * 1000
    + lines(lambda at: f"FROM b\nCOPY --from={at} a ." if at else "FROM b\nCOPY a .", 200),
    "variables": "FROM a AS s0\n"
    + lines(lambda at: f"ENV A{at}=", 3000)
    + lines(lambda at: f"FROM s{at} AS s{at + 1}", 1000),
    "stages": lines(lambda at: "FROM a\nCOPY a.txt /", 3000),
}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.py").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "Dockerfile").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends(command: str, seconds: float = 10) -> None:
    arguments = {"explain": ["a.txt"], "check": ["--max", "50MB"]}.get(command, ["."])
    with processor_seconds(seconds):
        assert run([command, *arguments]) in (0, 1, 2)


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, command) for name, (commands, _) in IGNORE_FILES.items() for command in commands],
)
def test_long_ignore_file(context: Path, name: str, command: str) -> None:
    (context / ".dockerignore").write_text(IGNORE_FILES[name][1])
    ends(command)


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, command) for name, (commands, _) in DOCKERFILES.items() for command in commands],
)
def test_a_long_dockerfile_ends_in_time(context: Path, name: str, command: str) -> None:
    (context / "Dockerfile").write_text(DOCKERFILES[name][1])
    ends(command)


@pytest.mark.parametrize("name", REPEATED)
def test_what_is_repeated_is_read_once(context: Path, name: str) -> None:
    """Each took two seconds to minutes, as every part was read to the end of the text."""
    command, files = REPEATED[name]
    for path, text in files.items():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text(text)
    ends(command, 2)


def test_source_of_many_ignored_files_is_looked_up_in_time(context: Path) -> None:
    (context / "out").mkdir()
    for number in range(10_000):
        (context / f"out/{number}.o").touch()
    patterns = lines(lambda at: f"**/*.x{at}", 3000) + lines(lambda at: f"!**/*.y{at}", 3000)
    (context / ".dockerignore").write_text(f"out\n{patterns}")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY out /\n")
    with processor_seconds(8):
        assert run(["measure", "."]) == 0


@pytest.mark.parametrize("command", ["scan", "advise", "lint"])
def test_many_services_end_in_time(context: Path, command: str) -> None:
    services = lines(lambda at: f"  s{at}: {{build: .}}", 5_000)
    (context / "compose.yaml").write_text(f"services:\n{services}")
    (context / ".dockerignore").write_text("x\n")
    ends(command)


@pytest.mark.parametrize("command", ["check --all --max 1GB", "lint", "scan"])
def test_many_named_contexts_end_in_time(context: Path, command: str) -> None:
    named = lines(lambda at: f"        a{at}: .", 2000)
    build = f"{{context: .,\n      additional_contexts: {{\n{named.replace('.', '.,')}      }}}}"
    (context / "compose.yaml").write_text(f"services:\n  s:\n    build: {build}\n")
    (context / "Dockerfile").write_text(SOURCE)
    with processor_seconds(8):
        assert run([*command.split(), "."]) in (0, 1)


BUILDS = {
    "justfile, values without an end": ("justfile", f"a:\n  docker build\n{'x := {{' * 40_000}"),
    "justfile, blank lines": ("justfile", "a:\n #!/x docker build\n" + "\t\n" * 100_000),
    "GitLab, values": (".gitlab-ci.yml", f"a: {{script: 'docker build {'{{' * 40_000}'}}\n"),
    "GitLab, inputs": (".gitlab-ci.yml", f"a: {{script: 'docker build {'$[[' * 40_000}'}}\n"),
    "GitLab, bases": (
        ".gitlab-ci.yml",
        lines(
            lambda at: f"j{at}: {{extends: [j{at + 1}, j{at + 2}], script: docker build .}}", 2500
        ),
    ),
    "options": ("a.sh", f"docker {'--a b ' * 40_000} build\n" * 3),
}


@pytest.mark.parametrize("name", BUILDS)
def test_files_with_builds_are_read_in_time(context: Path, name: str) -> None:
    path, text = BUILDS[name]
    (context / path).write_text(text)
    with processor_seconds(8):
        assert run(["scan", "."]) in (0, 1)


@pytest.mark.parametrize("name", REFUSED)
def test_dockerfile_that_multiplies_is_refused(
    context: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (context / "Dockerfile").write_text(REFUSED[name])
    ends("suggest")
    assert "more than" in capsys.readouterr().err


def test_what_lint_left_out_is_said(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (context / ".dockerignore").write_text(lines(lambda at: f"a{at}", 10_001))
    ends("lint")
    assert "end after 10,000 patterns" in " ".join(capsys.readouterr().out.split())


def services(files: dict[str, str], root: Path) -> tuple[dict[str, YamlMapping], list[str]]:
    for name, text in files.items():
        (root / name).write_text(text)
    search = Search(str(root))
    with processor_seconds(20):
        return ComposeReader(search).builds(["compose.yaml"]), [
            each.message for each in search.problems
        ]


def service(name: str, extends: str = "") -> str:
    return f"  {name}: {{build: ., {f'extends: {extends}' if extends else 'image: x'}}}\n"


def test_compose_include_diamonds_are_read_once(tmp_path: Path) -> None:
    files = {
        f"c{at}.yaml": f"include: [c{at + 1}.yaml, c{at + 1}.yaml]\nservices:\n{service(f's{at}')}"
        for at in range(30)
    }
    files |= {"compose.yaml": "include: [c0.yaml]\n", "c30.yaml": "services: {}\n"}
    found, said = services(files, tmp_path)
    assert len(found) == 30
    assert not said


def test_compose_include_cycle_is_said_once(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [a.yaml, a.yaml]\n",
        "a.yaml": f"include: [b.yaml, b.yaml]\nservices:\n{service('a')}",
        "b.yaml": f"include: [a.yaml, a.yaml]\nservices:\n{service('b')}",
    }
    found, said = services(files, tmp_path)
    assert set(found) == {"a", "b"}
    assert set(said) == {"this file includes itself"}


def test_compose_chain_of_extends(tmp_path: Path) -> None:
    chain = "".join(service(f"s{at}", f"s{at + 1}") for at in range(100)) + service("s100")
    found, said = services({"compose.yaml": f"services:\n{chain}"}, tmp_path)
    assert len(found) == 101
    assert not said


def test_compose_cycle_of_extends(tmp_path: Path) -> None:
    chain = "".join(service(f"s{at}", f"s{(at + 1) % 100}") for at in range(100))
    found, said = services({"compose.yaml": f"services:\n{chain}"}, tmp_path)
    assert len(found) == 100
    assert said == ["the service s0 extends itself"]


@pytest.mark.parametrize("last", [0, 2000])
def test_compose_chain_of_extends_may_be_too_long(last: int, tmp_path: Path) -> None:
    chain = "".join(service(f"s{at}", f"s{at + 1}") for at in range(1999))
    text = f"services:\n{chain}{service('s1999', f's{last}')}{service('s2000')}"
    (tmp_path / "compose.yaml").write_text(text)
    with processor_seconds(20):
        (problem,) = discover(str(tmp_path)).problems
    assert problem.message == "this file was skipped: it is nested too deeply"


def test_dotenv_values_that_double(tmp_path: Path) -> None:
    dotenv = "A=x\n" + "A=$A$A\n" * 60
    found, _ = services({".env": dotenv, "compose.yaml": "services:\n  a: {build: $A}\n"}, tmp_path)
    assert set(found) == {"a"}


MERGED = "{k: v}"
for _ in range(40):
    MERGED = f"{{<<: [&a{_} {MERGED}, *a{_}]}}"

BOMBS = {
    "merge keys": f"a: {MERGED}\n",
    "aliases": "a0: &a0 [x]\n"
    + lines(lambda at: f"a{at + 1}: &a{at + 1} [{f'*a{at}, ' * 10}]", 50),
    "merged aliases": "a0: &a0 {x: y}\n"
    + lines(lambda at: f"a{at + 1}: &a{at + 1} {{<<: [{f'*a{at}, ' * 9}*a{at}]}}", 50),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_yaml_bomb_is_refused_in_time(name: str) -> None:
    with processor_seconds(5), pytest.raises(NotReadError, match="more than 500,000 values"):
        load(BOMBS[name])


BUILD_FILES = {
    "Jenkinsfile": ("sh 'docker build .'\n", "sh (", "dir('a'){", "'''", "/*", "dir(", "{"),
    "Tiltfile": ("docker_build('a', '.')\n", "docker_build("),
    "a.build": ("[Build]\nFile=a\n", "[", " ", "a = "),
    ".devcontainer.json": ("{", '{"a":', "/*", ",", '"', ", "),
    ".gitlab-ci.yml": ("- docker build .\n", "docker: ["),
    "justfile": ("a:\n    docker build .\n", "   #!\n", "a:\n  #! x\n  docker build .\n"),
    "skaffold.yaml": ("---\n",),
    ".circleci/config.yml": ("- run: docker build << parameters.x\n", "<<"),
    "build.sh": ("/kaniko/executor -c .\n", "container build .;", "{{"),
}


@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name, parts in BUILD_FILES.items() for part in parts]
)
def test_search_for_builds_ends_for_large_files(name: str, part: str, context: Path) -> None:
    (context / name).parent.mkdir(exist_ok=True)
    # Half as long in a quarter of the time: what grows by the square shows as early.
    (context / name).write_text(part * (150_000 // len(part)))
    with processor_seconds(5):
        assert discover(".").root == "."
