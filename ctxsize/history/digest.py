"""One hash over all that a build takes, for tags, and to skip what was built before.

`docs/digest.md` has the definition, which has a number: another one gives other digests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from operator import attrgetter
from os.path import join, relpath
from stat import S_IFMT, S_IXUSR
from threading import Event
from typing import ClassVar, Literal, NamedTuple

from ctxsize.build import Options, Unpack
from ctxsize.engine.builders import builder_of
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import Progress, Steps, stepped
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.engine.report import Listing
from ctxsize.engine.transfer_requests import sent_contexts, sources_of, taken_by
from ctxsize.engine.transfers import unfound
from ctxsize.errors import CtxsizeError, InputError, with_fate
from ctxsize.findings import FrozenFindings
from ctxsize.hidden import made_of, shown
from ctxsize.model import Entry, Kind, Problem, Problems
from ctxsize.planning import BuildOrPlan, plan_for
from ctxsize.reader import parts_of
from ctxsize.repository import Discovery
from ctxsize.values import Value
from ctxsize.version import __version__

DEFINITION = 1
"""The number of the definition of a digest."""
NOT_STABLE = "not-stable"
"""The code of the problem of a build that takes the repository itself."""
_MOST_PORTIONS = 1000  # that wait for threads
_AT_ONCE = 100  # files that a thread reads, one after the other
_DIRECTORY = "040000"
_SYMLINK = "120000"


class TakenEntry(NamedTuple):
    """An entry that a build takes, as git would keep it."""

    path: str
    mode: str  # in git's octal digits, `040000` for a directory
    sha256: str  # of the content, or of a symlink's target; `""` for what has neither


class BuildDigest(Value):
    """The digest of a build."""

    context: str
    dockerfile: str | None  # None without one, and if another file contains it
    target: str
    digest: str  # `sha256:` and 64 digits; `""` if it is not known
    files: int = 0  # that count, symlinks included
    content_bytes: int = 0  # of these
    error: str = ""  # why the digest is not known
    problems: Problems = ()
    name: str = ""  # in a repository: the context, with options that distinguish it from others

    @property
    def stable(self) -> bool:
        """Return whether another checkout of the same files has the same digest."""
        return all(problem.code != NOT_STABLE for problem in self.problems)


class Digests(Value):
    """The answer of `ctxsize digest`."""

    kind: ClassVar[Literal["digest"]] = "digest"

    builds: tuple[BuildDigest, ...]
    root: str | None = None  # where all builds were looked for; None for one that was named
    problems: Problems = ()
    ctxsize_version: str = __version__
    definition: int = DEFINITION

    @property
    def findings(self) -> FrozenFindings:
        """Return nothing: a digest is no finding."""
        return ()


def digest(
    build: BuildOrPlan = ".", *, progress: Progress | None = None, **options: Unpack[Options]
) -> BuildDigest:
    """Return the digest of a build. Raises what `measure` raises, and `InputError` without one."""
    return _digest_of(plan_for(build, **options), Contents(progress))


def digests(
    discovery: Discovery, *, progress: Progress | None = None, steps: Steps | None = None
) -> Digests:
    """Return the digests of all builds of a repository; each file is read once."""
    contents = Contents(progress)
    answers = []
    for found in stepped(discovery.builds, steps, lambda found: shown(found.build.context)):
        dockerfile = found.shown_dockerfile
        if dockerfile is not None:
            dockerfile = made_of(relpath, dockerfile, discovery.root)
        relative = found.relative_to(discovery.root)
        build = relative.build
        answer = BuildDigest(build.context, dockerfile, build.target, "", name=relative.name)
        try:
            builder = builder_of(build.builder)
            plan = plan_of(found.build, builder, parsed_files=discovery.parsed_files)
            known = _digest_of(plan, contents)
            answer = replace(
                answer,
                digest=known.digest,
                files=known.files,
                content_bytes=known.content_bytes,
                problems=known.problems,
            )
        except CtxsizeError as error:
            answer = replace(answer, error=with_fate(error))
        answers.append(answer)
    return Digests(tuple(answers), discovery.root, discovery.problems)


class Contents:
    """The contents of files, by their hashes; each file is read once, in threads."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._known: dict[str, TakenEntry] = {}  # by the path of the file
        self._content_bytes = 0

    def of(self, root: str, entries: Iterable[Entry]) -> Iterator[TakenEntry]:
        """Yield entries of the directory `root`, with their hashes. Raises `InputError`."""
        remaining = iter(entries)
        stopped = Event()
        read = partial(self._read, root, stopped)
        with ThreadPoolExecutor() as threads:
            try:
                while portion := [*islice(remaining, _AT_ONCE * _MOST_PORTIONS)]:
                    some = [portion[at : at + _AT_ONCE] for at in range(0, len(portion), _AT_ONCE)]
                    for taken in threads.map(read, some):
                        yield from taken
                        self._report()
            finally:
                stopped.set()  # or a thread would read a large file to its end

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(len(self._known), self._content_bytes)

    def _read(self, root: str, stopped: Event, entries: Sequence[Entry]) -> list[TakenEntry]:
        return [self._taken(root, stopped, entry) for entry in entries]

    def _taken(self, root: str, stopped: Event, entry: Entry) -> TakenEntry:
        if entry.kind is Kind.DIRECTORY:
            return TakenEntry(entry.path, _DIRECTORY, "")
        path = join(root, entry.path)
        known = self._known.get(path)
        if known is None:
            try:
                known = self._hashed(path, stopped, entry)
            except OSError as error:
                raise InputError(f"it cannot be read: {error.strerror}", path=path) from None
            self._known[path] = known
        return known._replace(path=entry.path)

    def _hashed(self, path: str, stopped: Event, entry: Entry) -> TakenEntry:
        """Return the entry at `path`. Raises `OSError`."""
        if entry.kind is Kind.SYMLINK:
            target = os.fsencode(os.readlink(path))
            return TakenEntry(path, _SYMLINK, sha256(target).hexdigest())
        if entry.kind not in (Kind.FILE, Kind.HARDLINK):  # a FIFO, a device or a socket
            return TakenEntry(path, f"{S_IFMT(os.lstat(path).st_mode):06o}", "")
        mode = "100644"
        if os.lstat(path).st_mode & S_IXUSR:
            mode = "100755"
        content = sha256()
        if not entry.arrives_empty:
            for part in parts_of(path):
                if stopped.is_set():
                    raise InterruptedError
                content.update(part)
                self._content_bytes += len(part)
        return TakenEntry(path, mode, content.hexdigest())


def _digest_of(plan: Plan, contents: Contents) -> BuildDigest:
    """Return the digest of the build of a plan. Raises `CtxsizeError`."""
    build = plan.build
    if plan.dockerfile is None:
        raise InputError(
            "there is no Dockerfile, and a digest is that of a build",
            path=plan.context,
            hint="name it with -f PATH",
        )
    whole = sha256(_line("ctxsize digest", DEFINITION))
    whole.update(_line("dockerfile", sha256(plan.parsed.data).hexdigest()))
    whole.update(_line("target", build.target))
    for platform in sorted(build.platforms):
        whole.update(_line("platform", platform))
    for name, value in sorted(build.build_arguments.items()):
        whole.update(_line("argument", _hash_of(f"{name}={value}")))
    for named in sorted(plan.named_contexts, key=attrgetter("name")):
        if not named.local:
            whole.update(_line("context", named.name, _hash_of(named.value)))
    files = 0
    content_bytes = 0
    problems: list[Problem] = []
    for each in sorted(sent_contexts(plan), key=attrgetter("name")):
        listing = Listing(each, evaluators=_evaluators(each), unfound=partial(unfound, each))
        entries = sorted(listing, key=lambda entry: os.fsencode(entry.path))
        for taken in contents.of(each.root, entries):
            whole.update(_line("entry", each.name, taken.mode, taken.sha256, taken.path))
        files += sum(entry.kind is not Kind.DIRECTORY for entry in entries)
        content_bytes += sum(entry.content_bytes for entry in entries)
        problems += listing.problems
        problems += _about_git(each, entries)
    is_inline = build.dockerfile_inline is not None
    return BuildDigest(
        plan.context,
        None if is_inline else plan.dockerfile,
        build.target,
        f"sha256:{whole.hexdigest()}",
        files,
        content_bytes,
        problems=tuple(dict.fromkeys(problems)),
    )


def _line(*words: str | int) -> bytes:
    """Return one line of the text that is hashed."""
    return json.dumps(words, separators=(",", ":")).encode() + b"\n"


def _hash_of(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _evaluators(plan: Plan) -> list[Evaluator | None]:
    """Return the evaluators of what a build takes of a context; None for all that is sent."""
    sources = sources_of(plan)
    # Where a source is not known, or has `!` and makes others arrive empty, all of it counts.
    if any(source.doubts or source.path.startswith("!") for source in sources):
        return [None]
    alike = {}
    for source in sources:
        alike[source.path, source.excludes, source.parents] = source
    return [taken_by(plan, source) for source in alike.values()]


def _about_git(plan: Plan, entries: Iterable[Entry]) -> Iterator[Problem]:
    """Yield a problem if a build takes a repository, which is another one in each checkout."""
    for entry in entries:
        if ".git" in entry.path.split("/"):
            yield Problem(
                NOT_STABLE,
                f"the build takes {entry.path}, so another checkout has another digest: "
                "write .git into the ignore file",
                plan.ignore_path,
            )
            return
