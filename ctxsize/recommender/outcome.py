"""What `ctxsize suggest` has to say, by evidence or in one of its modes: values for all formats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from ctxsize.findings import Edit, Finding
from ctxsize.model import Amount, Effect, Problem
from ctxsize.recommender.matches import Match, Objection
from ctxsize.recommender.rules import SAFE_FROM, Category, Rule
from ctxsize.writer.merge import Addition


@dataclass(frozen=True)
class Size:
    """A context, and what of it this build makes travel."""

    context: Amount
    transfer: Amount | None
    """None without a Dockerfile, as nobody knows, and where nothing travels."""

    @property
    def counted(self) -> Amount:
        """Return what travels, or the context where that is not known."""
        return self.context if self.transfer is None else self.transfer


@dataclass(frozen=True)
class Suggestion:
    """Patterns that are worth having, and what they hide: matches of one rule."""

    matches: tuple[Match, ...]
    patterns: tuple[str, ...]
    """The lines to add, exceptions with their `!`."""
    objections: tuple[Objection, ...] = ()
    """What a person may overrule."""
    keeps: tuple[str, ...] = ()
    """What stays of it, because a Dockerfile takes it by name."""
    size: Size = Size(Amount(), None)
    """What it saves beyond the suggestions before it."""
    chosen: bool = False
    """Whether it is part of the edit."""

    @property
    def rule(self) -> Rule:
        """Return the rule behind it."""
        return self.matches[0].rule

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Return what it hides, outermost paths."""
        return tuple(match.path for match in self.matches)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return what shows it, for each path."""
        return tuple(f"{match.path}: {match.evidence}" for match in self.matches)

    @property
    def safe(self) -> bool:
        """Return whether `--write` adds it by itself."""
        secret = self.rule.category is Category.SECRET
        return not self.objections and (secret or self.rule.confidence >= SAFE_FROM)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return why it is not safe."""
        reasons = tuple(dict.fromkeys(each.reason for each in self.objections))
        return reasons if reasons or self.safe else ("not every build can do without it",)

    @property
    def comment(self) -> str:
        """Return what the ignore file says about it: the first clause of the reason."""
        clause = re.split("[:;]", self.rule.why, maxsplit=1)[0]
        return clause[:1].upper() + clause[1:]


@dataclass(frozen=True)
class Blocked:
    """What a rule found and is not suggested."""

    rule: str
    path: str
    trap: str
    """The name of the trap, or `proof`."""
    reason: str
    evidence: str
    size: Amount


@dataclass(frozen=True)
class Question:
    """A large part of the context that no rule explains."""

    path: str
    size: Amount
    note: str
    """What git says of it."""


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """What `ctxsize suggest` found out about an ignore file, whichever way."""

    context_path: str
    dockerfile: str | None
    builder: str
    ignore_file: str
    """The file that governs, or the one that would be made."""
    new_file: bool
    before: Size
    after: Size
    """With the change; measured again if it was written."""
    edit: Edit | None = None
    """What `--write` does; None where nothing changes."""
    written: bool = False
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    options: tuple[str, ...] = ()
    """Further options of the build, as words of the command line."""


@dataclass(frozen=True, kw_only=True)
class Advice(Suggested):
    """Everything that `ctxsize suggest` has to say."""

    kind: ClassVar[Literal["suggest"]] = "suggest"

    suggestions: tuple[Suggestion, ...]
    questions: tuple[Question, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    git_ignored: Amount | None = None
    """What git ignores and the builder would be sent; None without git."""
    git_ignored_secrets: int | None = None
    """How many files of it are secrets, certain or likely ones."""

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be read, so that each amount is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)

    @property
    def saving(self) -> Amount:
        """Return the amount that the chosen suggestions save."""
        return self.before.counted - self.after.counted


@dataclass(frozen=True)
class Removed:
    """A line that goes, and why nothing is lost with it."""

    line: int
    """1-based."""
    text: str
    why: str


@dataclass(frozen=True)
class Note:
    """Something that stays as it is, or was left out, and why."""

    subject: str
    """A pattern, a line or a path."""
    why: str
    path: str = ""
    """The file that it was read from."""
    line: int | None = None
    """In that file."""


@dataclass(frozen=True)
class IgnoreFileChange:
    """What becomes of an ignore file, proved on the tree at hand."""

    after: bytes | None = None
    """None where nothing is to be done."""
    added: tuple[Addition, ...] = ()
    removed: tuple[Removed, ...] = ()
    notes: tuple[Note, ...] = ()
    impossible: str = ""
    """Why there is no such change, as a sentence."""
    hint: str = ""
    """What would make it possible."""


@dataclass(frozen=True, kw_only=True)
class IgnoreFilePlan(Suggested):
    """Everything that `ctxsize suggest` has to say in one of its modes."""

    kind: ClassVar[Literal["plan"]] = "plan"

    mode: str
    """`allowlist`, `like`, `from-gitignore` or `tidy`."""
    change: IgnoreFileChange
    sibling: str | None = None
    """The other ignore file of `like`."""
