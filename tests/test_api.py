"""The public functions, held against each other over recorded contexts."""

from __future__ import annotations

import dataclasses
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import ctxsize
from ctxsize import Build
from ctxsize.build import Options
from tests.trees import build_tree, file


def test_an_unknown_builder_is_an_input_error() -> None:
    with pytest.raises(ctxsize.InputError, match="no such builder: 'kaniko'"):
        ctxsize.measure(builder="kaniko")


def test_keywords_are_the_fields_of_a_build(tmp_path: Path) -> None:
    names = [field.name for field in dataclasses.fields(Build)]
    assert names == ["context", *Options.__annotations__]
    build = Build(str(tmp_path), target="test", builder="classic")
    assert ctxsize.plan_for(build) == ctxsize.plan_for(
        str(tmp_path), target="test", builder="classic"
    )
    assert ctxsize.plan_for(build, builder="podman").build.builder == "podman"
    assert build.given() == ("--target",)


def test_a_plan_stands_for_its_build(tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM a AS one\nCOPY x .\nFROM one\nCOPY y .\n"), "x", "y"]
    context = str(build_tree(tmp_path / "ctx", nodes))
    plan = ctxsize.plan_for(context)
    assert ctxsize.plan_for(plan) is plan
    assert ctxsize.measure(plan) == ctxsize.measure(context)
    assert [*ctxsize.ls(plan)] == [*ctxsize.ls(context)]
    assert ctxsize.suggest(plan) == ctxsize.suggest(context)
    assert ctxsize.measure(plan, target="one") == ctxsize.measure(context, target="one")


def test_steps_name_what_is_looked_at(tmp_path: Path) -> None:
    nodes = [
        file(".dockerignore", b"*.log\n"),
        *(file(f"{name}/Dockerfile", b"FROM a\nCOPY . .\n") for name in "ab"),
        *("a/x", "b/.dockerignore", "b/node_modules/.package-lock.json"),
    ]
    root = str(build_tree(tmp_path / "ctx", nodes))
    seen: list[tuple[str, int, int]] = []

    def steps(*step: Any) -> None:
        seen.append(step)

    ctxsize.scan(root, steps=steps)
    assert seen == [(f"{root}/a", 0, 2), (f"{root}/b", 1, 2), ("reading the Dockerfiles", 0, 0)]
    seen.clear()
    ctxsize.lint([root], steps=steps)
    assert (f"{root}/.dockerignore", 0, 2) in seen
    assert (f"{root}/b/.dockerignore", 1, 2) in seen
    seen.clear()
    ctxsize.suggest(f"{root}/b", steps=steps)
    assert ("reading the Dockerfiles", 0, 0) in seen


def test_every_public_name_is_there() -> None:
    assert sorted(dir(ctxsize)) == sorted(set(dir(ctxsize)))
    for name in dir(ctxsize):
        assert getattr(ctxsize, name) is not None
    modules = {each.name for each in pkgutil.iter_modules(ctxsize.__path__)}
    # To import a module of that name anywhere would put it in the place of the function.
    assert not modules & {*dir(ctxsize)}
    with pytest.raises(AttributeError):
        _ = ctxsize.nope  # type: ignore[attr-defined]
