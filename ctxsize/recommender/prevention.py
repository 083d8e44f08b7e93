"""Foresee the directories that tools make, to keep them out before they are there.

In a fresh clone there is no `node_modules`, but its lock file shows that there will be one. Every
developer would send it if the ignore file lacked the pattern. Such a pattern hides nothing that
exists: no entry has the name, git tracks none, and no instruction takes one. Its directory passes
the traps of one that exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from posixpath import basename, join
from typing import NamedTuple

from ctxsize.engine.evaluate import DockerIgnoreSpec, up_to
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.trial import mark_of
from ctxsize.knowledge.rules import NOT_SOURCES, Foresight, Rule, all_rules, listed
from ctxsize.model import Texts
from ctxsize.recommender.build_files import exceptions, may_name
from ctxsize.recommender.candidates import MANY, ending
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.outcome import Match, Suggestion, Suggestions
from ctxsize.recommender.spared import is_made_in
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import PathSet, fits, is_at_or_below, is_below

_MOST_JUDGED = 200  # number of directories of one name that are judged one by one
_UNKNOWN = "\ue000"  # a name that no pattern means
_ANYWHERE = "/".join(_UNKNOWN * 5)  # a directory that no pattern means

DirectoriesByManifest = dict[str, list[str]]


class _Source(NamedTuple):
    """A directory in which a tool makes another one."""

    directory: str
    foresight: Foresight
    manifest: str


class _Output(NamedTuple):
    """A directory that a tool makes, whether or not it is there, and what foresees it."""

    match: Match
    foresight: Foresight
    by: str  # the command that makes those of its name

    @property
    def probe(self) -> str:
        """Return the path of a file in it: of what its rule looks for, as patterns may do."""
        return join(self.match.path, self._inside)

    @property
    def probe_anywhere(self) -> str:
        """Return such a path in a directory that no pattern means."""
        return join(_ANYWHERE, self.match.find, self._inside)

    @property
    def _inside(self) -> str:
        marker = self.match.rule.marker
        if marker.kind == "inside":
            return marker.names[0].replace("*", "a")
        return _UNKNOWN


Outputs = Sequence[_Output]


class Foreseen:
    """The directories that tools make in one context, and the patterns that keep them out."""

    def __init__(self, facts: Facts, hidden: PathSet = ()) -> None:
        """Create it; patterns beside those of the ignore file ignore `hidden`."""
        self._facts = facts
        self._hidden = hidden
        self._exceptional = [pattern.text for pattern in exceptions(facts.plan)]
        self._answers: dict[Texts, PathSet] = {}  # of git

    def prevention(self, spec: DockerIgnoreSpec) -> Iterator[Suggestion]:
        """Yield suggestions about what is not there and what the patterns `spec` do not ignore.

        They save nothing yet.
        """
        groups = [group for group in self._groups(spec) if not self._is_known(group[0].match.find)]
        ignored = self._ignored_by_git(groups)
        lines = set[str]()
        for group in groups:
            suggestion = self._prevention(group, ignored)
            if suggestion is None or f"**/{group[0].match.find}" in lines:
                continue
            if lines.isdisjoint(suggestion.patterns):
                lines.update(suggestion.patterns)
                yield suggestion

    def _groups(self, spec: DockerIgnoreSpec) -> Iterator[Outputs]:
        """Yield what a rule foresees under one name and a build would send, outermost first."""
        if not self._facts.build_files.all:
            return
        for rule in _foreseeing():
            by_name = defaultdict(list)
            places = [*self._places(rule)]
            # In a workspace, the command for the lock file makes those of all its packages.
            by = _first_of(rule, places)
            for place in places:
                foresight = place.foresight
                for name in foresight.names:
                    evidence = f"{place.manifest} beside it, and {foresight.by} makes it"
                    match = Match(rule, name, join(place.directory, name), evidence)
                    output = _Output(match, foresight, by)
                    if self._would_be_sent(output, spec):
                        by_name[name].append(output)
            yield from by_name.values()

    @cached_property
    def _directories_by_manifest(self) -> DirectoriesByManifest:
        """Return the directories with manifests of this project, by their names or globs."""
        literals, globs = manifests()
        endings = tuple(glob[1:] for glob in globs)
        left_out = NOT_SOURCES.union(listed("made_up"))

        def enters(directory: MemoryDirectory) -> bool:
            path = directory.path
            if directory.name in left_out or path in self._hidden:
                return False
            return not self._facts.tree.is_vendored(path)

        directories = defaultdict(list)
        for directory in self._facts.tree.root.tree(enters):
            names = {*literals.intersection(directory.entries)}
            for name in directory.entries:
                if name.endswith(endings):
                    names.update(glob for glob in globs if name.endswith(glob[1:]))
            path = directory.path
            if names and not (path and self._facts.git.ignores(path)):
                for name in names:
                    directories[name].append(path)
        return directories

    def _places(self, rule: Rule) -> Iterator[_Source]:
        """Yield the directories in which a tool makes what a rule is about, outermost first."""
        places = {}
        for foresight in rule.foreseen:
            for manifest in foresight.beside:
                for directory in self._directories_by_manifest.get(manifest, ()):
                    if directory not in places and is_made_in(self._facts, directory, foresight):
                        places[directory] = _Source(directory, foresight, manifest)
        for directory in sorted(places, key=_depth):
            place = places[directory]
            is_inner = is_below(directory, places) or ("" in places and directory != "")
            if not (place.foresight.outermost and is_inner):
                yield place

    def _would_be_sent(self, output: _Output, spec: DockerIgnoreSpec) -> bool:
        """Return True if no pattern ignores it, and a build takes the directory around it."""
        if mark_of(spec, output.probe).ignored:
            return False
        return self._facts.may_travel(output.match)

    def _is_known(self, name: str) -> bool:
        """Return True if something of this name is there, or git or a build knows one."""
        facts = self._facts
        if any(named.goes_through(name) for named in facts.build_files.named):
            return True
        if any(may_name(text, name) for text in self._exceptional):
            return True
        for path in facts.named(basename(name)):
            if fits(name, path) and not is_at_or_below(path, self._hidden):
                return True
        return facts.git.tracks_name(name)

    def _ignored_by_git(self, groups: Sequence[Outputs]) -> PathSet:
        """Return the probes that `.gitignore` files ignore, where such a line is needed."""
        probes = dict[str, None]()
        for group in groups:
            for output in group:
                if output.foresight.git_ignored:
                    probes[output.probe] = None
                    probes[output.probe_anywhere] = None
        if not probes:
            return ()
        key = tuple(probes)
        if key not in self._answers:
            self._answers[key] = self._facts.git.would_ignore(key)
        return self._answers[key]

    def _prevention(self, group: Outputs, ignored: PathSet) -> Suggestion | None:
        """Return the suggestion about a group; None if nothing of it is proved."""
        proved = list[_Output]()
        is_everywhere = True  # True if the pattern may be for all depths
        for output in group:
            if output.foresight.git_ignored:
                if output.probe not in ignored:
                    continue
                if output.probe_anywhere not in ignored:
                    is_everywhere = False
            is_judged = len(proved) < _MOST_JUDGED
            if is_judged and objections(self._facts, output.match):
                is_everywhere = False
            else:
                proved.append(output)
        if not proved:
            return None
        matches = tuple(output.match for output in proved)
        lines = self._lines(matches, is_everywhere=is_everywhere)
        if not lines:
            return None
        return Suggestion(matches, lines, prevents=proved[0].by)

    def _lines(self, matches: Sequence[Match], *, is_everywhere: bool) -> Texts:
        """Return a pattern for all depths, or those of few paths; none if they are too many."""
        rule = matches[0].rule
        end = ending(rule, self._exceptional)
        is_anchored = rule.anchored and len(matches) <= MANY and rule.find != ()
        if is_everywhere and not is_anchored:
            return (f"**/{matches[0].find}{end}",)
        if len(matches) > MANY:
            return ()
        patterns = (self._facts.pattern_of(match.path) for match in matches)
        return tuple(pattern + end for pattern in patterns if pattern)


def widened(suggestions: Suggestions, foreseen: Suggestions) -> Suggestions:
    """Return suggestions, with the lines for all depths of those `foreseen` of the same names."""
    lines = {
        (other.rule, other.matches[0].find): other.patterns
        for other in foreseen
        if other.patterns[0].startswith("**/")
    }
    wide = []
    for suggestion in suggestions:
        patterns = lines.get((suggestion.rule, suggestion.matches[0].find), suggestion.patterns)
        wide.append(replace(suggestion, patterns=patterns))
    return wide


@cache
def _foreseeing() -> tuple[Rule, ...]:
    return tuple(rule for rule in all_rules().values() if rule.foreseen)


@cache
def manifests() -> tuple[frozenset[str], Texts]:
    """Return the names of all manifests that foresee something, and the globs for others."""
    foresights = [foresight for rule in _foreseeing() for foresight in rule.foreseen]
    names = {name for foresight in foresights for name in foresight.beside}
    globs = sorted(name for name in names if name.startswith("*"))
    return frozenset(names.difference(globs)), tuple(globs)


def _first_of(rule: Rule, places: Iterable[_Source]) -> str:
    """Return the command that the first foresight of a rule with a place names."""
    used = [place.foresight for place in places]
    return next((foresight.by for foresight in rule.foreseen if foresight in used), "")


def _depth(directory: str) -> tuple[int, str]:
    """Return a key: the top comes first, then what is directly in it."""
    if not directory:
        return 0, ""
    return len(up_to(directory)), directory
