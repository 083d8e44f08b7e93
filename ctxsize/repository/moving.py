"""Lines of an ignore file as paths from another directory, tried on the builds that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from os.path import dirname, join, lexists, realpath, relpath
from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.dockerfiles import read_ignore_file
from ctxsize.engine.explanation import Explanation, explain
from ctxsize.engine.ignorefile import sent_text
from ctxsize.engine.patterns import EVERYTHING, pattern_for
from ctxsize.engine.plan import Plan, with_ignore_file
from ctxsize.engine.source_lookup import Sources
from ctxsize.engine.transfer_requests import sources_of
from ctxsize.errors import CtxsizeError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.knowledge.rules import listed
from ctxsize.reader import is_in

_MOST_TRIED = 500  # lines of a file


class Tried(NamedTuple):
    """The lines of an ignore file that ignore something, tried in another one."""

    harmful: list[str]
    others: list[str]


def tried(path: str, present: str | None, plans: Sequence[Plan]) -> Tried:
    """Return what the lines of the file at `path` do to `plans`, behind those of `present`.

    Raises `InputError` if a file cannot be read.
    """
    if not plans:
        return Tried([], [])
    home = relpath(realpath(dirname(path) or "."), plans[0].root)
    texts = []
    if present:
        texts += read_ignore_file(present).texts()
    written = {}
    for line in read_ignore_file(path).texts():
        pattern = sent_text(line)
        if pattern:
            written[len(texts)] = line.strip()
            texts.append(as_path_from_above(pattern, home))
    harmful = harmful_lines(plans, texts, written.keys(), home)
    by_harm = Tried([], [])
    for index, line in written.items():
        if index in harmful:
            by_harm.harmful.append(line)
        elif line[0] != "!":
            by_harm.others.append(line)
    return by_harm


def as_path_from_above(pattern: str, home: str) -> str:
    """Return a pattern that counts from `home` as a path from the context.

    >>> as_path_from_above("!src", "web"), as_path_from_above("**/x", "a/b")
    ('!web/src', 'a/b/**/x')
    """
    path = pattern.removeprefix("!")
    return f"{pattern.removesuffix(path)}{pattern_for(home) or home}/{path}"


def harmful_lines(
    plans: Sequence[Plan], texts: Sequence[str], moved: Set[int], home: str
) -> set[int]:
    """Return those of the `moved` lines, by index, that hide what a build takes below `home`.

    `texts` are all lines of the ignore file that `plans` would read. A line does harm that hides a
    source of a COPY, an ADD or a mount, or a manifest. All do if there are too many to try.
    """
    if len(texts) > _MOST_TRIED:
        return {*moved}
    harmful = set[int]()
    while True:
        left = [*texts]
        for index in harmful:
            left[index] = "#"
        data = "\n".join(left).encode("utf-8", "surrogateescape")
        new = set()
        for plan in plans:
            for hidden in _hidden(plan, data, home):
                decider = hidden.verdict.by
                if hidden.verdict.ignored and decider is not None:
                    new.add(decider.line - 1)
        new &= moved
        if not new:
            return harmful
        harmful |= new


def _hidden(plan: Plan, data: bytes, home: str) -> Iterator[Explanation]:
    """Yield what decides about the sources below `home`, and about the manifests there."""
    with suppress(CtxsizeError, OSError):
        lines = dict[int, None]()
        is_taken = False
        for source in sources_of(plan):
            is_taken = is_taken or _holds(source.path, home)
            if has_wildcards(source.path) or _holds(home, source.path):
                lines[source.line] = None
        if not lines and not is_taken:
            return
        attempt = with_ignore_file(replace(plan, builder=BUILDERS["buildkit"]), data)
        sources = Sources(attempt)
        for line in lines:
            for check in sources.check(str(line)):
                yield from check.hidden
        if is_taken:
            yield from _hidden_manifests(attempt, home)


def _holds(directory: str, path: str) -> bool:
    """Return whether a path of a context is a directory of it or lies below it."""
    return directory == "." or is_in(path, directory)


def _hidden_manifests(plan: Plan, home: str) -> Iterator[Explanation]:
    for name in listed("manifests"):
        path = f"{home}/{name}"
        if not lexists(join(plan.root, path)):
            continue
        explained = explain(plan, path)
        decider = explained.verdict.by
        # A list of what is let in leaves out the others on purpose.
        if decider is not None and decider.text.removeprefix(f"{home}/") not in EVERYTHING:
            yield explained
