"""What `ctxsize lint` says about one ignore file, held path by path against Docker's own code.

Every finding and every fix is taken at its word: which paths its figures count
and what is true of them, which paths it changes and no other. docker-devtools
lists the context; where Docker's library fsutil runs here (`GoLibrary`), it
says which files arrive empty, and has the last word about directories that the
walk passes by. What other builders send is asked of the engines themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Changes, Finding, Paths
from ctxsize.lints.case import Case
from ctxsize.lints.changes import usable
from ctxsize.lints.dockerfiles import Use
from ctxsize.units import human
from tests.oracles.buildah import BuildahResult
from tests.oracles.classic import ClassicResult
from tests.oracles.devtools import DevtoolsError, Listed, list_context
from tests.oracles.golibrary import GoLibrary

Sends = Callable[[Path], set[str]]
"""What a builder sends of a context, by name."""


@dataclass(frozen=True)
class Listing:
    """What is sent with some lines in the ignore file, by name; directories end in `/`."""

    sizes: Mapping[str, int]
    empty: frozenset[str] | None
    """The files that arrive without their content, None where nobody was asked."""


@dataclass
class Asked:
    """One ignore file and those who know what Docker does with it.

    The Dockerfile `copies` lies outside of the context and takes all of it.
    """

    case: Case
    file: Path
    copies: Path
    library: GoLibrary | None = None
    engines: Mapping[str, Sends] = field(default_factory=dict)
    """Other builders by the names that ctxsize gives them."""
    corrected: set[bytes] = field(default_factory=set)
    """The lines for which fsutil had the last word."""
    unasked: list[str] = field(default_factory=list)
    """What nobody could be asked about."""
    _known: dict[bytes, Listing] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The context."""
        assert self.case.tree is not None
        return Path(self.case.tree.request.root)

    def listing(self, data: bytes) -> Listing:
        """What is sent with `data` in the ignore file, but for lines that fail the build."""
        asked = self._usable(data)
        if asked not in self._known:
            self._known[asked] = self._listing(asked)
        found = self._known[asked]
        own = {self._own: len(data)} if self._own in found.sizes else {}
        sizes = {**found.sizes, **own}
        return Listing(sizes, found.empty)

    def taken(self, use: Use) -> set[str]:
        """What the build of a Dockerfile takes, with the ignore file as it stands."""
        dockerfile, target = use.request.dockerfile, use.request.build.target or None
        with self._holding(self._usable(self.case.file.data)):
            listed = list_context(self.root, dockerfile=dockerfile, target=target, whole=False)
        return {each.name for each in listed}

    def _usable(self, data: bytes) -> bytes:
        """`data` with a comment in place of each line that fails the build."""
        assert self.case.tree is not None
        texts = data.decode("utf-8", "surrogateescape").split("\n")
        kept = usable(self.case.tree, texts)
        return data if kept == texts else "\n".join(kept).encode("utf-8", "surrogateescape")

    @contextmanager
    def _holding(self, data: bytes) -> Iterator[None]:
        """The ignore file holds `data` for a while."""
        before = self.file.read_bytes()
        self.file.write_bytes(data)
        try:
            yield
        finally:
            self.file.write_bytes(before)

    @property
    def _own(self) -> str:
        """The ignore file as a path of the context, `""` where it lies outside."""
        inside = self.root in self.file.parents
        return self.file.relative_to(self.root).as_posix() if inside else ""

    def _listing(self, data: bytes) -> Listing:
        listed = self.listed(data)
        sizes = {each.name: each.size_bytes for each in listed if not each.ignored}
        if self.library is None:
            return Listing(sizes, None)
        answer = self.library.ask(ignorefile=data, root=self.root)
        if answer.error or answer.walk_error:
            raise DevtoolsError(answer.error or answer.walk_error)
        if sizes.keys() != {*answer.listed}:
            self.corrected.add(data)
            every = {each.name: each.size_bytes for each in listed}
            sizes = {name: every[name] for name in answer.listed}
        return Listing(sizes, frozenset(name for name in answer.refused if sizes[name]))

    def listed(self, data: bytes) -> list[Listed]:
        """Every path with its verdict; the ignore file is left as it was."""
        with self._holding(data):
            return list_context(self.root, dockerfile=self.copies, ignored=True)

    @cached_property
    def now(self) -> Listing:
        """What is sent with the file as it stands."""
        return self.listing(self.case.file.data)

    @cached_property
    def everything(self) -> Mapping[str, int]:
        """All that is there."""
        sizes = self.listing(b"").sizes
        own = {self._own: len(self.case.file.data)} if self._own in sizes else {}
        return {**sizes, **own}


def sent_by(build: Callable[..., ClassicResult | BuildahResult], context: Path) -> set[str]:
    """What another builder sends of `context`, for a Dockerfile beside it that takes all.

    Raises DevtoolsError where the build fails.
    """
    result = build(context, dockerfile=context.parent / "Dockerfile")
    if result.error:
        raise DevtoolsError(result.error)
    return {*result.names}


def differences(asked: Asked, findings: Iterable[Finding]) -> Iterator[str]:
    """Everything that is wrong about `findings`, and about what is sent as a whole."""
    tree = asked.case.tree
    assert tree is not None
    yield from _apart("sent", tree.marked(tree.now.paths), asked.now.sizes)
    empty = asked.now.empty
    if empty is not None:
        yield from _apart("without content", tree.marked(tree.now.empty), empty)
    files = [name for name in asked.now.sizes if not (asked.root / name).is_symlink()]
    yield from _sums("all that is sent", tree.total, files, asked.now)
    found = [*findings]
    for finding in found:
        place = f"{finding.code} at {finding.location.line}"
        for each in (*of_figures(asked, finding), *of_message(asked, finding)):
            yield f"{place}: {each}"
        for each in of_fix(asked, finding):
            yield f"{place}, fix: {each}"
    yield from of_builders(asked, found)


def of_fix(asked: Asked, finding: Finding) -> Iterator[str]:
    """What is wrong about the paths that a fix says it changes."""
    if finding.fix is None:
        return
    (edit,) = finding.fix.edits
    said = finding.fix.changes
    if said is None:
        yield "says nothing about what it changes"
        return
    yield from of_changes(said, asked.now, asked.listing(edit.after))


def of_changes(said: Changes, before: Listing, after: Listing) -> Iterator[str]:
    """What is wrong about `said`, if that is what lies between two listings."""
    gone = before.sizes.keys() - after.sizes.keys()
    come = after.sizes.keys() - before.sizes.keys()
    yield from _apart("ignores", said.ignored.paths, gone)
    yield from _apart("sends", said.sent.paths, come)
    yield from _sums("ignores", said.ignored, gone, before)
    yield from _sums("sends", said.sent, come, after)
    if before.empty is None or after.empty is None:
        return
    yield from _apart("empties", said.emptied.paths, after.empty - before.empty - come)
    yield from _apart("fills", said.filled.paths, before.empty - after.empty - gone)
    yield from _sums("empties", said.emptied, said.emptied.paths, before)
    yield from _sums("fills", said.filled, said.filled.paths, after)


def _apart(what: str, said: Iterable[str], found: Iterable[str]) -> Iterator[str]:
    said, found = set(said), set(found)
    if said - found:
        yield f"{what}: said of {sorted(said - found)[:5]}, which is not so"
    if found - said:
        yield f"{what}: not said of {sorted(found - said)[:5]}"


def _sums(what: str, said: object, names: Iterable[str], listing: Listing) -> Iterator[str]:
    """That figures are not those of `names`; what arrives empty has no bytes."""
    empty = listing.empty or ()
    files = [name for name in names if not name.endswith("/")]
    content = sum(listing.sizes.get(name, 0) for name in files if name not in empty)
    told = (getattr(said, "files", None), getattr(said, "content_bytes", None))
    if told != (len(files), content):
        yield f"{what}: said {told}, the oracle {(len(files), content)}"


# What is true of the paths that the figures of each code count.


def _are_sent(asked: Asked, finding: Finding) -> Iterator[str]:
    yield from _missing("is not sent", finding, asked.now.sizes)


def _travel(asked: Asked, finding: Finding) -> Iterator[str]:
    """They are sent, and where a Dockerfile is known, some build takes them."""
    yield from _are_sent(asked, finding)
    if finding.severity.value == "info":
        return
    taken: set[str] = set()
    for use in asked.case.uses:
        # docker-devtools leaves aside what a bind mount takes, so it cannot be asked then.
        if b"--mount" in use.request.dockerfile_data():
            asked.unasked.append(f"{finding.code}, mounts")
            return
        taken |= asked.taken(use)
    yield from _missing("is not taken", finding, taken)


def _arrive_empty(asked: Asked, finding: Finding) -> Iterator[str]:
    if asked.now.empty is None:
        asked.unasked.append(finding.code)
        return
    yield from _missing("arrives with its content", finding, asked.now.empty)


def _stay_out(asked: Asked, finding: Finding) -> Iterator[str]:
    yield from (f"{each} is sent" for each in {*_paths(finding)} & asked.now.sizes.keys())


def _hang_on_the_line(asked: Asked, finding: Finding) -> Iterator[str]:
    """Just these paths have another fate without the line."""
    number = finding.location.line
    assert number is not None
    lines = asked.case.file.data.split(b"\n")
    mark = b"\xef\xbb\xbf" if number == 1 and lines[0].startswith(b"\xef\xbb\xbf") else b""
    lines[number - 1] = mark + b"#"
    without = asked.listing(b"\n".join(lines))
    differing = asked.now.sizes.keys() ^ without.sizes.keys()
    if asked.now.empty is not None and without.empty is not None:
        both = asked.now.sizes.keys() & without.sizes.keys()
        differing |= (asked.now.empty ^ without.empty) & both
    own = {".dockerignore"}  # Its size is another one, which is no fate.
    yield from _apart("hangs on the line", {*_paths(finding)} - own, differing - own)


def _are_meant(asked: Asked, finding: Finding) -> Iterator[str]:
    """Just these paths are what the new lines by themselves would ignore, or let in."""
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    new = [
        line for line in _inserted(edit.before or b"", edit.after) if line[:1] not in (b"", b"#")
    ]
    plain = b"\n".join(line.removeprefix(b"!") for line in new)
    ignored = asked.everything.keys() - asked.listing(plain).sizes.keys()
    if all(line.startswith(b"!") for line in new):
        ignored -= asked.now.sizes.keys()
    else:
        ignored &= asked.now.sizes.keys()
    yield from _apart("is meant", _paths(finding), ignored)


def _are_hidden_by_the_line(asked: Asked, finding: Finding) -> Iterator[str]:
    by = {each.name: each for each in asked.listed(asked.case.file.data)}
    for path in _paths(finding):
        if not by[path].ignored or by[path].rule_line != finding.location.line:
            yield f"{path} is decided by line {by[path].rule_line}"


def _fall_back(asked: Asked, finding: Finding) -> Iterator[str]:
    """They are sent, and would not be with the general ignore file."""
    yield from _are_sent(asked, finding)
    assert asked.case.fallback is not None
    kept = asked.listing(asked.case.fallback.data).sizes.keys()
    yield from (f"{each} is sent with the other file too" for each in {*_paths(finding)} & kept)


def _are_of_builders(asked: Asked, finding: Finding) -> Iterator[str]:
    """See `of_builders`."""
    yield from _missing("is not there", finding, asked.everything)


FIGURES: dict[str, Callable[[Asked, Finding], Iterator[str]]] = {
    **dict.fromkeys(("CTX101", "CTX105", "CTX108", "CTX130"), _are_sent),
    **dict.fromkeys(("CTX102", "CTX104"), _are_meant),
    **dict.fromkeys(("CTX103", "CTX115", "CTX124"), _hang_on_the_line),
    **dict.fromkeys(("CTX109", "CTX110"), _travel),
    "CTX116": _are_hidden_by_the_line,
    "CTX117": _fall_back,
    "CTX120": _arrive_empty,
    "CTX125": _stay_out,
    "CTX126": _are_of_builders,
}
"""Each code with figures; a figure of another one is a mistake of this table."""


def of_figures(asked: Asked, finding: Finding) -> Iterator[str]:
    """What is wrong about the paths and the figures of a finding."""
    if finding.files is None:
        return
    if finding.paths is None or finding.code not in FIGURES:
        yield "nobody can check its figures"
        return
    yield from FIGURES[finding.code](asked, finding)
    sizes = {**asked.everything, **asked.now.sizes}
    yield from _sums("figures", finding, finding.paths, Listing(sizes, None))
    for each in finding.evidence:
        if each not in finding.paths:
            yield f"shows {each}, which it does not count"


_AMOUNT = re.compile(r"([\d,]+) files?, ([\d.,]+ [kMGTP]?B)\b")
_COPIES = re.compile(r"([\d,]+) other cop(?:y is|ies are) sent")
_EMPTY = re.compile(r"([\d,]+) files? of it without content")


def of_message(asked: Asked, finding: Finding) -> Iterator[str]:
    """What is wrong about the figures in the sentence of a finding."""
    paths = _paths(finding)
    for count, size in _AMOUNT.findall(finding.message):
        if finding.files is None or (_number(count), size) != (
            finding.files,
            human(finding.content_bytes or 0),
        ):
            yield f"the sentence says {count} files, {size}"
    for count in _COPIES.findall(finding.message):
        tops = [each for each in paths if _above(each) not in paths]
        if _number(count) != len(tops):
            yield f"the sentence says {count} copies, of {len(tops)}"
    for count in _EMPTY.findall(finding.message):
        if asked.now.empty is None:
            asked.unasked.append(f"{finding.code}, empty")
        elif _number(count) != len(asked.now.empty.intersection(paths)):
            yield f"the sentence says {count} files without content"


def of_builders(asked: Asked, findings: Sequence[Finding]) -> Iterator[str]:
    """What is wrong about all that is said of other builders, each asked itself."""
    for name, builder in BUILDERS.items():
        said = [
            each
            for each in findings
            if each.code == "CTX126" and each.message.startswith(builder.title)
        ]
        if not said:
            continue
        if name not in asked.engines:
            asked.unasked.append(f"CTX126, {name}")
            continue
        fails = any(" fails: " in each.message for each in said)
        try:
            there = asked.engines[name](asked.root)
        except DevtoolsError as error:
            if not fails:
                yield f"{name} fails: {error}"
            continue
        if fails:
            yield f"{name} does not fail"
        files = {each for each in there if not each.endswith("/")}
        here = {each for each in asked.now.sizes if not each.endswith("/")}
        yield from _apart(f"{name} sends", _told(said, "sends"), _countable(files - here))
        silent = _told(said, "does not send")
        yield from _apart(f"{name} does not send", silent, _countable(here - files))


def _told(findings: Iterable[Finding], verb: str) -> set[str]:
    return {path for each in findings if f" {verb} " in each.message for path in _paths(each)}


def _countable(names: Iterable[str]) -> set[str]:
    """Without what builders add by themselves."""
    own = (".dockerignore", ".containerignore", "Dockerfile")
    return {each for each in names if each not in own and not each.startswith(".dockerfile.")}


def _missing(what: str, finding: Finding, names: Iterable[str]) -> Iterator[str]:
    missing = {*_paths(finding)} - {*names}
    if missing:
        yield f"{sorted(missing)[:5]} {what}"


def _paths(finding: Finding) -> tuple[str, ...]:
    return finding.paths or ()


def _above(name: str) -> str:
    parent = name.rstrip("/").rpartition("/")[0]
    return f"{parent}/" if parent else ""


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _inserted(before: bytes, after: bytes) -> list[bytes]:
    """The lines of `after` that are new."""
    one, other = before.split(b"\n"), after.split(b"\n")
    matched = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return [line for kind, _, _, at, end in matched if kind != "equal" for line in other[at:end]]


def composed(listing: Listing, all_changes: Iterable[Changes]) -> tuple[set[str], list[str]]:
    """The names that are sent after changes one upon the other, and where one cannot be so."""
    sent, wrong = {*listing.sizes}, []
    for said in all_changes:
        if not sent.issuperset(said.ignored.paths) or not sent.isdisjoint(said.sent.paths):
            wrong.append(f"changes {_short(said.ignored)} {_short(said.sent)} that were so before")
        sent = (sent - {*said.ignored.paths}) | {*said.sent.paths}
    return sent, wrong


def _short(group: Paths) -> str:
    return str([*group.paths[:3]])
