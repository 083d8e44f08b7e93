"""What commands say of Dockerfiles whose build is not written out, or not possible yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

FROM = "FROM scratch\n"
NAMED = file("docker/Dockerfile", f"{FROM}COPY src /\n".encode())
ALL = file("docker/Dockerfile", f"{FROM}COPY . .\n".encode())


def written(path: str, text: str) -> Node:
    return file(path, text.encode())


def found(root: Path) -> list[tuple[str, str, bool]]:
    """Return the context and the Dockerfile of each build, and whether it is guessed."""
    return [
        (
            str(Path(each.build.context).relative_to(root)),
            str(Path(each.build.dockerfile or "").relative_to(root)),
            each.guessed,
        )
        for each in discover(str(root)).builds
    ]


def notes(root: Path) -> str:
    return "\n".join(problem.message for problem in discover(str(root)).problems)


SCRIPTS = {
    "a part of the path": ('docker build -f "src/$1/gen/Dockerfile" -t "$1-x" .', "src/a/gen"),
    "a part of the name": ("docker build -f docker/$1.Dockerfile .", "docker"),
    "a make variable": ("docker build -f docker/${NAME}.Dockerfile .", "docker"),
    "the target": ("docker build -f src/a/gen/Dockerfile --target $T .", "src/a/gen"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_command_states_the_context_of_dockerfiles_that_it_does_not_write_out(
    name: str, tmp_path: Path
) -> None:
    command, directory = SCRIPTS[name]
    path = f"{directory}/Dockerfile"
    if directory == "docker":
        path = "docker/a.Dockerfile"
    root = build_tree(
        tmp_path / "r",
        [written("gen.sh", f"{command}\n"), written(path, f"{FROM}COPY . /\n")],
    )
    assert found(root) == [(".", path, False)]
    assert notes(root) == ""


def test_a_directory_of_any_name_states_nothing(tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "r",
        [written("b.sh", "docker build -f $1/Dockerfile .\n"), written("a/Dockerfile", FROM)],
    )
    assert found(root) == [("a", "a/Dockerfile", True)]


def test_sources_win_over_what_is_stated(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        written("b.sh", "docker build -f src/$1/Dockerfile .\n"),
        written("src/a/Dockerfile", f"{FROM}COPY x /\n"),
        "src/a/x",
    ]
    assert found(build_tree(tmp_path / "r", nodes)) == [("src/a", "src/a/Dockerfile", True)]


@pytest.mark.parametrize("context", ["$CONTEXT", "out/stage"])
def test_an_unknown_context_is_guessed_only_if_it_has_a_source(
    context: str, tmp_path: Path
) -> None:
    script = written("b.sh", f"docker build -f docker/Dockerfile {context}\n")
    root = build_tree(tmp_path / "named", [script, NAMED, "src/x"])
    assert found(root) == [(".", "docker/Dockerfile", True)]
    assert "b.sh:1 (command) builds it with " in notes(root)
    assert "no file here says" not in notes(root)
    root = build_tree(tmp_path / "all", [script, ALL])
    assert found(root) == [(".", "docker/Dockerfile", True)]
    root = build_tree(tmp_path / "none", [script, NAMED])
    assert found(root) == []
    what = "a context that is not known"
    if context != "$CONTEXT":
        what = f"the context {context}, which is not there"
    assert f"b.sh:1 (command) builds it with {what}, so no context is guessed" in notes(root)


def test_a_guess_below_is_one_unless_docker_would_find_it(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", [written("test/r.dockerfile", f"{FROM}COPY . /\n")])
    assert found(root) == [("test", "test/r.dockerfile", True)]
    assert "test is a guess" in notes(root)
    root = build_tree(tmp_path / "s", [written("web/w.dockerfile", f"{FROM}COPY x /\n"), "web/x"])
    assert notes(root) == ""
    root = build_tree(tmp_path / "t", [written("Dockerfile.x", f"{FROM}COPY . /\n")])
    assert notes(root) == ""


WORDS = {
    "an unknown word": "docker buildx build --build-arg A=b $TAGS --push .",
    "an unknown array": 'docker build --build-arg A=b "${UNKNOWN[@]}" .',
    "a program before": "$SUDO docker build --build-arg A=b .",
    "an array": (
        'ARGS=(--pull)\nARGS+=(\n  # a comment\n  --build-arg "A=b"\n)\ndocker build "${ARGS[@]}" .'
    ),
    "a value with a default": 'A="${A-b}"\ndocker build --build-arg "A=${A}" .',
    "another default": "docker build --build-arg A=${B:-b} ${C:-.}",
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_hold_no_path_lose_no_build(name: str, tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "r", [written("b.sh", f"{WORDS[name]}\n"), written("Dockerfile", FROM)]
    )
    (build,) = discover(str(root)).builds
    assert (build.guessed, dict(build.build.build_arguments)) == (False, {"A": "b"})


def test_a_default_counts_only_without_a_value(tmp_path: Path) -> None:
    text = "B=1\nB=2\ndocker build --build-arg A=${B:-b} .\n"
    root = build_tree(tmp_path / "r", [written("b.sh", text), written("Dockerfile", FROM)])
    (build,) = discover(str(root)).builds
    assert dict(build.build.build_arguments) == {}


def test_a_long_array_is_left_alone(tmp_path: Path) -> None:
    text = f"A=({'x ' * 20_000})\n" + 'docker build "${A[@]}" .\n' * 200
    root = build_tree(tmp_path / "r", [written("b.sh", text), written("Dockerfile", FROM)])
    assert len(discover(str(root)).builds) == 1


PLUGIN = (
    "<build><plugins><plugin><artifactId>exec-maven-plugin</artifactId><executions><execution>"
    "<configuration><executable>${exe}</executable><workingDirectory>${dir}</workingDirectory>"
    "<arguments><argument>build</argument><argument>-f</argument><argument>Dockerfile</argument>"
    "<argument>--build-arg</argument><argument>A=${project.build.finalName}</argument>"
    "<argument>${context}</argument></arguments></configuration></execution></executions></plugin>"
    "</plugins></build>"
)


def pom(path: str, name: str, *parts: str, **properties: str) -> Node:
    texts = "".join(f"<{key}>{text}</{key}>" for key, text in properties.items())
    return written(
        path,
        f"<project><artifactId>{name}</artifactId><version>1</version>{''.join(parts)}"
        f"<properties>{texts}</properties></project>",
    )


PARENT = "<parent><artifactId>top</artifactId></parent>"
TOP = pom(
    "pom.xml", "top", PLUGIN, exe="docker", dir="${basedir}", context="${project.build.directory}"
)


def test_maven_builds_with_the_properties_of_each_module(tmp_path: Path) -> None:
    docker = written("docker/Dockerfile", f"{FROM}ARG A\nCOPY ${{A}}.jar /\n")
    nodes: list[str | Node] = [
        TOP,
        docker,
        pom("a/pom.xml", "a", PARENT, dir="${basedir}/../docker"),
        pom("b/pom.xml", "b", PARENT, dir="${project.parent.basedir}/docker"),
        pom("c/pom.xml", "c", PARENT),
        pom("d/pom.xml", "d", PARENT.replace("top", "other"), dir="../docker"),
    ]
    jars: list[str | Node] = [
        "a/target/a-1.jar",
        "b/target/b-1.jar",
        "c/target/c.jar",
        "d/target/d.jar",
    ]
    root = build_tree(tmp_path / "r", [*nodes, *jars])
    assert found(root) == [
        ("a/target", "docker/Dockerfile", False),
        ("b/target", "docker/Dockerfile", False),
    ]
    arguments = [dict(each.build.build_arguments) for each in discover(str(root)).builds]
    assert arguments == [{"A": "a-1"}, {"A": "b-1"}]


def test_what_maven_builds_is_not_guessed_before_its_context_is_there(tmp_path: Path) -> None:
    docker = written("docker/Dockerfile", f"{FROM}ARG A\nCOPY ${{A}}.jar /\n")
    module = pom("a/pom.xml", "a", PARENT, dir="${basedir}/../docker")
    root = build_tree(tmp_path / "r", [TOP, docker, module])
    assert found(root) == []
    assert "pom.xml:1 (tool) builds it with the context a/target, which is not there" in notes(root)
    unknown = pom("pom.xml", "top", PLUGIN, exe="docker", dir="docker", context="${elsewhere}")
    root = build_tree(tmp_path / "s", [unknown, docker])
    assert found(root) == []
    assert "pom.xml:1 (tool) builds it with a context that is not known" in notes(root)


def test_a_profile_gives_a_property_that_nothing_else_does(tmp_path: Path) -> None:
    profile = (
        "<profiles><profile><properties><exe>docker</exe></properties></profile>"
        "<profile><properties><exe>no</exe></properties></profile></profiles>"
    )
    top = pom("pom.xml", "top", profile, PLUGIN, dir="docker", context="..")
    root = build_tree(tmp_path / "r", [top, ALL])
    assert found(root) == [(".", "docker/Dockerfile", False)]


def test_maven_properties_in_a_circle_and_parents_in_one_end(tmp_path: Path) -> None:
    loop = "<parent><artifactId>top</artifactId><relativePath>pom.xml</relativePath></parent>"
    top = pom("pom.xml", "top", loop, PLUGIN, exe="${dir}${dir}", dir="${exe}", context=".")
    assert found(build_tree(tmp_path / "r", [top, ALL])) == [(".", "docker/Dockerfile", True)]


def test_a_compose_file_for_another_project_directory_is_read_as_from_there(
    tmp_path: Path,
) -> None:
    """authelia starts its suites in the directory above all these files."""
    service = "services:\n  {}:\n    build:\n      context: {}\n      dockerfile: {}\n"
    nodes: list[str | Node] = [
        written("s/compose.yml", "services: {a: {image: x}}\n"),
        written("s/e/pam/compose.yml", service.format("a", "../..", "s/e/pam/Dockerfile")),
        written("s/e/pam/Dockerfile", f"{FROM}COPY s/e/pam/x /\n"),
        "s/e/pam/x",
        written("s/e/web/compose.dev.yml", service.format("b", "e/web", "Dockerfile.dev")),
        written("s/e/web/Dockerfile.dev", f"{FROM}COPY . /\n"),
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert found(root) == [
        (".", "s/e/pam/Dockerfile", False),
        ("s/e/web", "s/e/web/Dockerfile.dev", False),
    ]
    assert notes(root) == ""
    root = build_tree(tmp_path / "s", nodes[:2])
    assert [each.build.context for each in discover(str(root)).builds] == [f"{root}/s"]


def test_a_compose_file_that_fits_several_project_directories_is_no_build(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        written("s/e/dev.compose.yml", "services: {a: {build: .}}\n"),
        written("s/Dockerfile", FROM),
        written("Dockerfile", FROM),
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert found(root) == [(".", "Dockerfile", True), ("s", "s/Dockerfile", True)]
    assert "a: its Dockerfile is not there, but seen from several directories it is" in notes(root)


def test_dockerfiles_that_only_tests_read_are_counted_in_one_line(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        written("Dockerfile", FROM),
        written("test/data/mount/Dockerfile", FROM),
        written("tests/bad/Dockerfile", "no\n"),
        written("pkg/fixtures/invalid.Dockerfile", "invalid here\n"),
        written("tests/built/Dockerfile", FROM),
        written("Makefile", "e2e:\n\tdocker build tests/built\n"),
        written("test/r.dockerfile", f"{FROM}COPY . /\n"),
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert [dockerfile for _, dockerfile, _ in found(root)] == [
        "Dockerfile",
        "test/r.dockerfile",
        "tests/built/Dockerfile",
    ]
    assert "3 Dockerfiles in fixtures and test data were left out" in notes(root)
    assert "fails" not in notes(root)
    messages = [problem.message for problem in api.suggest(str(root)).problems]
    assert not [text for text in messages if "rejects this Dockerfile" in text and "pkg" in text]
    assert messages == []


def test_a_guess_without_a_source_gets_no_ignore_file(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        written("web/Dockerfile", f"{FROM}COPY . /\n"),
        file("web/.serena/x", size_bytes=3_000_000),
        written("docker/app.Dockerfile", f"{FROM}COPY gone.jar /\n"),
        file(".serena/x", size_bytes=3_000_000),
    ]
    root = build_tree(tmp_path / "r", nodes)
    proposals = api.suggest_all(str(root))
    assert [each.advice.ignore_file for each in proposals.proposals] == [
        f"{root}/web/.dockerignore"
    ]
    (row,) = proposals.left_out
    assert "is a guess, and no source of the Dockerfile is there" in (row.error or "")


GO = file("h/d/Dockerfile.go", f"{FROM}COPY pkg/ ./pkg/\n".encode())
OWN_DIRECTORIES = {
    "cd and pwd": 'S="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\ncd "$S/../../.."',
    "all in one": 'R="$(cd "$(dirname "$0")/../../.." && pwd)"; cd "$R"',
    "dirname": 'S="$(dirname "$0")"; cd "$S/../../.."',
    "readlink": 'S=$(dirname "$(readlink -f "$0")")\ncd $S/../../..',
    "realpath": 'readonly S=$(realpath "$(dirname "$0")")\ncd "$(realpath "$S/../../..")"',
    "without output": (
        'D=$( cd -- "$( dirname -- "${BASH_SOURCE[0]}" )" &> /dev/null && pwd )\ncd "$D"/../../..'
    ),
    "old": 'S="$( cd "$( dirname "$0" )" >/dev/null 2>&1; pwd -P )"\ncd "$S/../../.."',
    "a default": 'S=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)\npushd "$S/../../.."',
    "cut off": 'S=$(cd "${0%/*}" && pwd)\ncd "$S/../../.."',
    "backticks": "S=`dirname $0`\ncd $S/../../..",
    "above": 'R=$(dirname "$(dirname "$(dirname "$(cd "$(dirname "$0")" && pwd)")")")\ncd "$R"',
    "a chain": (
        'S="$(cd "$(dirname "$0")" && pwd)"\nT="$(cd "$S/.." && pwd)"\n'
        'R="$(cd "$T/../.." && pwd)"\ncd "$R"'
    ),
    "git": 'cd "$(git rev-parse --show-toplevel)"',
    "git by a variable": "cd elsewhere\nR=$(git rev-parse --show-toplevel 2>/dev/null)\ncd $R",
}


@pytest.mark.parametrize("name", OWN_DIRECTORIES)
def test_a_script_says_where_it_is(name: str, tmp_path: Path) -> None:
    script = f"#!/bin/bash\n{OWN_DIRECTORIES[name]}\ndocker build -f h/d/Dockerfile.go .\n"
    root = build_tree(tmp_path / "r", [GO, "pkg/a", written("h/d/scripts/b.sh", script)])
    assert found(root) == [(".", "h/d/Dockerfile.go", False)]
    assert notes(root) == ""


def test_its_own_directory_is_the_same_after_a_change(tmp_path: Path) -> None:
    script = (
        'S=$(cd "$(dirname "$0")" && pwd)\ncd out\ndocker build -f $S/../Dockerfile.go "$S/.."\n'
    )
    root = build_tree(tmp_path / "r", [GO, "out/a", written("h/d/scripts/b.sh", script)])
    assert found(root) == [("h/d", "h/d/Dockerfile.go", False)]


APP = written("cmd/a/Dockerfile", f"{FROM}COPY . /\n")
PROGRAMS = {
    "make": ("Makefile", "D := docker\na:\n\t$(D) build -f cmd/a/Dockerfile .\n"),
    "all of it": ("Makefile", "B = docker build\na:\n\t@$(B) -f cmd/a/Dockerfile .\n"),
    "options": (
        "Makefile",
        "ARGS := --build-arg A=$(shell git x) \\\n  --pull\nB := X=1 docker build $(ARGS)\n"
        "a:\n\t$(B) -t x -f cmd/a/Dockerfile .\n",
    ),
    "what is there": (
        "Makefile",
        "D ?= $(shell which podman || which docker)\na:\n\t${D} build -f cmd/a/Dockerfile .\n",
    ),
    "branches": (
        "Makefile",
        "ifdef X\nD = podman\nelse\nD = docker\nendif\na:\n\t$(D) build -f cmd/a/Dockerfile .\n",
    ),
    "the top": (
        "Makefile",
        "TOP := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\n"
        "a:\n\tdocker build -f $(TOP)cmd/a/Dockerfile $(shell pwd)\n",
    ),
    "the top of git": (
        "Makefile",
        "TOP := $(shell git rev-parse --show-toplevel)\n"
        "a:\n\tcd $$(git rev-parse --show-toplevel) && docker build -f $(TOP)/cmd/a/Dockerfile .\n",
    ),
    "just": ("justfile", 'd := "docker"\na:\n  {{d}} build -f cmd/a/Dockerfile .\n'),
    "a script": ("b.sh", "D=docker\n$D build -f cmd/a/Dockerfile .\n"),
    "a script that looks for it": (
        "b.sh",
        "D=$(command -v docker || command -v podman)\n$D build -f cmd/a/Dockerfile .\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_variable_may_hold_the_program(name: str, tmp_path: Path) -> None:
    path, text = PROGRAMS[name]
    root = build_tree(tmp_path / "r", [APP, written(path, text)])
    assert found(root) == [(".", "cmd/a/Dockerfile", False)]
    (build,) = discover(str(root)).builds
    assert str(build.places[0].where).startswith(f"{root}/{path}:")


def test_each_value_of_a_variable_builds_the_dockerfile_that_exists(tmp_path: Path) -> None:
    text = (
        "DIR ?= ./docker\nifeq ($(OS),windows)\n  F ?= windows\nelse\n  F ?= linux\nendif\n"
        "a:\n\tdocker build -f $(DIR)/$(F)-base.Dockerfile $(DIR)\n"
        "\tdocker build -f $(DIR)/$(F).Dockerfile $(OUT)\n"
    )
    names = ("windows-base", "windows", "linux", "mac")
    nodes = [written(f"docker/{name}.Dockerfile", f"{FROM}ARG P\nCOPY $P /\n") for name in names]
    root = build_tree(tmp_path / "r", [*nodes, written("Makefile", text)])
    assert found(root) == [("docker", "docker/windows-base.Dockerfile", False)]
    unknown = "Makefile:9 (command) builds it with a context that is not known, so no context"
    assert notes(root).count(unknown) == 3
    assert "no file here says" not in notes(root)


def test_a_value_of_a_variable_may_be_empty_or_several_words(tmp_path: Path) -> None:
    text = (
        "PROGRESS ?= --progress plain\nifeq ($(CI),true)\n  PROGRESS =\nendif\n"
        "a:\n\tdocker build $(PROGRESS) -f web/Dockerfile $(OUT)\n"
        "\tdocker build $(PROGRESS) -f api/Dockerfile api\n"
    )
    nodes = [written(f"{name}/Dockerfile", f"{FROM}ARG P\nCOPY $P /\n") for name in ("api", "web")]
    root = build_tree(tmp_path / "r", [*nodes, written("Makefile", text)])
    assert found(root) == [("api", "api/Dockerfile", False)]
    assert "Makefile:6 (command) builds it with a context that is not known" in notes(root)


def test_a_function_may_build_any_dockerfile(tmp_path: Path) -> None:
    text = (
        "#!/bin/sh\ndocker_build() {\n  file=$2\n  docker buildx build $3 -f $file\n}\n"
        'docker_build web "$top/web/Dockerfile"\n'
    )
    nodes = [written("bin/build", text), written("app/docker/Dockerfile", f"{FROM}COPY f /\n")]
    root = build_tree(tmp_path / "r", [*nodes, "app/f"])
    assert found(root) == [("app", "app/docker/Dockerfile", True)]
    assert "bin/build:4 (command) may build it with a context that is not known" in notes(root)
    assert "no file here says" not in notes(root)


def test_variables_in_a_circle_and_of_many_values_end(tmp_path: Path) -> None:
    circle = "A=$B$B$B\nB=$A$A$A\nC=${C}x\ndocker build -f $A$C .\n"
    values = "".join(f"V{number % 20}=v{number}\n" for number in range(2_000))
    many = "".join(f"docker build -f $V{number}$V1$V2$V3 .\n" for number in range(20))
    long = f"L={'$A' * 20_000}\n" + "docker build $L\n" * 1_000
    nodes = [written("a.sh", circle), written("b.sh", values + many), written("c.sh", long)]
    root = build_tree(tmp_path / "r", [*nodes, written("Makefile", long), APP])
    assert found(root) == [("cmd/a", "cmd/a/Dockerfile", True)]
