"""Stages as they are built: which state a step runs in, and what is left as it is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.context_need import context_need
from ctxsize.dockerfile.instructions import Stage
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.dockerfile.sources import Expanded
from ctxsize.dockerfile.stages import BuiltStage, StageStep, build_stage, built_stages
from ctxsize.dockerfile.state import Environment


def stages(text: str, **arguments: str) -> tuple[BuiltStage, ...]:
    return built_stages(parse_dockerfile(text), arguments)


def last(text: str) -> StageStep:
    return stages(text)[-1].steps[-1]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.text()), max_size=40))
def test_each_point_keeps_its_variables(changes: list[tuple[int, str, str]]) -> None:
    points: list[tuple[Environment, dict[str, str]]] = [(Environment("\\"), {})]
    for back, name, text in changes:
        environment, expected = points[-1 - back % len(points)]
        points.append((environment.set(name, Expanded(text)), {**expected, name: text}))
    for environment, expected in points:
        assert dict(environment) == expected
        assert len(environment) == len(expected)
        assert environment.find("d") is None


VALUES = {
    "set": ("ENV D=/x", "$D/y", "/x/y"),
    "not set": ("ENV D=/x", "$E/y", "$E/y"),
    "set to what is not set": ("ENV D=$E/x", "$D/y", "$E/x/y"),
    "a default": ("ARG D=/x", "${D}/y", "/x/y"),
    "an argument without a value": ("ARG D", "$D/y", "$D/y"),
    "instead of one that is not set": ("ENV D=", "${E:-/x}/y", "/x/y"),
    "of the image": ("ENV D=$CARGO_HOME", "$D/y", "/usr/local/cargo/y"),
    "in front of FROM": ("ENV D=$OUTER", "$D/y", "$OUTER/y"),
    "in front of FROM, declared": ("ARG OUTER", "$OUTER/y", "outer/y"),
    "that has to be given": ("ENV D=${E?no}", "$D/y", "${E?no}/y"),
    "that the builder refuses": ("ENV D=${E!}", "$D/y", "$D/y"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_variable_without_a_value_stays_as_it_is_written(case: str) -> None:
    before, written, expected = VALUES[case]
    step = last(f"ARG OUTER=outer\nFROM rust\n{before}\nCOPY {written} /\n")
    assert step.arguments == (expected, "/")


DIRECTORIES = {
    "": "/",
    "WORKDIR app": "/app",
    "WORKDIR /app\nWORKDIR ../b/": "/b",
    "ENV D=/d\nWORKDIR $D/e": "/d/e",
    "WORKDIR $D": "/$D",
}


@pytest.mark.parametrize("before", DIRECTORIES)
def test_a_step_runs_where_workdir_led(before: str) -> None:
    step = last(f"FROM a\n{before}\nRUN true\n")
    assert step.workdir == DIRECTORIES[before]


def test_a_directory_is_relative_while_it_depends_on_the_image() -> None:
    assert last("FROM a\nWORKDIR app\nRUN true\n").state.directory.text == "app"
    assert last("FROM a\nWORKDIR .\nRUN true\n").state.directory.text == ""


def test_commands_have_the_directories_of_cd() -> None:
    step = last("FROM a\nWORKDIR /a\nRUN cd b && x && cd /c/. && y\n")
    assert [(at, command.program) for at, command in step.located] == [
        *(("/a/b", "cd"), ("/a/b", "x")),
        *(("/c", "cd"), ("/c", "y")),
    ]


SHELLS = {
    'FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]': True,
    'FROM a\nSHELL ["conda", "run", "-n", "x", "/bin/bash", "-c"]': True,
    'FROM a\nSHELL ["pwsh", "-Command"]': False,
    "FROM mcr.microsoft.com/windows/nanoserver": False,
}


@pytest.mark.parametrize("before", SHELLS)
def test_commands_are_read_for_a_shell_of_unix(before: str) -> None:
    assert bool(last(f"{before}\nRUN npm ci\n").commands) == SHELLS[before]


def test_a_stage_begins_with_what_onbuild_says_and_where_its_base_ends() -> None:
    base, stage, later = stages(
        "FROM a AS base\nUSER me\nWORKDIR /w\nONBUILD COPY <<E /x\nb\nE\nONBUILD RUN make\n"
        "FROM base AS next\nRUN x\nFROM next\nRUN y\n"
    )
    assert [each.instruction.keyword for each in base.steps] == ["USER", "WORKDIR"]
    assert [each.is_inherited for each in stage.steps] == [True, True, False]
    assert [each.line for each in stage.steps] == [4, 7, 9]
    assert stage.steps[0].instruction.heredocs
    assert {(each.state.user, each.workdir) for each in stage.steps} == {("me", "/w")}
    assert [each.line for each in later.history] == [2, 3, 4, 7, 9, 11]
    assert stage.own == stage.steps[2:]
    assert later.ancestry == [base, stage, later]
    assert not later.steps[0].is_inherited


def test_an_origin_is_an_earlier_stage() -> None:
    first, second, third = stages("FROM a AS x\nFROM b AS x\nFROM c AS Y\n")
    assert third.origin("X") is second
    assert second.origin("x") is first
    assert third.origin("0") is first
    assert [third.origin(name) for name in ("y", "2", "3", "image", "")] == [None] * 5


def test_the_image_is_that_of_the_arguments() -> None:
    text = "ARG V=20\nARG UNUSED\nFROM --platform=$P node:$V AS a\nFROM a\nFROM 0\n"
    assert [each.base for each in stages(text)] == ["node:20", "node:20", "0"]
    assert [each.base for each in stages(text, V="22")] == ["node:22", "node:22", "0"]
    assert [each.platform for each in stages(text)] == ["$P", "$P", ""]
    assert stages("FROM $X\n")[0].base == "$X"


def test_a_dockerfile_is_followed_once() -> None:
    dockerfile = parse_dockerfile("ARG V\nFROM a\nRUN true\n")
    assert built_stages(dockerfile) is built_stages(dockerfile, {})
    assert built_stages(dockerfile) is not built_stages(dockerfile, {"V": "x"})


def test_stages_are_built_once_for_all_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    built = list[str]()

    def counted(stage: Stage, *arguments: Any, **options: Any) -> BuiltStage:
        built.append(stage.label)
        return build_stage(stage, *arguments, **options)

    monkeypatch.setattr("ctxsize.dockerfile.graph.build_stage", counted)
    dockerfile = parse_dockerfile("FROM a AS one\nRUN x\nFROM one AS two\nCOPY b .\nCOPY c .\n")
    for target in ("", "one", "two", "two"):
        context_need(dockerfile, target)
    assert built == ["one", "two"]
    context_need(dockerfile, build_arguments={"V": "1"})
    assert built == ["one", "two"] * 2


def test_stages_that_name_the_target_are_built_for_each() -> None:
    text = "FROM a AS one\nARG TARGETSTAGE\nCOPY $TARGETSTAGE .\nFROM one AS two\nCOPY x .\n"
    dockerfile = parse_dockerfile(text)
    for target, path in (("one", "one"), ("two", "two"), ("", "two"), ("one", "one")):
        assert context_need(dockerfile, target).sources[0].path == path


def test_mounts_are_read_with_the_state_of_their_step() -> None:
    step = last(
        "FROM a AS b\nFROM a\nWORKDIR /w\nENV D=dist\nRUN --mount=type=cache,target=$D"
        " --mount=type=bind,source=$D --mount=type=bind,from=b,source=/x/../y,target=/z"
        " --mount=type=nothing true\n"
    )
    assert [(each.target, each.id, each.written) for each in step.caches] == [
        ("/w/dist", "dist", "type=cache,target=$D")
    ]
    assert step.sources == ("dist",)
    assert step.takes == (("", "/dist"), ("b", "/y"))
