"""Find the files of a context without which the commands of a Dockerfile fail.

A command names a script or a manifest, and that names further files; `reads.toml` lists how. All of
them are followed to the context through the places at which COPY puts them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from posixpath import dirname, join, normpath, split
from stat import S_ISREG
from typing import Any, NamedTuple

from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.engine.plan import Plan
from ctxsize.go.wildcards import fixed_part, has_wildcards, match
from ctxsize.knowledge.rules import joined, table
from ctxsize.knowledge.tools import run_by, works
from ctxsize.recommender.evidence import Tracked, small_file, text_of
from ctxsize.recommender.placed import Placed, relative
from ctxsize.recommender.tree import Tree
from ctxsize.syntax import Command

_MOST_STEPS, _MOST_MENTIONS = 500, 200  # of a Dockerfile, and of one file
_MOST_FILES, _LARGEST = 1_000, 128 * 1024  # files that a pattern stands for, bytes of one file
_MOST_WORK = 1_000_000  # number of microseconds, roughly, for all files of a context
_NEVER = r"(?!)"
_BRACKET = re.compile(r"[\[\](){};]")
_MAY_PASS = re.compile(r"[;|`()!]|(?<!\\)\n|(?<!\$)\{|(?<![&>])&(?![&>])|<<")
"""Expression for parts of a RUN that may survive the failure of a command."""


@dataclass(frozen=True)
class Reference:
    """A place that names files of the context; a build needs one of them."""

    by: str  # the path of the file that names them; `""` for the Dockerfile
    at: str  # the place, as `src/lib.rs:1`
    files: tuple[str, ...]
    is_copy: bool = False  # True for a COPY from a stage

    def breaks(self, is_sent: Callable[[str], bool]) -> bool:
        """Return True if a build fails here because nothing of it is sent."""
        return (not self.by or is_sent(self.by)) and not any(map(is_sent, self.files))

    def is_of_sources(self, git: Tracked) -> bool:
        """Return False for files that git ignores: they are made before or while it is built."""
        copied = self.is_copy and git.first(self.files[0]) is not None
        return copied or not (self.is_copy or all(map(git.ignores, self.files)))


class _Mention(NamedTuple):
    """Alternative paths in the image, the kind of file there, and the place that names them."""

    paths: tuple[str, ...]
    then: str = ""
    optional: bool = False
    descends: str = ""
    by: str = ""
    at: str = ""


def _code(kind: Mapping[str, Any], text: str) -> str:
    """Return a text of equal length without what the tool may skip."""
    code = text
    parts = list[str]()
    at = 0
    if "masked" in kind:
        code = re.sub(joined(table("reads.toml")["token"]), _mask, text)
    for found in re.finditer(kind.get("left_out", _NEVER), code):
        if found.start() >= at:
            if "items" in kind:
                end = _end(code, found)
            else:
                end = found.end()
            parts += code[at : found.start()], " " * (end - found.start())
            at = end
    return "".join(parts) + code[at:]


def _mask(found: re.Match[str]) -> str:
    token = found[0]
    if not token.startswith("/"):
        return f'"{"_" * (len(token) - 2)}"'
    if token.startswith("//go:"):
        return token
    return re.sub(r"[^\n]", " ", token)


def _end(code: str, start: re.Match[str]) -> int:
    """Return the end of the item behind an attribute, or of one about all that is around it."""
    depth = 0
    inner = "!" in start[0] and start[0].startswith("#")
    for found in _BRACKET.finditer(code, start.start()):
        depth += (found[0] in "[({") - (found[0] in "])}")
        if depth < 0 or (depth == 0 and found[0] in ("]" if inner else "};")):
            if inner and start[0].endswith("cfg"):
                return len(code)
            return found.end()
    return len(code)


def _words(row: Mapping[str, Any], text: str, code: str) -> Iterator[tuple[int, str]]:
    """Yield the line and each word that a row finds in a text; `code` is the part to search."""
    for found in islice(re.finditer(row["find"], code), _MOST_MENTIONS):
        start, end = found.span("path" if "path" in found.re.groupindex else 0)
        if "equals" not in row or text[slice(*found.span("equals"))] == row["equals"]:
            for each in re.finditer(row.get("each", r"(?s).+"), text[start:end]):
                word = each[each.lastindex or 0]
                at = start + each.start(each.lastindex or 0)
                if "\\" not in word and not code[at : at + 1].isspace():  # not in a comment
                    yield text.count("\n", 0, at) + 1, word


def _started(command: Command) -> Iterator[_Mention]:
    """Yield what a command reads, relative to the directory in which it runs."""
    run = run_by(command)
    known = table("reads.toml")
    word = "".join(run.words[:1])
    begins = " ".join(run.operands)
    is_script = "/" in word
    if run.words != command.words:  # an interpreter with options may run no script
        is_script = command.words[1:] == run.words
        is_script &= re.fullmatch(known["interpreters"], command.program) is not None
    if is_script:
        yield _Mention((word,))
    for row in known["starts"].values():
        is_it = re.fullmatch(row["program"], run.program) and re.match(row.get("run", ""), begins)
        without = row.get("without", "").split()
        if not is_it or run.has(*without) or any(each[:2] in without for each in run.arguments):
            continue
        if row.get("then") == "go":
            pairs = pairwise(run.words[1:])
            valued = known["go_valued"].split()
            words = [e for before, e in pairs if e[:1] != "-" and before not in valued]
            for word in words or ["."]:  # a file, all packages below a directory, or one package
                if word.endswith((".go", "/...")):
                    path = dirname(word)
                else:
                    path = word
                if word.endswith("/..."):
                    yield _Mention((path,), "go", optional=True, descends=known["go_skipped"])
                elif path != word or word.startswith((".", "/")):
                    yield _Mention((join(path, "*.go"),), "go")
            continue
        both = [*pairwise(run.words), *(each.split("=", 1) for each in run.words if "=" in each)]
        given = [(value,) for name, value in both if name in row.get("option", "").split()]
        for paths in given or [tuple(row.get("default", "").split())]:
            yield _Mention(paths, row.get("then", ""), not given and row.get("optional", False))


class References:
    """The references of the builds of one context. Only files that are sent are read."""

    def __init__(self, tree: Tree, is_sent: Callable[[str], bool]) -> None:
        self._tree = tree
        self._is_sent = is_sent
        self._left = _MOST_WORK
        self._text = lru_cache(maxsize=64)(self._read_text)

    def of(self, plan: Plan, names: Collection[str] = ("",)) -> Iterator[Reference]:
        """Yield those of one Dockerfile; `names` are the names of this context in its build."""
        ends = dict[BuiltStage | None, Placed]()
        dockerfile = plan.parsed.dockerfile
        short = len(dockerfile.instructions) <= _MOST_STEPS
        if short:
            stages = built_stages(dockerfile, plan.build.build_arguments)
        else:
            stages = ()
        target = plan.build.target.lower()
        needed = set[BuiltStage | None]()
        named = [each for each in stages if target in (each.label, str(each.stage.index))]
        for stage in reversed(stages):
            if stage in needed or stage in (named or stages)[-1:]:
                mounted = {mount.origin for step in stage.steps for mount in step.mounts}
                origins = {*(step.origin for step in stage.steps), *mounted}
                needed |= {stage, stage.parent, *map(stage.origin, origins)}
        for stage in (each for each in stages if each in needed):
            here = ends.get(stage.parent, Placed(self._tree))
            for step in stage.steps:
                where = f"{plan.dockerfile}:{step.line}"
                origin = stage.origin(step.origin)
                if step.is_run:
                    yield from self._of_run(step, where, here.mounted(step, names))
                    here = here.after(step)
                elif step.is_copy:
                    if origin is not None:
                        for path in self._of_copy(step, origin, ends[origin]):
                            yield Reference("", where, (path,), is_copy=True)
                    here = here.copied(step, names)
            ends[stage] = here

    def _of_copy(self, step: StageStep, origin: BuiltStage, there: Placed) -> Iterator[str]:
        """Yield the paths of the context that a COPY takes from a stage, which makes none there."""
        made = [join("/", origin.end.directory.text), *(each.target for each in there.copies)]
        made += [each.workdir for each in origin.history]
        tools = {each.tool for command, _ in there.ran for each in works(command)}
        if any("package.json" in each.files for each in tools):
            return  # the scripts of a package make any files
        for source in step.taken[:_MOST_MENTIONS]:
            self._left -= 60 + 5 * (len(made) + len(there.ran))
            path = fixed_part(source) or "/"  # a pattern needs the directory before it
            if all(relative(each, path) is None for each in made):
                if there.is_alone(path):
                    found = there.origin(path)
                else:
                    found = None
                yield from (found,) if found else ()

    def _of_run(self, step: StageStep, where: str, here: Placed) -> Iterator[Reference]:
        """Yield what the commands of a RUN that needs all of them name, and what that names."""
        if len(step.commands) > _MOST_MENTIONS or _MAY_PASS.search(step.instruction.text):
            return
        for at, command in step.located:
            found = _started(command)
            first = (e._replace(paths=tuple(join(at, p) for p in e.paths)) for e in found)
            yield from self._followed(deque(e._replace(at=where) for e in first), here)
            here = here.after(step, command)

    def _followed(self, pending: deque[_Mention], here: Placed) -> Iterator[Reference]:
        seen = set[str]()
        known = set[object]()
        while pending and self._left > 0:
            mention = pending.popleft()
            if mention[:-2] in known:
                continue
            known.add(mention[:-2])
            self._left -= 60 + 5 * (len(here.ran) + len(here.copies))
            found = self._found(mention, here)
            files = tuple(sorted(found.values()))
            if files and not mention.optional and all(map(here.is_alone, found)):
                yield Reference(mention.by, mention.at, files)
            for path in [each for each in found if mention.then and each not in seen]:
                seen.add(path)
                pending += self._mentions(mention.then, path, found[path], here)

    def _mentions(self, then: str, path: str, file: str, here: Placed) -> Iterator[_Mention]:
        """Yield what a file of the context, which is at `path` of the image, names."""
        kind = table("reads.toml")["reads"][then]
        text = self._text(file)
        (top, name) = split(path)
        named = re.fullmatch(kind.get("not_named", _NEVER), name)
        if named or re.search(kind.get("unlike", _NEVER), text):
            return
        is_root = name in kind.get("roots", name).split()
        around = kind.get("around", "")
        places = {"dir": top, "below": top if is_root else path[:-3]}
        while here.origin(join(top, around)) is None and top != "/":
            top = dirname(top)
        manifest = self._text(here.origin(join(top, around)) or "")
        module = re.search(kind.get("module", _NEVER), manifest)
        code = _code(kind, text)
        for row in kind["rows"]:
            for line, word in _words(row, text, code):
                self._left -= 20
                bare = word.removeprefix("all:")
                descends = row.get("descends" if bare == word else "descends_all", "")
                if module:
                    below = relative(f"/{word}", f"/{module[1]}")
                else:
                    below = None
                if "of_module" in row and below is None:
                    continue
                if "of_module" in row:
                    bare = below or "."
                else:
                    bare = bare
                paths = tuple(e.format(bare, top=top, **places) for e in row["paths"].split())
                then = row.get("then", "")
                optional = row.get("optional", False)
                yield _Mention(paths, then, optional, descends, file, f"{file}:{line}")

    def _found(self, mention: _Mention, here: Placed) -> dict[str, str]:
        """Return the files of the context that a mention means, by their paths in the image."""
        found = dict[str, str]()
        pending = [("/", path.split("/")) for path in mention.paths]
        while pending and len(found) <= _MOST_FILES and self._left > 0:
            path, parts = pending.pop()
            if parts and not has_wildcards(parts[0]):
                pending.append((normpath(join(path, parts[0])), parts[1:]))
            elif (origin := here.origin(path)) is not None:
                names = self._tree.names(origin)
                file = self._tree.snapshot.file(origin)
                self._left -= len(names)
                if parts:
                    pending += [(join(path, e), parts[1:]) for e in names if match(parts[0], e)]
                elif file is not None and S_ISREG(file.st_mode):
                    found[path] = origin
                elif mention.descends and ("go.mod" not in names or mention.then):
                    inner = (e for e in names if not re.fullmatch(mention.descends, e))
                    pending += [(join(path, e), []) for e in inner]
        if pending:
            return {}
        return found

    def _read_text(self, path: str) -> str:
        """Return the text of a file that is sent, unless it is large or too much was read."""
        size = self._tree.size_bytes(path)
        self._left -= 500 + size // 16
        is_read = 0 < size <= _LARGEST and self._left > 0 and self._is_sent(path)
        if is_read:
            return text_of(small_file(self._tree.snapshot.plan.root, path))
        return ""
