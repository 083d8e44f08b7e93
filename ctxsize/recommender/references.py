"""Find the files of a context without which the commands of a Dockerfile fail.

A command names a script or a manifest, and that names further files. All of them are followed to
the context through the places at which COPY puts them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial
from posixpath import dirname, join, normpath, relpath, split

from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.engine.plan import Plan
from ctxsize.go.wildcards import fixed_part, has_wildcards, match
from ctxsize.knowledge.tools import run_by, works
from ctxsize.model import Texts
from ctxsize.recommender.evidence import small_text
from ctxsize.recommender.mentions import (
    MOST_MENTIONS,
    NEVER,
    Mention,
    MentionRow,
    mentions_of,
    read_kinds,
    words_in,
)
from ctxsize.recommender.placed import Placed, placed_steps, relative
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import ContextFiles
from ctxsize.syntax import Command
from ctxsize.values import Value

_MOST_FILES = 1_000  # that a pattern stands for
_LARGEST_BYTES = 128 * 1024  # of one file
_MOST_WORK = 1_000_000  # units of work for all files of a context; a file that is read costs 500
_PLAIN = r"[\w./][\w./-]{0,40}"  # a word that is no option
_MAY_PASS = r"[;|`()!]|(?<!\\)\n|(?<!\$)\{|(?<![&>])&(?![&>])|<<"
"""Expression for parts of a RUN that may survive the failure of a command."""


class Reference(Value):
    """A place that names files of the context; a build needs one of them."""

    by: str  # the path of the file that names them; `""` for the Dockerfile
    at: str  # the place, as `src/lib.rs:1`
    files: Texts
    is_copy: bool = False  # True for a COPY from a stage

    def breaks(self, is_sent: Callable[[str], bool]) -> bool:
        """Return True if a build fails here because nothing of it is sent."""
        if self.by and not is_sent(self.by):
            return False
        return not any(map(is_sent, self.files))

    def is_of_sources(self, git: Tracked) -> bool:
        """Return False for files that git ignores: they are made before or while it is built."""
        if self.is_copy:
            return git.tracks(self.files[0])
        return not all(map(git.ignores, self.files))


class Missing(Value):
    """A file of the context that no COPY brings before the command that cannot do without it."""

    by: str  # the path of the file that names it
    at: str  # the place, as `pyproject.toml:4`
    file: str
    command: str
    line: int  # of the RUN


class References:
    """The references of the builds of one context. Only files that are sent are read."""

    def __init__(
        self, files: ContextFiles, is_sent: Callable[[str], bool], *, installing: bool = False
    ) -> None:
        """Find those of all commands; with `installing`, only those of what installs a project."""
        self.missing: list[Missing] = []  # of what was searched so far
        self._installing = installing
        self._entries = files
        self._is_sent = is_sent
        self._left = _MOST_WORK
        self._text = lru_cache(maxsize=64)(self._read_text)

    def of(self, plan: Plan, names: Collection[str]) -> Iterator[Reference]:
        """Yield those of one Dockerfile; `names` are the names of this context in its build."""
        for stage, step, here, ends in placed_steps(plan, names, self._entries):
            where = f"{plan.dockerfile}:{step.line}"
            if step.is_run:
                yield from self._of_run(step, where, here.mounted(step, names))
            origin = step.is_copy and stage.origin(step.origin)
            if origin:
                for path in self._of_copy(step, origin, ends[origin]):
                    yield Reference("", where, (path,), is_copy=True)

    def _of_copy(self, step: StageStep, origin: BuiltStage, there: Placed) -> Iterator[str]:
        """Yield the paths of the context that a COPY takes from a stage, which makes none there."""
        for command, _ in there.ran:
            if any("package.json" in work.tool.files for work in works(command)):
                return  # the scripts of a package make any files
        outputs = [
            join("/", origin.end.directory.text),
            *(copy.target for copy in there.copies),
            *(earlier.workdir for earlier in origin.history),
        ]
        for source in step.taken[:MOST_MENTIONS]:
            self._left -= 60 + 5 * (len(outputs) + len(there.ran))
            path = fixed_part(source) or "/"  # a pattern needs the directory before it
            if any(relative(output, path) is not None for output in outputs):
                continue
            file = there.origin(path)
            if file and there.is_alone(path):
                yield file

    def _of_run(self, step: StageStep, where: str, here: Placed) -> Iterator[Reference]:
        """Yield what the commands of a RUN that needs all of them name, and what that names."""
        if len(step.commands) > MOST_MENTIONS:
            return
        if re.search(_MAY_PASS, step.instruction.text):
            return
        for directory, command in step.located:
            pending = deque[Mention]()
            for mention in mentions_of(command, step.environment, installing=self._installing):
                paths = tuple(join(directory, path) for path in mention.paths)
                pending.append(mention._replace(paths=paths, at=where))
            yield from self._follow(pending, here, partial(self._note_missing, step, command))
            here = here.after(step, command)

    def _note_missing(
        self, step: StageStep, command: Command, mention: Mention, here: Placed
    ) -> None:
        """Keep a file that must be copied if none may be there, but the context has it."""
        for path, file in zip(mention.paths, mention.origins, strict=False):
            if self._entries.is_file(file) and not here.may_hold(path):
                missing = Missing(mention.by, mention.at, file, in_short(command), step.line)
                self.missing.append(missing)

    def _follow(
        self,
        pending: deque[Mention],
        here: Placed,
        note_missing: Callable[[Mention, Placed], None],
    ) -> Iterator[Reference]:
        read = set()
        known = set()
        while pending and self._left > 0:
            mention = pending.popleft()
            meaning = mention[:-2]  # without the place that names it
            if meaning in known:
                continue
            known.add(meaning)
            self._left -= 60 + 5 * (len(here.ran) + len(here.copies))
            files = self._files(mention, here)
            if files and not mention.optional and all(map(here.is_alone, files)):
                yield Reference(mention.by, mention.at, tuple(sorted(files.values())))
            if not files:
                note_missing(mention, here)
            for path, file in files.items():
                for kind in mention.then.split():
                    if (kind, path) not in read:
                        read.add((kind, path))
                        pending += self._mentions(kind, path, file, here, mention.chosen)

    def _mentions(
        self, then: str, path: str, file: str, here: Placed, chosen: Texts
    ) -> Iterator[Mention]:
        """Yield what a file of the context, which is at `path` of the image, names."""
        kind = read_kinds()[then]
        text = self._text(file)
        if not kind.has_chosen(text, chosen):
            return
        if kind.named != NEVER:
            chosen = ()  # of a chosen package, all is followed on which it depends
        directory, name = split(path)
        if re.fullmatch(kind.not_named, name):
            return
        if re.search(kind.unlike, text):
            return
        below = path[:-3]
        if name in kind.roots.split():
            below = directory
        top = directory
        while here.origin(join(top, kind.around)) is None and top != "/":
            top = dirname(top)
        module = re.search(kind.module, self._text(here.origin(join(top, kind.around)) or ""))
        code = kind.code(text)
        for row in kind.rows:
            for line, word in words_in(row, text, code):
                self._left -= 20
                subject = word.removeprefix("all:")
                descends = row.descends
                if subject != word:
                    descends = row.descends_all
                if row.of_module:
                    package = module and relative(f"/{word}", f"/{module[1]}")
                    if package is None:
                        continue
                    subject = package or "."
                paths = tuple(
                    template.format(subject, top=top, dir=directory, below=below)
                    for template in row.paths.split()
                )
                yield Mention(
                    paths,
                    row.then,
                    row.optional,
                    descends=descends,
                    chosen=chosen,
                    origins=_origins(row, file, path, paths),
                    by=file,
                    at=f"{file}:{line}",
                )

    def _files(self, mention: Mention, here: Placed) -> dict[str, str]:
        """Return the files of the context that a mention means, by their paths in the image."""
        files = dict[str, str]()
        pending = [("/", path.split("/")) for path in mention.paths]
        while pending:
            if len(files) > _MOST_FILES or self._left <= 0:
                return {}
            path, parts = pending.pop()
            if parts and not has_wildcards(parts[0]):
                pending.append((normpath(join(path, parts[0])), parts[1:]))
                continue
            origin = here.origin(path)
            if origin is None:
                continue
            names = self._entries.names(origin)
            self._left -= len(names)
            if parts:
                matching = [name for name in names if match(parts[0], name)]
                pending += [(join(path, name), parts[1:]) for name in matching]
            elif self._entries.is_file(origin):
                files[path] = origin
            elif mention.descends and ("go.mod" not in names or mention.then):
                inner = [name for name in names if not re.fullmatch(mention.descends, name)]
                pending += [(join(path, name), []) for name in inner]
        return files

    def _read_text(self, path: str) -> str:
        """Return the text of a file that is sent, unless it is large or too much was read."""
        size_bytes = self._entries.size_bytes(path)
        self._left -= 500 + size_bytes // 16
        if self._left > 0 and 0 < size_bytes <= _LARGEST_BYTES and self._is_sent(path):
            return small_text(self._entries.directory, path)
        return ""


def in_short(command: Command) -> str:
    """Return a program and its first words without options: others may contain secrets."""
    run = run_by(command)
    words = [run.program]
    for word in run.arguments[:2]:
        if not re.fullmatch(_PLAIN, word):
            break
        words.append(word)
    return " ".join(words)


def _origins(row: MentionRow, file: str, path: str, named: Texts) -> Texts:
    """Return the paths in the context of what must be copied, beside a `file` that is at `path`."""
    if row.copied:
        return tuple(_beside(file, path, other) for other in named)
    return ()


def _beside(file: str, path: str, named: str) -> str:
    """Return the path in the context that stands to a `file` as `named` to its path in the image.

    >>> _beside("api/pyproject.toml", "/app/pyproject.toml", "/app/docs/../README.md")
    'api/README.md'
    """
    return normpath(join(dirname(file), relpath(named, dirname(path))))
