"""Dockerfiles that stand in a Compose or Bake file: their rewrites as changes of that file.

Understood are literal blocks of YAML, heredocs of HCL, and strings in quotes.
Lines that stay are left as they are written there, variables and all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository
from ctxsize.findings import Edit, Finding

_BLOCK = re.compile(r"^(?P<indent>\s*)dockerfile_inline\s*:\s*\|[-+]?\s*(?:#.*)?$")
_HEREDOC = re.compile(r"^\s*\"?dockerfile-inline\"?\s*=\s*<<-?(?P<name>\w+)\s*$")


@dataclass(frozen=True)
class _Block:
    """The lines of a file that hold a Dockerfile, as `range` takes them, and their indent."""

    start: int
    end: int
    indent: str


def shown(repository: Repository, finding: Finding) -> Finding:
    """A finding whose fix, if it can be one, is of files that are there; no hidden value in it."""
    finding = _masked(repository, finding)
    if finding.fix is None:
        return finding
    edits = [in_file(repository, edit) for edit in finding.fix.edits]
    kept = tuple(edit for edit in edits if edit is not None)
    whole = len(kept) == len(edits)
    return replace(finding, fix=replace(finding.fix, edits=kept) if whole else None)


def _masked(repository: Repository, finding: Finding) -> Finding:
    """`finding` with what is written in place of values that files and the environment give."""
    hidden = [(each, recipe) for recipe in repository.recipes for each in recipe.builds]
    for found, recipe in hidden:
        if found.build.hidden:
            text = recipe.data.decode("utf-8", "replace")
            mask = partial(found.build.masked, openly="" if found.inline else text)
            finding = replace(
                finding,
                message=mask(finding.message),
                evidence=tuple(map(mask, finding.evidence)),
                help=mask(finding.help),
                fix=finding.fix and replace(finding.fix, message=mask(finding.fix.message)),
            )
    return finding


def in_file(repository: Repository, edit: Edit) -> Edit | None:
    """`edit` as one of the file that holds the Dockerfile; None if that is not understood."""
    recipe = next((e for e in repository.recipes if e.inline and e.path == edit.path), None)
    if recipe is None:
        return edit
    path = recipe.builds[0].where.path
    before = _file(repository, path)
    after = _replaced(before, recipe, edit.before or b"", edit.after)
    return None if after is None else Edit(path, before.encode(), after.encode())


def changed_files(repository: Repository) -> dict[str, bytes]:
    """The files as the changes of `repository` leave them, by path."""
    inline = {recipe.path: recipe for recipe in repository.recipes if recipe.inline}
    files = {path: data for path, data in repository.changed.items() if path not in inline}
    for path in repository.changed.keys() & inline.keys():
        held = inline[path].builds[0].where.path
        files[held] = _file(repository, held).encode()
    return files


def _file(repository: Repository, path: str) -> str:
    """A file that holds Dockerfiles, as the changes of these leave it."""
    text = (repository.content(path) or b"").decode("utf-8", "surrogateescape")
    for recipe in repository.recipes:
        data = repository.changed.get(recipe.path) if recipe.inline else None
        if data is not None and recipe.builds[0].where.path == path:
            text = _replaced(text, recipe, recipe.builds[0].inline or b"", data) or text
    return text


def _replaced(text: str, recipe: Recipe, before: bytes, after: bytes) -> str | None:
    """The file `text` with another Dockerfile in it."""
    escape = _ESCAPES.get(recipe.builds[0].how, str)
    old, new = (data.decode("utf-8", "surrogateescape") for data in (before, after))
    if "\r\n" in text:
        made = _replaced(text.replace("\r\n", "\n"), recipe, before, after)
        return None if made is None else made.replace("\n", "\r\n")
    lines = text.split("\n")
    for block in (*_blocks(lines), *_heredocs(lines)):
        written = [each.removeprefix(block.indent) for each in lines[block.start : block.end]]
        if _same(written, old.rstrip("\n").split("\n")):
            merged = _merged(lines, block, old, new, escape)
            return None if merged is None else "\n".join(merged)
    quoted = json.dumps(escape(old))
    return text.replace(quoted, json.dumps(escape(new))) if text.count(quoted) == 1 else None


_ESCAPES: dict[str, Callable[[str], str]] = {
    "compose": lambda text: text.replace("$", "$$"),
    "bake": lambda text: text.replace("${", "$${").replace("%{", "%%{"),
}
"""How text is written that is not to be taken for a variable."""


def _blocks(lines: list[str]) -> Iterator[_Block]:
    for number, line in enumerate(lines):
        if match := _BLOCK.match(line):
            end = number + 1
            while end < len(lines) and (
                not lines[end].strip() or _indent(lines[end]) > match["indent"]
            ):
                end += 1
            while end > number + 1 and not lines[end - 1].strip():
                end -= 1
            yield _Block(number + 1, end, _indent(lines[number + 1]) if end > number + 1 else "")


def _heredocs(lines: list[str]) -> Iterator[_Block]:
    for number, line in enumerate(lines):
        if match := _HEREDOC.match(line):
            ends = (
                at for at in range(number + 1, len(lines)) if lines[at].strip() == match["name"]
            )
            end = next(ends, number + 1)
            inside = [_indent(each) for each in lines[number + 1 : end] if each.strip()]
            indent = min(inside, key=len, default="") if "<<-" in line else ""
            yield _Block(number + 1, end, indent)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _same(written: list[str], old: list[str]) -> bool:
    """Whether these are the lines of the Dockerfile, but for what variables stand for."""
    pairs = zip(written, old, strict=False)
    return len(written) == len(old) and all("$" in a or a.rstrip() == b.rstrip() for a, b in pairs)


def _merged(
    lines: list[str], block: _Block, old: str, new: str, escape: Callable[[str], str]
) -> list[str] | None:
    """The lines of the file with the new Dockerfile; None if a line that goes has variables."""
    before, after = (text.rstrip("\n").split("\n") for text in (old, new))
    written = lines[block.start : block.end]
    made: list[str] = []
    for kind, first, last, start, end in SequenceMatcher(None, before, after, False).get_opcodes():
        if kind == "equal":
            made += written[first:last]
            continue
        for here, text in zip(written[first:last], before[first:last], strict=True):
            if here.strip() != escape(text).strip():
                return None
        made += [f"{block.indent}{escape(each)}" if each else each for each in after[start:end]]
    return [*lines[: block.start], *made, *lines[block.end :]]
