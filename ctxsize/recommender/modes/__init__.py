"""The modes by name, and their plans; two of them translate the lines of another file.

`like` takes the ignore file of another service, `from-gitignore` what git ignores. The behaviour
of git is in its `dir.c` and `wildmatch.c`. A line without an exact translation becomes a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from itertools import takewhile
from operator import attrgetter
from os.path import basename, dirname, islink, join, normpath, realpath, relpath
from pathlib import PurePath
from typing import NamedTuple

from ctxsize.codes import severity_of
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.fates import failures, lacking
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern, escaped
from ctxsize.engine.plan import ignore_file_to_write
from ctxsize.engine.segments import covers, is_literal
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.findings import Finding, FrozenFindings, Location
from ctxsize.knowledge.rules import is_build_input
from ctxsize.model import Amount
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Additions, Draft, FindWrong, WrongVerdicts, allowlist
from ctxsize.recommender.outcome import IgnoreFileChange, IgnoreFilePlan, Note
from ctxsize.recommender.tree import outermost
from ctxsize.repository import FileListing
from ctxsize.units import plural
from ctxsize.writer import Addition

_NAME = ".gitignore"
_MOST_LINES = 2_000  # maximum number of lines: each is matched against all files
_MOST_TRIALS = 64  # of the ignore file without some lines
_NO_REPOSITORY = "git never ignores a repository, whatever the line says"
_LEFT_OUT = "left out: for git it re-includes directories alone, for a builder all that is in them"
_LONGEST = 8192  # maximum number of characters of a line: twice a path, as each may be escaped
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<stars>\*+)|(?P<one>\?)|(?P<text>[^\\\[*?]+)"
    r"|\[(?P<negated>[!^]?)(?P<class>(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_.~])+)\]"
    r"|(?P<unclear>.)",
    re.DOTALL,
)


def make(
    snapshot: Snapshot,
    mode: str,
    *,
    sibling: IgnoreFile | None = None,
    repositories: Repositories | None = None,
    listing: FileListing | None = None,
) -> IgnoreFilePlan:
    """Return the plan of `mode`, a key of `MODES`; with a `sibling`, that of `like`.

    `repositories` and `listing` are those of `BuildContext`.
    """
    draft = Draft(snapshot, repositories=repositories, listing=listing)
    sibling_path = None
    if sibling is None:
        change = MODES[mode](draft)
    else:
        change = like(draft, sibling)
        sibling_path = sibling.path
    plan = snapshot.plan
    path = ignore_file_to_write(plan)
    before = draft.size
    after = before
    edit = draft.edit(change.after)
    findings: FrozenFindings = ()
    if edit:
        after = draft.size_with(edit.after)
        findings = (_finding(mode, path, change, before.context - after.context),)
    return IgnoreFilePlan(
        context_path=plan.context,
        dockerfile=plan.dockerfile,
        builder=plan.builder.name,
        ignore_file=path,
        new_file=draft.new_file,
        is_link=islink(path),
        before=before,
        after=after,
        edit=edit,
        mode=mode,
        change=change,
        findings=findings,
        problems=(*plan.problems, *snapshot.problems, *lacking(plan)),
        failures=failures(plan, snapshot.problems),
        options=plan.build.words(),
        sibling=sibling_path,
    )


def _finding(mode: str, path: str, change: IgnoreFileChange, saved: Amount) -> Finding:
    """Return the finding that `--write` would add lines."""
    lines = tuple(addition.line for addition in change.added)
    return Finding(
        "CTX503",
        severity_of("CTX503"),
        f"`ctxsize suggest --{mode}` would add {plural(len(lines), 'line')} to this file",
        Location(path),
        evidence=lines,
        lines=lines,
        content_bytes=max(0, saved.content_bytes),
        files=max(0, saved.files),
        help=f"ctxsize suggest --{mode} --write does it",
    )


def like(draft: Draft, other: IgnoreFile) -> IgnoreFileChange:
    """Return the file with the patterns of `other`, ported. Raises `IgnoreFileError` at a fault."""
    try:
        patterns = draft.plan.builder.spec_class.from_lines(other.texts()).patterns
    except IgnoreFileError as error:
        error.path = other.path
        raise
    theirs = realpath(dirname(other.path) or ".")
    heading = f"As in {relpath(theirs, draft.plan.root)}/{basename(other.path)}"
    # Our patterns after our last exception.
    ours = [*takewhile(attrgetter("include"), reversed([*draft.plan.spec.patterns]))]
    added = dict[str, Addition]()
    notes = []
    for pattern in patterns:
        try:
            text = _port(draft, pattern, theirs)
        except CannotSayError as error:
            written = other.texts()[pattern.line - 1].strip()
            notes.append(Note(written, f"left out: {error}", other.path, pattern.line))
            continue
        here = draft.pattern_class(text)
        if not pattern.include:
            text = f"!{text}"
        elif any(covers(other, here) is not None for other in ours):
            continue
        added.pop(text, None)
        added[text] = Addition(text, heading)

    def wrong(attempt: Attempt) -> WrongVerdicts:
        yield from draft.wrong(attempt)
        # Only the top of a hidden directory is judged, not the paths below it.
        tops = dict.fromkeys(outermost(dict.fromkeys(attempt.hidden)))
        for path, why in draft.kept_back(attempt):
            if path in tops:
                yield path, why
        for path in tops:
            if is_build_input(basename(path)) and not draft.git.is_untracked(path):
                yield path, f"builds read {path}, which would disappear"

    return draft.change([*added.values()], wrong, notes)


class CannotSayError(Exception):
    """A line has no translation. The message explains the line, as a clause."""


def _port(draft: Draft, pattern: DockerIgnorePattern, theirs: str) -> str:
    """Return the text of `pattern` for this context. Raises `CannotSayError`."""
    # The name of their directory in a pattern becomes the name of ours.
    names = {basename(theirs): basename(draft.plan.root)}
    parts = [names.get(part, part) for part in pattern.text.split("/")]
    if pattern.fault is not None or parts[0] in ("", ".", ".."):
        raise CannotSayError("it matches nothing")
    text = _at_edges("/".join(parts), draft.pattern_class)
    if parts[0] == "**" or (pattern.include and len(parts) == 1):
        return text
    if is_literal(draft.pattern_class(text)) and draft.tree.entry(text) is None:
        raise CannotSayError("there is no such path here")
    return text


def _at_edges(text: str, pattern_class: type[DockerIgnorePattern]) -> str:
    """Escape what the builder reads as a comment, as an exception or as a blank to trim."""
    first = text[0]
    rest = text[1:]
    if first in "#!\ufeff" or first.isspace():
        first = escaped(first, pattern_class)
    if rest[-1:].isspace():
        rest = rest[:-1] + escaped(rest[-1], pattern_class)
    return first + rest


def from_gitignore(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file with what git ignores and no trap protects, as far as possible."""
    files = [*_gitignores(draft)]
    why = ""
    if not files:
        why = "There is no .gitignore in the context or in the repository above it"
    elif sum(bool(line) for file in files for line in file.lines) > _MOST_LINES:
        why = f"The .gitignore files contain more than {_MOST_LINES:,} lines"
    if why:
        return IgnoreFileChange(
            impossible=why,
            hint="ctxsize suggest proposes patterns by evidence",
        )
    lines = TranslatedLines(draft)
    for file in files:
        lines.add(file)
    wrong = partial(_wrong_for_git, draft, lines)
    additions = [*lines.added.values()]
    repository = Addition("!.git", f"From {files[-1].name}", "git never ignores it")
    for_directories = lines.for_directories
    if _hides_git(draft, _without(for_directories, additions)):
        additions.append(repository)
    harmful = _find_harmful(draft, additions, for_directories, wrong)
    additions = _without(harmful, additions)
    notes = [*lines.notes]
    notes += [note for line, note in for_directories.items() if line in harmful]
    others = _without([repository.line], additions)
    if not _hides_git(draft, others):
        additions = others
    return draft.change(additions, wrong, notes=notes)


def _without(lines: Collection[str], additions: Additions) -> list[Addition]:
    return [addition for addition in additions if addition.line not in lines]


class GitIgnore(NamedTuple):
    """A `.gitignore`; `directory` is None for one above the context."""

    name: str  # its path, relative to the context
    directory: str | None
    lines: list[str]


class TranslatedLines:
    """The lines of `.gitignore` files for the builder, and notes about those without one."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.added: dict[str, Addition] = {}
        self.notes: list[Note] = []
        self.for_directories: dict[str, Note] = {}
        """Exceptions that re-include directories alone for git, and all in them for a builder."""
        self._meant: list[str] = []

    def add(self, file: GitIgnore) -> None:
        """Translate the lines of a file, the comment above each included."""
        path = normpath(join(self._draft.plan.context, file.name))
        comment = ""
        for number, line in enumerate(file.lines, 1):
            subject = line.strip()
            if line.startswith("#") or not subject:
                comment = line.strip("# \r")
                continue
            try:
                text = translate(line, file.directory, self._draft.pattern_class)
                if text and basename(text) == ".git":
                    raise CannotSayError(_NO_REPOSITORY)
            except CannotSayError as error:
                self.notes.append(Note(subject, f"left out: {error}", path, number))
                continue
            if text is None:
                continue
            # If a line occurs twice, the last one counts.
            self.added.pop(text, None)
            self.added[text] = Addition(text, f"From {file.name}", comment)
            self.for_directories.pop(text, None)
            meant = text
            if line.rstrip(" \r").endswith("/"):
                meant = f"{text}/**"
                if text.startswith("!"):
                    self.for_directories[text] = Note(subject, _LEFT_OUT, path, number)
            self._meant.append(meant)

    @cached_property
    def _spec(self) -> DockerIgnoreSpec | None:
        """Return what the lines mean for git; None if an exception has no translation."""
        if any(note.subject.startswith("!") for note in self.notes):
            return None
        return self._draft.trial.spec(self._meant)

    def ignores(self, path: str) -> bool:
        """Return True if git ignores `path`; outside of a repository the lines decide."""
        if self._draft.git.covers(path):
            return self._draft.git.ignores(path)
        if self._spec is None:
            return False
        return bool(self._spec.match_file(path))


def _wrong_for_git(draft: Draft, lines: TranslatedLines, attempt: Attempt) -> WrongVerdicts:
    """Yield what no mode may do, and paths that would be hidden although git keeps them."""
    yield from draft.wrong(attempt)
    for path in attempt.hidden:
        # Git does not know the file that is about to be made.
        if draft.new_file and path == draft.own_path:
            continue
        if path in attempt.before.directories or lines.ignores(path):
            continue
        verb = "does not ignore"
        if draft.git.tracks(path):
            verb = "tracks"
        yield path, f"git {verb} {path}, which would disappear"
    yield from draft.kept_back(attempt)


def _hides_git(draft: Draft, additions: Additions) -> bool:
    """Return whether the additions hide the repository itself, to which git applies no pattern."""
    with suppress(IgnoreFileError):
        return any(path.startswith(".git/") for path in draft.attempt(additions).hidden)
    return False


def _find_harmful(
    draft: Draft, additions: Additions, lines: Iterable[str], wrong: FindWrong
) -> set[str]:
    """Return those of `lines` without which the additions hide more, and nothing that is wrong.

    Each trial takes the time of all additions. So lines are tried together, and one by one only
    where they change something; after so many trials the others stay.
    """
    harmful = set[str]()
    pending = [tuple(lines)]
    for _ in range(_MOST_TRIALS):
        if not pending or not pending[-1]:
            break
        group = pending.pop()
        present = _without(harmful, additions)
        try:
            before = draft.attempt(present)
            after = draft.attempt(_without(group, present))
        except IgnoreFileError:
            break
        hidden = after.changes.hidden
        hidden_before = before.changes.hidden
        if hidden == hidden_before:
            continue
        if len(group) > 1:
            middle = len(group) // 2
            pending += [group[middle:], group[:middle]]
        elif hidden > hidden_before:
            allowed = {path for path, _ in wrong(before)}
            if allowed.issuperset(path for path, _ in wrong(after)):
                harmful.update(group)
    return harmful


def _gitignores(draft: Draft) -> Iterator[GitIgnore]:
    """Yield every `.gitignore` above the context in its repository, and in the context."""
    root = draft.plan.root
    above = PurePath(relpath(root, draft.git.top)).parts
    for number in range(len(above), 0, -1):
        name = "../" * number + _NAME
        lines = _lines(root, name)
        if any(lines):
            yield GitIgnore(name, None, lines)

    def enters(directory: MemoryDirectory) -> bool:
        return directory.name != ".git" and not draft.git.ignores(directory.path)

    for directory in draft.tree.root.tree(enters):
        if directory.has(_NAME):
            name = directory.prefix + _NAME
            yield GitIgnore(name, directory.path, _lines(root, name))


def _lines(root: str, path: str) -> list[str]:
    data = small_file(root, path).removeprefix(b"\xef\xbb\xbf")
    return data.decode("utf-8", "surrogateescape").split("\n")


def translate(
    line: str,
    directory: str | None = "",
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> str | None:
    r"""Return the translation of `line` of the `.gitignore` in `directory`; None for nothing.

    No builder distinguishes directories from files, so a `/` at the end is dropped. `directory` is
    None for a file above the context. Raises `CannotSayError`.

    >>> [translate(line) for line in ("foo", "/foo", "a/b", "*.py[cod]", "!x", r"\#a", "[!a]")]
    ['**/foo', 'foo', 'a/b', '**/*.py[cod]', '!**/x', '**/#a', '**/[^a/]']
    """
    if len(line) > _LONGEST:
        raise CannotSayError("it is longer than any path")
    line = line.removesuffix("\r")
    text = line.rstrip(" ")
    backslashes = len(text) - len(text.rstrip("\\"))
    if backslashes % 2:  # trim_trailing_spaces of git keeps a blank behind a backslash
        text = line[: len(text) + 1]
    is_exception = text.startswith("!")
    is_directory = text.endswith("/")
    text = text.removeprefix("!").removesuffix("/")
    if not text or line.startswith("#"):
        return None
    in_path = "/" in text
    names = text.removeprefix("/").split("/")
    parts = [_translate_name(name, pattern_class, in_path=in_path) for name in names]
    if not in_path:
        parts.insert(0, "**")
    if directory is None and parts[0] != "**":
        raise CannotSayError("it names a path from a directory above the context")
    if is_exception and is_directory and not parts[-1].strip("*"):
        raise CannotSayError("it re-includes directories alone, and for a builder files too")
    above = [_literal(name, pattern_class) for name in (directory or "").split("/") if name]
    pattern = _at_edges("/".join([*above, *parts]), pattern_class)
    if is_exception:
        return f"!{pattern}"
    return pattern


def _translate_name(name: str, pattern_class: type[DockerIgnorePattern], *, in_path: bool) -> str:
    """Return a component of a path, with the wildcards of the builder."""
    if in_path and name == "**":
        return name
    written = ""
    for token in _TOKEN.finditer(name):
        text = token[0]
        if token["unclear"]:
            raise CannotSayError("its class or backslash is unfinished or cannot be translated")
        if in_path and text.startswith("**"):
            raise CannotSayError("it has two stars beside a name, which git reads in two ways")
        if token["negated"]:  # a class of Docker may match a slash: its negation must not
            written += f"[^{token['class']}/]"
        elif token["class"] or text == "?":
            written += text
        elif token["stars"]:
            written += "*"
        else:
            written += _literal(token["escaped"] or text, pattern_class)
    if written in ("", ".", ".."):
        raise CannotSayError(f"no file is called {written!r}, so it matches nothing")
    return written


def _literal(text: str, pattern_class: type[DockerIgnorePattern]) -> str:
    return escaped(text, pattern_class, starts=False, ends=False)


MODES: dict[str, Callable[[Draft], IgnoreFileChange]] = {
    "allowlist": allowlist,
    "from-gitignore": from_gitignore,
}
"""The modes that need only the context."""
