"""What a mode has to say: values for people's and programs' formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ctxsize.findings import Edit, Finding
from ctxsize.model import Problem
from ctxsize.recommender.outcome import Size
from ctxsize.writer.merge import Addition


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
class Change:
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


@dataclass(frozen=True)
class Plan:
    """Everything that `ctxsize suggest` has to say in one of its modes."""

    kind: ClassVar[Literal["plan"]] = "plan"

    mode: str
    """`allowlist`, `like`, `from-gitignore` or `tidy`."""
    context_path: str
    dockerfile: str | None
    builder: str
    ignore_file: str
    """The file that governs, or the one that would be made."""
    new_file: bool
    before: Size
    after: Size
    """With the change; measured again if it was written."""
    change: Change
    edit: Edit | None = None
    """What `--write` does; None where nothing changes."""
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    written: bool = False
    options: tuple[str, ...] = ()
    """Further options of the build, as words of the command line."""
    sibling: str | None = None
    """The other ignore file of `like`."""
