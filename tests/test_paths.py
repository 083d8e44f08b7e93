"""A path is a `str` or an `os.PathLike` in every public function, and one of them is one path."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Union

import pytest

import ctxsize
from ctxsize.build import Options
from tests.engine.test_git import run
from tests.trees import build_tree, file

FUNCTIONS = [name for name in ctxsize.__all__ if inspect.isfunction(getattr(ctxsize, name))]
USUAL: dict[str, dict[str, Any]] = {
    "affected": {"paths": "src/a.py"},
    "explain": {"paths": "src/a.py"},
    "plan_ignore_file": {"mode": "allowlist"},
    "check": {"budget": ctxsize.Budget(max_bytes=10**6)},
    "diff": {"before": "report.json"},
    "diff_commits": {"revisions": "HEAD..HEAD"},
}
"""Further arguments without which a function has no answer."""
PATHS: dict[str, Any] = {
    "context": "ctx",
    "build": "ctx",
    "root": "ctx",
    "directory": "ctx",
    "dockerfile": "ctx/other.Dockerfile",
    "build_contexts": {"more": "more"},
    "like": "like.dockerignore",
    "baseline": "baseline.json",
    "policy": "policy.toml",
    "before": "report.json",
    "after": "ctx",
    "builds": "ctx",
    "others": "ctx",
    "paths": "ctx",
}
"""A path for each parameter that is one."""
OTHERS: dict[tuple[str, str], Any] = {
    ("affected", "paths"): "src/a.py",
    ("explain", "paths"): "src/a.py",
    ("plan_ignore_file", "like"): "like.dockerignore",
}
WORDS = {
    *("target", "build_arguments", "builder", "hidden", "target_written", "platforms"),
    "needed_words",
    *("named", "mode", "name", "revisions", "revision", "against"),
    *("only", "select", "ignore", "ecosystems"),
}
"""Parameters with texts that are no paths."""
LISTS = {"only": "node.modules", "select": "CTX101", "ignore": "CTX101", "ecosystems": "node"}
"""Parameters with several words, and one word."""


class Place:
    """An `os.PathLike` that is no `Path`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def parts(hint: object) -> Iterable[object]:
    """Yield a type and all types in it."""
    yield hint
    for part in typing.get_args(hint):
        yield from parts(part)


def parameters(name: str) -> dict[str, object]:
    """Return the types of all parameters of a function, options by their own names."""
    hints = typing.get_type_hints(getattr(ctxsize, name))
    hints.pop("return")
    if hints.pop("options", None):
        hints |= typing.get_type_hints(Options)
    if hints.pop("choice", None):
        hints |= typing.get_type_hints(ctxsize.FindingChoice)
    return hints


def is_path(hint: object) -> bool:
    return os.PathLike[str] in parts(hint)


def may_be_several(hint: object) -> bool:
    """Return whether a type is a path or an iterable of paths."""
    origins = [typing.get_origin(part) for part in typing.get_args(hint)]
    is_union = typing.get_origin(hint) in (Union, UnionType)
    return is_union and any(isinstance(o, type) and issubclass(o, Iterable) for o in origins)


CASES = [
    pytest.param(name, parameter, id=f"{name}-{parameter}")
    for name in FUNCTIONS
    for parameter, hint in parameters(name).items()
    if is_path(hint)
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a test, with all files that `PATHS` names."""
    dockerfile = b"FROM scratch\nCOPY . .\n"
    nodes = [
        *(file("ctx/Dockerfile", dockerfile), file("ctx/other.Dockerfile", dockerfile * 2)),
        *(file("ctx/.dockerignore", b"*.log\nsrc\n"), file("ctx/src/a.py", b"1"), "ctx/b.log"),
        *(file("ctx/ctxsize.toml", b'max = "1MB"\n'), file("more/c", b"12345")),
        file("like.dockerignore", b"src\n"),
        file("policy.toml", b'max = "1B"\n'),
        file("report.json", b""),
    ]
    root = build_tree(tmp_path / "here", nodes)
    monkeypatch.chdir(root)
    run(root, "init", "-q")
    run(root, "add", "-A", "-f")
    run(root, "commit", "-q", "-m", "all")
    baseline = {"baseline": "baseline.json", "update_baseline": True}
    ctxsize.check("ctx", budget=ctxsize.Budget(max_bytes=10**6), **baseline)
    report = ctxsize.measure("more")
    Path("report.json").write_text(as_json(report))
    return root


def as_json(report: ctxsize.Report) -> str:
    from ctxsize.formats.json import render

    return render(report)


def outcome(name: str, arguments: dict[str, Any]) -> object:
    """Return what a function returns, in a form that can be compared."""
    found = getattr(ctxsize, name)(**arguments)
    return [*found] if name == "ls" else found


def arguments(name: str, parameter: str, value: object) -> dict[str, Any]:
    usual = dict(USUAL.get(name, {}))
    if parameter == "like":
        usual["mode"] = "like"
    if "build" in parameters(name) and parameter not in ("builds", "others", "build"):
        usual.setdefault("build", "ctx")
    if name == "lint" and parameter == "paths":
        del usual["build"]
    return {**usual, parameter: value}


def as_kind(kind: type, value: Any) -> Any:
    """Return a path as a value of another class; of a mapping its values."""
    if isinstance(value, dict):
        return {key: as_kind(kind, each) for key, each in value.items()}
    return kind(value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_parameter_is_known(name: str) -> None:
    hints = parameters(name)
    texts = {each for each, hint in hints.items() if str in parts(hint)}
    assert {each for each in texts if not is_path(hints[each])} <= WORDS
    assert {each for each in texts if is_path(hints[each])} <= PATHS.keys()


@pytest.mark.parametrize(("name", "parameter"), CASES)
@pytest.mark.parametrize("kind", [Path, Place])
def test_any_kind_of_path_is_one(here: Path, name: str, parameter: str, kind: type) -> None:
    text = OTHERS.get((name, parameter), PATHS[parameter])
    expected = outcome(name, arguments(name, parameter, text))
    assert outcome(name, arguments(name, parameter, as_kind(kind, text))) == expected
    if may_be_several(parameters(name)[parameter]):
        assert outcome(name, arguments(name, parameter, [as_kind(kind, text)])) == expected
        assert outcome(name, arguments(name, parameter, [text])) == expected


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, each) for name in FUNCTIONS for each in parameters(name) if each in LISTS],
)
def test_one_word_is_one(here: Path, name: str, parameter: str) -> None:
    build_tree(here / "ctx/web", [file("package.json", b"{}"), file("node_modules/.yarn", b"1")])
    usual: dict[str, Any] = {"build": "ctx"} if "build" in parameters(name) else {"root": "ctx"}
    word = "CTX201" if name == "advise" else LISTS[parameter]
    assert outcome(name, {**usual, parameter: word}) == outcome(name, {**usual, parameter: [word]})


def test_a_build_keeps_paths_as_texts() -> None:
    contexts = {"more": Path("d/e")}
    build = ctxsize.Build(Path("a"), Path("b/c"), build_contexts=contexts, platforms=["x", "y"])
    assert (build.context, build.dockerfile) == ("a", "b/c")
    assert (build.build_contexts, build.platforms) == ({"more": "d/e"}, ("x", "y"))
    assert ctxsize.Build(platforms="linux/amd64").platforms == ("linux/amd64",)


def test_lint_of_a_text_is_lint_of_that_path(here: Path) -> None:
    (linted,) = ctxsize.lint(str(here / "ctx")).files
    assert linted.path == str(here / "ctx/.dockerignore")


@pytest.mark.parametrize("value", [3, object()])
def test_what_is_no_path_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike"):
        ctxsize.measure(value)
