"""What `ctxsize lint` says about one ignore file, held path by path against Docker's own code.

Every finding and every fix is taken at its word: which paths its figures count
and what is true of them, which paths it changes and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher

from ctxsize.findings import Changes, Finding, Paths
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.units import human
from tests.oracles.asked import Asked, Listing


def differences(asked: Asked, findings: Iterable[Finding]) -> Iterator[str]:
    """Everything that is wrong about `findings`, and about what is sent as a whole."""
    case, tree = asked.case, asked.case.known_tree
    yield from _apart("sent", tree.marked(case.now.paths), asked.now.sizes)
    empty = asked.now.empty
    if empty is not None:
        yield from _apart("without content", tree.marked(case.now.empty), empty)
    files = [name for name in asked.now.sizes if not (asked.root / name).is_symlink()]
    yield from _sums("all that is sent", case.total, files, asked.now)
    for finding in findings:
        place = f"{finding.code} at {finding.location.line}"
        for each in (*of_figures(asked, finding), *of_message(asked, finding)):
            yield f"{place}: {each}"
        for each in of_fix(asked, finding):
            yield f"{place}, fix: {each}"


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
    """They are sent, directories with all that is sent of them."""
    yield from _missing("is not sent", finding, asked.now.sizes)
    told = {*_paths(finding)}
    for name in asked.now.sizes.keys() - told:
        if _above(name) in told:
            yield f"{name} is sent, and left out"


def _are_copies(asked: Asked, finding: Finding) -> Iterator[str]:
    """They are sent, and the name of the line would ignore them if it held at every depth."""
    yield from _are_sent(asked, finding)
    yield from _not_named(asked, finding, "**/" + _text(asked, finding).rpartition("/")[2])


def _are_named(asked: Asked, finding: Finding) -> Iterator[str]:
    """They are sent, and the line alone in the file would ignore them."""
    yield from _are_sent(asked, finding)
    yield from _not_named(asked, finding, _text(asked, finding))


def _not_named(asked: Asked, finding: Finding, text: str) -> Iterator[str]:
    sent = asked.listing(f"{text}\n".encode("utf-8", "surrogateescape")).sizes
    yield from (f"{each} is not named by {text}" for each in {*_paths(finding)} & sent.keys())


def _text(asked: Asked, finding: Finding) -> str:
    assert finding.location.line is not None
    return asked.case.lines[finding.location.line - 1].text


def _travel(asked: Asked, finding: Finding) -> Iterator[str]:
    """They are sent, and where a Dockerfile is known, some build takes them."""
    yield from _are_sent(asked, finding)
    if finding.severity.value == "info":
        return
    taken = {name for plan in asked.case.plans for name in asked.taken(plan)}
    missing = [*_missing("is not taken", finding, taken)]
    # docker-devtools leaves aside what a mount takes that does not say that it is a bind mount.
    if missing and any(b"--mount" in each.parsed.data for each in asked.case.plans):
        asked.unasked.append(f"{finding.code}, mounts")
        return
    yield from missing


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


FIGURES: dict[str, Callable[[Asked, Finding], Iterator[str]]] = {
    **dict.fromkeys(("CTX101", "CTX105"), _are_copies),
    **dict.fromkeys(("CTX108", "CTX130"), _are_named),
    **dict.fromkeys(("CTX102", "CTX104"), _are_meant),
    **dict.fromkeys(("CTX103", "CTX115", "CTX124"), _hang_on_the_line),
    **dict.fromkeys(("CTX109", "CTX110", "CTX135", "CTX140", "CTX141"), _travel),
    "CTX116": _are_hidden_by_the_line,
    "CTX120": _arrive_empty,
    "CTX125": _stay_out,
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


_AMOUNT = re.compile(r"([\d.,]+ [kMGTP]?B) in ([\d,]+) files?")
_COPIES = re.compile(r"([\d,]+) other cop(?:y|ies)")
_PLACE = re.compile(r"a copy in (\S+)/ would be sent")


def _of_place(asked: Asked, finding: Finding) -> Iterator[str]:
    """That the place in the sentence would not send what is made there."""
    said = _PLACE.search(finding.message)
    if said is None:
        return
    number = finding.location.line
    assert number is not None
    artefact = ARTEFACTS[asked.case.lines[number - 1].text.rpartition("*/")[2]]
    if not asked.would_send({f"{said[1]}/{artefact.example}"}):
        yield f"the sentence says {said[0]}, but it would not"


def of_message(asked: Asked, finding: Finding) -> Iterator[str]:
    """What is wrong about the figures in the sentence of a finding."""
    paths = _paths(finding)
    yield from _of_place(asked, finding)
    for size, count in _AMOUNT.findall(finding.message):
        if finding.files is None or (_number(count), size) != (
            finding.files,
            human(finding.content_bytes or 0),
        ):
            yield f"the sentence says {count} files, {size}"
    for count in _COPIES.findall(finding.message):
        tops = [each for each in paths if _above(each) not in paths]
        if _number(count) != len(tops):
            yield f"the sentence says {count} copies, of {len(tops)}"


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
