"""Values of `ctxsize suggest`: matches of rules, suggestions, and the results for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from os.path import normpath, relpath
from typing import ClassVar, Literal, NamedTuple

from ctxsize.engine.snapshot import Snapshot
from ctxsize.findings import Confidence, Edit, FrozenFindings, in_order
from ctxsize.knowledge.rules import SAFE_FROM, Category, Rule
from ctxsize.model import Amount, Effect, Problems, Report, Texts
from ctxsize.values import Value
from ctxsize.writer import Addition

_MUCH_BYTES = 1_000_000
_MUCH_SHARE = 0.01  # of the context
"""The saving of all safe suggestions from which the lack of them matters; one is enough."""
_LITTLE_BYTES = 10_000  # the same for the lack of an ignore file
SECRETS = ("CTX510", "CTX511")  # codes of the findings about secrets
UNREAD_DOCKERFILE = "unread-dockerfile"  # code of the problem with a Dockerfile beside the build's
Clause = str | None  # a reason or evidence, as a part of a sentence; None without one


class Doubt(str):
    """A reason against a match that the user may overrule."""

    __slots__ = ()


class Objection(NamedTuple):
    """A reason not to suggest a match, or a `Doubt`: a reason not to call it safe."""

    trap: str
    reason: str

    @property
    def soft(self) -> bool:
        return isinstance(self.reason, Doubt)


class Match(Value):
    """A path at which the marker of a rule holds."""

    rule: Rule
    find: str  # the entry of `Rule.find` that matched; `""` for a rule without names
    path: str
    evidence: str
    secret: Confidence | None = None  # certainty that it is a secret; None for other rules
    objections: tuple[Objection, ...] = ()
    spared: str = ""  # why no build needs it, as a clause, where its rule alone proves nothing

    @property
    def hard(self) -> Objection | None:
        """Return the reason why it is not suggested at all; None without one."""
        for objection in self.objections:
            if not objection.soft:
                return objection
        if self.rule.never:
            return Objection("never", self.rule.why)
        return None

    @property
    def is_settled(self) -> bool:
        """Return True if it is hidden with everything below it."""
        if self.rule.never or self.objections:
            return False
        return bool(self.spared) or self.rule.confidence >= SAFE_FROM


Matches = list[Match]


class Size(Value):
    """The size of a context, and of its transfer in this build."""

    context: Amount
    transfer: Amount | None  # None without a Dockerfile, and if the builder transfers nothing

    @property
    def counted(self) -> Amount:
        """Return the transfer, or the context if the transfer is unknown."""
        if self.transfer is None:
            return self.context
        return self.transfer


class Suggestion(Value):
    """Patterns that are worth a line, and the matches of one rule that they hide."""

    matches: tuple[Match, ...]
    patterns: Texts  # the lines to add; exceptions begin with `!`
    objections: tuple[Objection, ...] = ()
    keeps: Texts = ()  # paths below that are still sent, as a Dockerfile takes them
    size: Size = Size(Amount(), None)  # what it saves in addition to the suggestions before it
    chosen: bool = False  # True if it is part of the edit
    untracked: bool = False  # True if git tracks nothing of it, of one without proof
    prevents: str = ""  # the command that will make what it hides, if that is not there yet
    hazard: str = ""  # how what it hides breaks or spoils a build, whatever its size

    @property
    def rule(self) -> Rule:
        return self.matches[0].rule

    @cached_property
    def paths(self) -> Texts:
        """Return the outermost paths that it hides."""
        return tuple(match.path for match in self.matches)

    @property
    def evidence(self) -> Texts:
        grounds = (filter(None, (match.evidence, match.spared)) for match in self.matches)
        return tuple(
            f"{path}: {', and '.join(clauses)}"
            for path, clauses in zip(self.paths, grounds, strict=True)
        )

    @property
    def safe(self) -> bool:
        """Return True if `--write` adds it without being asked to."""
        if self.objections:
            return False
        if self.prevents or self.rule.is_secret or self.rule.confidence >= SAFE_FROM:
            return True
        return any(match.spared for match in self.matches)

    @property
    def reason(self) -> str:
        """Return in a few words what it is about."""
        if self.prevents:
            return f"nothing yet; {self.prevents} makes it here"
        return self.rule.reason

    @property
    def is_unreadable(self) -> bool:
        """Return True if it hides a directory at which the build stops; its size is unknown."""
        return self.rule.marker.kind == "unreadable"

    @property
    def is_urgent(self) -> bool:
        """Return True if it matters whatever its size: for a secret, and for a hazard."""
        return self.rule.is_secret or bool(self.hazard)

    @property
    def is_sizeless(self) -> bool:
        """Return True if it helps though nothing is saved by it now."""
        if self.is_urgent:
            return True
        if self.is_unreadable:
            return True
        return bool(self.prevents)

    @property
    def doubts(self) -> Texts:
        """Return the reasons why it is not safe."""
        reasons = tuple(dict.fromkeys(objection.reason for objection in self.objections))
        if reasons or self.safe:
            return reasons
        if self.untracked:
            return (f"{self.rule.possible_need}; git does not track it, so CI builds without it",)
        return (self.rule.possible_need,)

    @property
    def additions(self) -> list[Addition]:
        """Return the lines to add, each with its heading and a comment."""
        comment = self.rule.reason[:1].upper() + self.rule.reason[1:]
        if self.prevents:
            comment += f", made by {self.prevents}"
        return [Addition(pattern, self.rule.category.heading, comment) for pattern in self.patterns]


Suggestions = list[Suggestion]


class Blocked(Value):
    """A match that is not suggested, for a trap, `proof` or `never`."""

    rule: str
    path: str
    trap: str
    reason: str
    evidence: str
    size: Amount


class Question(Value):
    """A large part of the context that no rule explains, and its state in git."""

    path: str
    size: Amount
    note: str


class Neighbour(NamedTuple):
    """The build of another Dockerfile that reads the same ignore file."""

    dockerfile: str  # the path as the user would write it
    options: Texts  # further options of the build, as words of the command line
    sends: Amount


class Suggested(Value, kw_only=True):
    """The common part of all results of `ctxsize suggest`."""

    context_path: str
    dockerfile: str | None
    builder: str
    ignore_file: str  # path of the ignore file that is used, or of the one that would be created
    new_file: bool
    before: Size
    after: Size  # the size with the change, by simulation
    edit: Edit | None = None  # the change that `--write` makes; None if nothing changes
    written: bool = False
    findings: FrozenFindings = ()
    problems: Problems = ()
    failures: Problems = ()  # why the build is known to fail, with or without the change
    options: Texts = ()  # further options of the build, as words of the command line
    is_link: bool = False  # True if `ignore_file` is a symlink, which `--write` refuses


class Advice(Suggested, kw_only=True):
    """The result of `ctxsize suggest` without a mode."""

    kind: ClassVar[Literal["suggest"]] = "suggest"

    suggestions: tuple[Suggestion, ...]
    questions: tuple[Question, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    git_ignored: Amount | None = None  # sent although git ignores it; None without git
    git_ignored_largest: str = ""  # the largest path among these; empty if there is none
    git_ignored_secrets: int | None = None  # certain or likely secrets among these files
    neighbours: tuple[Neighbour, ...] = ()  # those that send more, the largest first
    untaken_secrets: frozenset[str] = frozenset()  # paths that no instruction of this build takes
    snapshot: Snapshot | None = field(default=None, compare=False, repr=False)
    hidden: Mapping[str, Amount] = field(default_factory=dict, compare=False, repr=False)
    """By directory, and by path of a suggestion, what all suggestions hide of what is counted."""

    @property
    def lower_bound(self) -> bool:
        """Return True if something could not be read, so that each amount is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)

    @property
    def is_lacking(self) -> bool:
        """Return True if something that matters should be added, as `--check` asks.

        That is a secret, a hazard, or much of the context; files of builders alone are not.
        """
        missing = self._helping
        if any(suggestion.is_urgent for suggestion in missing):
            return True
        saved_bytes = sum(suggestion.size.context.content_bytes for suggestion in missing)
        share_bytes = _MUCH_SHARE * self.before.context.content_bytes
        return saved_bytes > 0 and saved_bytes >= min(_MUCH_BYTES, share_bytes)

    @property
    def lacks_a_file(self) -> bool:
        """Return True if it is worth saying that there is no ignore file."""
        if not self.new_file:
            return False
        missing = self._helping
        for suggestion in missing:
            is_taken = suggestion.size.counted.files or not suggestion.is_urgent
            if suggestion.is_sizeless and is_taken:
                return True
        saved_bytes = sum(suggestion.size.counted.content_bytes for suggestion in missing)
        share_bytes = _MUCH_SHARE * self.before.counted.content_bytes
        return saved_bytes > 0 and saved_bytes >= min(_LITTLE_BYTES, share_bytes)

    @property
    def _helping(self) -> Suggestions:
        """Return the safe suggestions but those for files of builders, which are small."""
        return [
            suggestion
            for suggestion in self.suggestions
            if suggestion.safe and not suggestion.rule.is_for_builders
        ]

    @property
    def to_show(self) -> tuple[Suggestion, ...]:
        """Return the suggestions but one for the file that `--write` creates: it saves nothing."""
        new_file = []
        if self.new_file:
            new_file.append(relpath(self.ignore_file, self.context_path))
        return tuple(
            suggestion
            for suggestion in self.suggestions
            if [*map(normpath, suggestion.paths)] != new_file
        )

    @property
    def saving(self) -> Amount:
        """Return the amount that the chosen suggestions save."""
        return self.before.counted - self.after.counted


class Glance(Value):
    """The result of `ctxsize [DIR]`: what is sent, and what of it is proved to be unneeded."""

    kind: ClassVar[Literal["glance"]] = "glance"

    report: Report
    advice: Advice | None  # None without a Dockerfile, and where none can be read
    snapshot: Snapshot = field(compare=False, repr=False)
    hazards: Problems = ()  # what breaks or spoils the build, whatever its size
    unread_ignore_file: str | None = None  # one nearby that the build does not read

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """Return the suggestions about what is sent, the largest first."""
        if self.advice is None:
            return ()
        sent = [suggestion for suggestion in self.advice.to_show if suggestion.size.counted.files]
        return tuple(sorted(sent, key=lambda suggestion: -suggestion.size.counted.content_bytes))

    @property
    def safe(self) -> Amount:
        """Return the amount of what is proved to be unneeded, but for Docker's own files."""
        return self._amount(is_safe=True)

    @property
    def doubtful(self) -> Amount:
        """Return the amount of what may be unneeded, but for the same files."""
        return self._amount(is_safe=False)

    def _amount(self, *, is_safe: bool) -> Amount:
        return Amount.of(
            *(
                suggestion.size.counted
                for suggestion in self.suggestions
                if suggestion.safe is is_safe and suggestion.rule.category is not Category.DOCKER
            )
        )

    @property
    def secrets(self) -> FrozenFindings:
        """Return the findings about secrets that this build sends."""
        if self.advice is None:
            return ()
        return tuple(
            finding
            for finding in self.advice.findings
            if finding.code in SECRETS and self.advice.untaken_secrets.isdisjoint(finding.evidence)
        )

    @property
    def findings(self) -> FrozenFindings:
        """Return the findings of both."""
        findings = [*self.report.findings]
        if self.advice is not None:
            findings += self.advice.findings
        return in_order(findings)


class Note(Value):
    """A pattern, a line or a path that stays as it is or was left out, and where it is written."""

    subject: str
    why: str
    path: str = ""
    line: int | None = None


class IgnoreFileChange(Value):
    """The change of an ignore file, proved on this tree, or why there is none, as a sentence."""

    after: bytes | None = None  # the new content; None if nothing changes
    added: tuple[Addition, ...] = ()
    notes: tuple[Note, ...] = ()
    impossible: str = ""
    hint: str = ""


class IgnoreFilePlan(Suggested, kw_only=True):
    """The result of `ctxsize suggest` in one of its modes."""

    kind: ClassVar[Literal["plan"]] = "plan"

    mode: str  # `allowlist`, `like` or `from-gitignore`
    change: IgnoreFileChange
    sibling: str | None = None  # the other ignore file, for `like`
