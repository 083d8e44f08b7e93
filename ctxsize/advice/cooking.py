"""A `cargo chef cook` written anew, so that a build can use what it compiles."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator

from ctxsize.advice.caches import fixed
from ctxsize.advice.cargo import CargoRun
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.rewrite import Change
from ctxsize.advice.script import Script, Splice
from ctxsize.findings import Fix

_ALONE = ("--release", "-r", "--all-features", "--no-default-features")
_WITH_VALUE = ("--profile", "--target", "--features", "-F", "--target-dir")
_RECIPE = "--recipe-path"
_FLAGS = "RUSTFLAGS"


def cooked_alike(recipe: Recipe, cook: CargoRun, build: CargoRun, *, needed: bool) -> Fix | None:
    """The RUN that cooks with the options, flags and directory of `build`.

    If what it cooks is `needed` by another build, it stays and a second one is put behind it.
    """
    script = recipe.script(cook.step)
    splice = _cooks(script, cook, build)
    if splice is None:
        return None
    change = script.change([splice])
    lines = change.lines
    if cook.workdir != build.workdir and _elsewhere(cook, build):
        lines = (f"WORKDIR {build.workdir}", *lines, f"WORKDIR {cook.step.workdir}")
    if needed:
        change = Change(change.last + 1, change.last, lines)
    else:
        change = Change(change.first, change.last, lines)
    return fixed(recipe, change, f"cook as line {build.step.line} builds")


def _elsewhere(cook: CargoRun, build: CargoRun) -> bool:
    return not f"{build.workdir}/".startswith(f"{cook.workdir.rstrip('/')}/")


def _cooks(script: Script, cook: CargoRun, build: CargoRun) -> Splice | None:
    """The command in its RUN; None where it stands in a script of its own."""
    words, flags = [*_cook_words(cook, build)], _flags_of(build)
    if script.instruction.arguments == cook.command.words:
        new = json.dumps(words) if not flags else f"{_FLAGS}={quoted(flags)} {_joined(words)}"
        return script.command, len(script.raw), new
    front = [
        f"{name}={quoted(value)}" for name, value in cook.command.assignments if name != _FLAGS
    ]
    front += [f"{_FLAGS}={quoted(flags)}"] if flags else []
    new = " ".join((*front, _joined(words)))
    span = script.span_of(cook.command, new)
    return None if span is None else (*span, new)


def _cook_words(cook: CargoRun, build: CargoRun) -> Iterator[str]:
    """Its words, with the options of the build behind `cook` instead of its own."""
    own = [*_without(cook.command.words, cook, build)]
    at = own.index("cook") + 1
    yield from own[:at]
    yield from _options(build.command.words)
    yield from own[at:]
    if _elsewhere(cook, build):
        written = cook.command.value(_RECIPE) or "recipe.json"
        yield from (_RECIPE, posixpath.join(cook.workdir, written))


def _without(words: tuple[str, ...], cook: CargoRun, build: CargoRun) -> Iterator[str]:
    """The words of the cooking without what it must have in common with the build."""
    dropped = (*_WITH_VALUE, _RECIPE) if _elsewhere(cook, build) else _WITH_VALUE
    following = iter(words)
    for word in following:
        if word in dropped:
            next(following, None)
        elif word not in _ALONE and word.partition("=")[0] not in dropped:
            yield word


def _options(words: tuple[str, ...]) -> Iterator[str]:
    following = iter(words)
    for word in following:
        if word in _WITH_VALUE:
            yield from (word, next(following, ""))
        elif word in _ALONE or word.partition("=")[0] in _WITH_VALUE:
            yield word


def _flags_of(build: CargoRun) -> str:
    """The RUSTFLAGS of the build, `""` for none."""
    return dict(build.command.assignments).get(_FLAGS) or build.step.environment.get(_FLAGS, "")


def _joined(words: list[str]) -> str:
    return " ".join(map(quoted, words))


def quoted(word: str) -> str:
    """A word for the shell; variables in it keep their meaning, and so does what it runs."""
    if "$" not in word:
        return shlex.quote(word)
    return word if "$(" in word else '"' + word.replace('"', '\\"') + '"'
