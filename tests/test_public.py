"""The public names, and the types with which a typed program uses them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ctxsize
from ctxsize import api
from ctxsize.guard import checking

PACKAGE = Path(ctxsize.__file__).parent
FUNCTIONS = [name for name in ctxsize.__all__ if inspect.isfunction(getattr(ctxsize, name))]
TYPES = [name for name in ctxsize.__all__ if isinstance(getattr(ctxsize, name), type)]
ALIASES = {"Progress", "Steps", "StrPath"}
"""Types without a class: a hint that uses one shows what it stands for."""


def function(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(ctxsize, name)
    return found


def names_for_checkers(module: Path) -> set[str]:
    """Return the names that a module imports for type checkers only, as its own."""
    return {
        alias.asname
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


def is_private(name: str) -> bool:
    return name.startswith("_")


def parts_of(hint: object) -> Iterator[type]:
    """Yield the classes of the package in a type."""
    if isinstance(hint, type) and hint.__module__.startswith("ctxsize"):
        yield hint
    for part in typing.get_args(hint):
        yield from parts_of(part)


def fields_of(kind: type) -> Iterator[object]:
    """Yield the types of the public fields of a class that has fields."""
    is_dict = typing.is_typeddict(kind)
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields") or is_dict:
        for name, hint in typing.get_type_hints(kind).items():
            if not is_private(name) and typing.get_origin(hint) is not ClassVar:
                yield hint


def reachable() -> dict[type, str]:
    """Return all classes that public functions take or return, each with where it was met."""
    met: dict[type, str] = {}
    pending: list[tuple[object, str]] = []
    for name in FUNCTIONS:
        hints = typing.get_type_hints(function(name))
        pending += [(hint, f"{name}({parameter})") for parameter, hint in hints.items()]
    while pending:
        hint, place = pending.pop()
        for kind in parts_of(hint):
            if kind not in met:
                met[kind] = place
                pending += [(field, kind.__name__) for field in fields_of(kind)]
    return met


def test_the_lists_of_names_agree() -> None:
    for_checkers = names_for_checkers(PACKAGE / "__init__.py")
    assert for_checkers == {*ctxsize.__all__}
    assert dir(ctxsize) == sorted(ctxsize.__all__)
    assert len({*ctxsize.__all__}) == len(ctxsize.__all__)


def test_every_public_name_is_found_at_run_time() -> None:
    found = {name for name in ctxsize.__all__ if hasattr(ctxsize, name)}
    assert found == {*ctxsize.__all__}
    assert not hasattr(ctxsize, "nothing")


def test_every_public_function_is_exported() -> None:
    defined = {
        name
        for module in (api, checking)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    # `of_builds` serves the commands.
    assert {name for name in defined if not is_private(name)} - {*FUNCTIONS} == {
        "of_builds",
    }


@pytest.mark.parametrize("name", [*FUNCTIONS, *TYPES])
def test_hints_can_be_read_at_run_time(name: str) -> None:
    hints = typing.get_type_hints(getattr(ctxsize, name))
    if name in FUNCTIONS:
        assert {*hints} == {*inspect.signature(function(name)).parameters, "return"}


def test_all_types_of_the_public_functions_are_exported() -> None:
    met = reachable()
    assert {ctxsize.Edit, ctxsize.Budget, ctxsize.Severity, ctxsize.CleanPlan} <= met.keys()
    hidden = {
        f"{kind.__module__}.{kind.__name__} of {place}"
        for kind, place in met.items()
        if getattr(ctxsize, kind.__name__, None) is not kind
    }
    assert hidden == set()
    assert {*ctxsize.__all__} >= ALIASES


def test_all_errors_are_exported() -> None:
    pending = [ctxsize.CtxsizeError]
    while pending:
        error = pending.pop()
        assert getattr(ctxsize, error.__name__, None) is error
        pending += error.__subclasses__()


def test_a_build_is_typed_as_it_is_made() -> None:
    """Type checkers read an `__init__` of its own, which also takes `Path`."""
    tree = ast.parse((PACKAGE / "build.py").read_text())
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    build = next(node for node in classes if node.name == "Build")
    methods = [node for node in ast.walk(build) if isinstance(node, ast.FunctionDef)]
    typed = next(node for node in methods if node.name == "__init__")
    fields = [field.name for field in dataclasses.fields(ctxsize.Build)]
    assert [argument.arg for argument in typed.args.args] == ["self", *fields]


def loaded_by(statement: str) -> set[str]:
    """Return the modules of the package that a statement loads in a new process."""
    script = f"{statement}\nimport sys\nprint(*(m for m in sys.modules if 'ctxsize' in m))"
    argv = [sys.executable, "-c", script]
    cwd = PACKAGE.parent
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=True)
    return {*done.stdout.split()}


def test_an_import_loads_next_to_nothing() -> None:
    own = {"ctxsize", "ctxsize.version"}
    assert loaded_by("import ctxsize") == own
    assert loaded_by("import ctxsize; ctxsize.InputError") == own | {"ctxsize.errors"}


def test_a_function_loads_no_types_of_others() -> None:
    loaded = loaded_by("import ctxsize; ctxsize.measure")
    others = {"lints", "advice", "clean", "discovery", "recommender", "scanning", "guard"}
    assert {f"ctxsize.{name}" for name in others} & loaded == set()


def test_every_name_is_imported_first_by_itself() -> None:
    """No name needs that another was imported before."""
    script = "import ctxsize, sys\ngetattr(ctxsize, sys.argv[1])"
    for name in ctxsize.__all__[::9]:
        argv = [sys.executable, "-c", script, name]
        subprocess.run(argv, cwd=PACKAGE.parent, check=True)
