"""The modes by name, and their plans; two of them translate the lines of another file.

`like` takes the ignore file of another service, `from-gitignore` what git ignores. The behaviour
of git is in its `dir.c` and `wildmatch.c`. A line without an exact translation becomes a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile

from ctxsize.codes import severity_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern, escaped
from ctxsize.engine.plan import ignore_file_to_write, own_path
from ctxsize.engine.segments import covers, is_literal
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.findings import Edit, Finding, Location
from ctxsize.knowledge.rules import is_build_input
from ctxsize.model import Amount
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Draft, Judge, Wrong, allowlist
from ctxsize.recommender.outcome import IgnoreFileChange, IgnoreFilePlan, Note
from ctxsize.recommender.tree import is_below
from ctxsize.units import plural
from ctxsize.writer import Addition

_NAME = ".gitignore"
_MOST_LINES = 2_000  # maximum number of lines: each is matched against all files
_MOST_TRIALS = 64  # of the ignore file without some lines
_NO_REPOSITORY = "left out: git never ignores a repository, whatever the line says"
_LEFT_OUT = "left out: for git it re-includes directories alone, for a builder all that is in them"
_LONGEST = 8192  # maximum number of characters of a line: twice a path, as each may be escaped
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<stars>\*+)|(?P<one>\?)|(?P<text>[^\\\[*?]+)"
    r"|\[(?P<negated>[!^]?)(?P<class>(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_.~])+)\]",
    re.DOTALL,
)


def make(snapshot: Snapshot, mode: str, *, sibling: IgnoreFile | None = None) -> IgnoreFilePlan:
    """Return the plan of `mode`, a key of `MODES`; with a `sibling`, that of `like`."""
    draft = Draft(snapshot)
    if sibling is None:
        change = MODES[mode](draft)
    else:
        change = like(draft, sibling)
    plan = snapshot.plan
    path = ignore_file_to_write(plan)
    if plan.ignore_file is None:
        before = None
    else:
        before = plan.ignore_file.data
    if change.after in (None, before):
        edit = None
    else:
        edit = Edit(path, before, change.after or b"")
    size = draft.size
    if edit is None:
        after = size
    else:
        after = draft.size_after(draft.trial.attempt(edit.after))
    saved = size.context - after.context
    return IgnoreFilePlan(
        context_path=plan.context,
        dockerfile=plan.dockerfile,
        builder=plan.builder.name,
        ignore_file=path,
        new_file=draft.new_file,
        is_link=os.path.islink(path),
        before=size,
        after=after,
        edit=edit,
        mode=mode,
        change=change,
        findings=() if edit is None else (_finding(mode, path, change, saved),),
        problems=(*plan.problems, *snapshot.problems, *draft.assumed),
        options=plan.build.words(),
        sibling=None if sibling is None else sibling.path,
    )


def _finding(mode: str, path: str, change: IgnoreFileChange, saved: Amount) -> Finding:
    """Return the finding that `--write` would add lines."""
    lines = tuple(each.line for each in change.added)
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
    theirs = os.path.realpath(os.path.dirname(other.path) or ".")
    heading = f"As in {os.path.relpath(theirs, draft.plan.root)}/{os.path.basename(other.path)}"
    # Our patterns after our last exception.
    ours = takewhile(lambda each: each.include, reversed([*draft.plan.spec.patterns]))
    after_exceptions = [*ours]
    added = dict[str, Addition]()
    notes = list[Note]()
    for pattern in patterns:
        try:
            text = _ported(draft, pattern, theirs)
        except CannotSayError as error:
            written = other.texts()[pattern.line - 1].strip()
            notes.append(Note(written, f"left out: {error}", other.path, pattern.line))
            continue
        here = draft.pattern_class(text)
        if not pattern.include or all(covers(each, here) is None for each in after_exceptions):
            line = "!" * (not pattern.include) + text
            added.pop(line, None)
            added[line] = Addition(line, heading)

    def wrong(attempt: Attempt) -> Iterator[Wrong]:
        yield from draft.wrong(attempt)
        # Only the top of a hidden directory is judged, not the paths below it.
        hidden = frozenset(attempt.hidden)
        tops = dict.fromkeys(path for path in attempt.hidden if not is_below(path, hidden))
        yield from ((path, why) for path, why in draft.kept_back(attempt) if path in tops)
        for path in tops:
            untracked = draft.git.covers(path) and draft.git.first(path) is None
            if is_build_input(path.rpartition("/")[2]) and not untracked:
                yield path, f"builds read {path}, which would disappear"

    return draft.change([*added.values()], wrong, notes)


class CannotSayError(Exception):
    """A line has no translation. The message explains the line, as a clause."""


def _ported(draft: Draft, pattern: DockerIgnorePattern, theirs: str) -> str:
    """Return the text of `pattern` for this context. Raises `CannotSayError`."""
    # The name of their directory in a pattern becomes the name of ours.
    names = {os.path.basename(theirs): os.path.basename(draft.plan.root)}
    parts = [names.get(part, part) for part in pattern.text.split("/")]
    if pattern.fault is not None or parts[0] in ("", ".", ".."):
        raise CannotSayError("it matches nothing")
    text = _at_edges("/".join(parts), draft.pattern_class)
    here = draft.tree.entry
    may_come = parts[0] == "**" or (pattern.include and len(parts) == 1)
    if not may_come and is_literal(draft.pattern_class(text)) and here(text) is None:
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
    hint = "ctxsize suggest proposes patterns by evidence"
    why = ""
    if not files:
        why = "There is no .gitignore in the context or in the repository above it"
    elif sum(bool(line) for *_, lines in files for line in lines) > _MOST_LINES:
        why = f"The .gitignore files contain more than {_MOST_LINES:,} lines"
    if why:
        return IgnoreFileChange(impossible=why, hint=hint)
    added = dict[str, Addition]()
    meant = list[str]()
    notes = list[Note]()
    for_directories = dict[str, Note]()
    for name, directory, lines in files:
        path = os.path.normpath(os.path.join(draft.plan.context, name))
        comment = ""
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                comment = line.strip("# \r")
                continue
            try:
                text = translate(line, directory, draft.pattern_class)
            except CannotSayError as error:
                notes.append(Note(line.strip(), f"left out: {error}", path, number))
                continue
            if text is not None and text.rpartition("/")[2] == ".git":
                notes.append(Note(line.strip(), _NO_REPOSITORY, path, number))
                continue
            if text is not None:
                # If a line occurs twice, the last one counts.
                added.pop(text, None)
                added[text] = Addition(text, f"From {name}", comment)
                is_directory = line.rstrip(" \r").endswith("/")
                meant.append(f"{text}/**" if is_directory else text)
                for_directories.pop(text, None)
                if is_directory and text.startswith("!"):
                    for_directories[text] = Note(line.strip(), _LEFT_OUT, path, number)
    # Outside of a repository the translated lines decide, if no exception among them is missing.
    is_complete = not any(note.subject.startswith("!") for note in notes)
    if is_complete:
        spec = draft.trial.spec(meant)
    else:
        spec = None

    if draft.new_file:
        made = own_path(draft.plan)
    else:
        made = None

    def is_ignored(path: str) -> bool:
        if draft.git.covers(path):
            return draft.git.ignores(path)
        return spec is not None and bool(spec.match_file(path))

    def wrong(attempt: Attempt) -> Iterator[Wrong]:
        yield from draft.wrong(attempt)
        for path in attempt.hidden:
            # Git does not know the file that is about to be made.
            if path == made or path in draft.trial.before.directories:
                continue
            if not is_ignored(path):
                if draft.git.first(path) is None:
                    word = "does not ignore"
                else:
                    word = "tracks"
                yield path, f"git {word} {path}, which would disappear"
        yield from draft.kept_back(attempt)

    additions = [*added.values()]
    repository = Addition("!.git", f"From {files[-1][0]}", "git never ignores it")
    if _hides_git(draft, [each for each in additions if each.line not in for_directories]):
        additions.append(repository)
    harmful = _harmful(draft, additions, for_directories, wrong)
    additions = [each for each in additions if each.line not in harmful]
    notes += [note for text, note in for_directories.items() if text in harmful]
    others = [each for each in additions if each != repository]
    if not _hides_git(draft, others):
        additions = others
    return draft.change(additions, wrong, notes=notes)


def _hides_git(draft: Draft, additions: Sequence[Addition]) -> bool:
    """Return whether the additions hide the repository itself, to which git applies no pattern."""
    with suppress(IgnoreFileError):
        return any(path.startswith(".git/") for path in draft.attempt(additions).hidden)
    return False


def _harmful(
    draft: Draft, additions: Sequence[Addition], lines: Iterable[str], wrong: Judge
) -> set[str]:
    """Return those of `lines` without which the additions hide more, and nothing that is wrong.

    Each trial takes the time of all additions. So lines are tried together, and one by one only
    where they change something; after so many trials the others stay.
    """
    harmful = set[str]()
    pending = [tuple(lines)]
    for _ in range(_MOST_TRIALS):
        if pending:
            group = pending.pop()
        else:
            group = ()
        if not group:
            break
        present = [each for each in additions if each.line not in harmful]
        fewer = [each for each in present if each.line not in group]
        try:
            before = draft.attempt(present)
            after = draft.attempt(fewer)
        except IgnoreFileError:
            break
        if {*after.hidden} == {*before.hidden}:
            continue
        if len(group) > 1:
            middle = len(group) // 2
            pending += [group[middle:], group[:middle]]
        elif {*after.hidden} > {*before.hidden} and not _does_more(wrong, after, before):
            harmful |= {*group}
    return harmful


def _does_more(wrong: Judge, after: Attempt, before: Attempt) -> bool:
    """Return whether an attempt does something wrong that the one before does not."""
    allowed = {path for path, _ in wrong(before)}
    return any(path not in allowed for path, _ in wrong(after))


def _gitignores(draft: Draft) -> Iterator[tuple[str, str | None, list[str]]]:
    """Yield the path of each `.gitignore`, its directory, None for one above, and its lines."""
    root = draft.plan.root
    above = draft.git.top
    if above == root:
        depth = 0
    else:
        depth = os.path.relpath(root, above).count("/") + 1
    for up in range(depth, 0, -1):
        name = "../" * up + _NAME
        lines = _lines(os.path.normpath(os.path.join(root, "../" * up)), _NAME)
        if any(lines):
            yield name, None, lines
    ignores = draft.git.ignores
    for held in draft.tree.root.tree(lambda e: e.name != ".git" and not ignores(e.path)):
        if held.has(_NAME):
            name = held.prefix + _NAME
            yield name, held.path, _lines(root, name)


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
    kept = line.rstrip(" ")
    # trim_trailing_spaces of git keeps a blank behind a backslash.
    text = line[: len(kept) + (len(kept) - len(kept.rstrip("\\"))) % 2]
    exception = text.startswith("!")
    is_directory = text.endswith("/")
    text = text[exception:].removesuffix("/")
    if not text or line.startswith("#"):
        return None
    in_path = "/" in text
    names = text.removeprefix("/").split("/")
    parts = [_translated(name, pattern_class, in_path=in_path) for name in names]
    if in_path:
        parts = parts
    else:
        parts = ["**", *parts]
    if directory is None and parts[0] != "**":
        raise CannotSayError("it names a path from a directory above the context")
    if exception and is_directory and not parts[-1].strip("*"):
        raise CannotSayError("it re-includes directories alone, and for a builder files too")
    above = [_literal(name, pattern_class) for name in (directory or "").split("/") if name]
    return "!" * exception + _at_edges("/".join([*above, *parts]), pattern_class)


def _translated(name: str, pattern_class: type[DockerIgnorePattern], *, in_path: bool) -> str:
    """Return a component of a path, with the wildcards of the builder."""
    if in_path and name == "**":
        return name
    written = ""
    at = 0
    while at < len(name):
        if (found := _TOKEN.match(name, at)) is None:
            raise CannotSayError("its class or backslash is unfinished or cannot be translated")
        if found["stars"]:
            if in_path and len(found["stars"]) > 1:
                raise CannotSayError("it has two stars beside a name, which git reads in two ways")
            written += "*"
        elif found["one"]:
            written += "?"
        elif found["class"]:
            # A class of Docker may match a slash: its negation must not.
            if found["negated"]:
                written += f"[^{found['class']}/]"
            else:
                written += f"[{found['class']}]"
        else:
            written += _literal(found["escaped"] or found["text"], pattern_class)
        at = found.end()
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
