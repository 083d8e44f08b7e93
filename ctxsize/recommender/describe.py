"""Rules and markers in words, for `suggest --explain` and the page on ecosystems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ctxsize import units
from ctxsize.recommender import rules
from ctxsize.recommender.rules import EntryType, Form, Rule

SAFE_FROM = 0.85
"""The confidence from which on a suggestion is safe, if it passes every proof."""


def names(rule: Rule) -> str:
    """Return what a rule looks for."""
    if not rule.find:
        return "a directory of any name"
    return ", ".join(f"`{each}{_KINDS[rule.kind]}`" for each in rule.find)


_KINDS = {EntryType.DIRECTORY: "/", EntryType.FILE: "", EntryType.SYMLINK: ""}


def needs(marker: rules.Marker) -> str:
    """Return what proves a marker, as a clause."""
    return _WORDS[type(marker)](marker)


def written_as(rule: Rule) -> str:
    """Return the pattern that a rule leads to."""
    if rule.never:
        return "never suggested"
    if rule.form is Form.ANCHORED:
        return "its path" + (" with `/*`" if rule.contents else "")
    return ", ".join(f"`**/{each}`" for each in rule.find)


def page(all_rules: Iterable[Rule]) -> str:
    """Return the tables of `docs/ecosystems.md`, one for each ecosystem."""
    tables: dict[str, list[str]] = {}
    for rule in all_rules:
        safe = "yes" if rule.confidence >= SAFE_FROM and not rule.never else "no"
        cells = (rule.name, names(rule), needs(rule.marker), written_as(rule), safe, rule.why)
        row = "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"
        tables.setdefault(rule.ecosystem, []).append(row)
    head = "| rule | looks for | evidence | written as | safe | why |\n|---|---|---|---|---|---|\n"
    sections = (
        f"## {name}\n\n{head}" + "\n".join(rows) + "\n" for name, rows in sorted(tables.items())
    )
    return "\n".join(sections)


def _one_of(items: tuple[str, ...], where: str) -> str:
    quoted = [f"`{each}`" for each in items]
    return (quoted[0] if len(quoted) == 1 else "one of " + ", ".join(quoted)) + f" {where}"


def _every(items: tuple[str, ...], where: str) -> str:
    return " and ".join(f"`{each}`" for each in items) + f" {where}"


_WORDS: dict[type, Callable[[Any], str]] = {
    rules.Beside: lambda marker: _one_of(marker.names, "beside it"),
    rules.BesideAll: lambda marker: _every(marker.names, "beside it"),
    rules.Inside: lambda marker: _one_of(marker.names, "in it"),
    rules.InsideAll: lambda marker: _every(marker.names, "in it"),
    rules.Tagged: lambda _: "a valid `CACHEDIR.TAG` in it",
    rules.SelfIgnored: lambda _: "a `.gitignore` in it that ignores all of it",
    rules.GitIgnored: lambda _: "git ignores it",
    rules.Untracked: lambda _: "git does not track it",
    rules.Content: lambda _: "its content",
    rules.Begins: lambda _: "its first bytes",
    rules.Twin: lambda marker: f"the same name without `{marker.ending}` beside it",
    rules.AtLeast: lambda marker: f"{units.human(marker.size_bytes)} or more",
    rules.MostlyOf: lambda marker: "most of it in " + ", ".join(f"`{e}`" for e in marker.endings),
    rules.OnlyPrograms: lambda _: "nothing but compiled programs in it",
    rules.OnlyDocuments: lambda _: "nothing but text and pictures in it",
    rules.Link: lambda marker: f"a symlink to `{marker.into}`" if marker.into else "a symlink",
    rules.IsDockerfile: lambda _: "builds of this context read it",
    rules.Exists: lambda _: "the name alone",
    rules.AnyOf: lambda marker: "; or ".join(map(needs, marker.markers)),
    rules.AllOf: lambda marker: ", and ".join(map(needs, marker.markers)),
}
