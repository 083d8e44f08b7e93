"""The documentation of each code, read from the pages beside this module.

A code is never used for anything else, also when it is retired. `CTX0` are problems, `CTX1`
lints, `CTX2` advice, `CTX3` discovery, `CTX4` the guard, `CTX5` suggestions.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar, Literal

from ctxsize.findings import FrozenFindings, Severity
from ctxsize.shipped import shipped_names, shipped_text
from ctxsize.values import Value

_PAGE = (
    r"# (?P<name>CTX\d{3}) (?P<slug>[a-z0-9-]+)\n\n"
    r"(?P<summary>.+)\n\n"
    r"Usual severity: (?P<severity>\w+)\.\n\n"
    r"(?P<why>.+)\n"
    r"(?:\n## Bad\n\n```text\n(?P<bad>(?s:.+?))\n```\n)?"
    r"(?:\n## Good\n\n```text\n(?P<good>(?s:.+?))\n```\n)?"
)
_SENTENCE = r"(?:`[^`]*`|[^`])+?\.(?=\s|\Z)"
_ESCAPED = rb"\\([0-3][0-7]{2})"
"""A non-printable byte, as pages and the terminal show it."""


class Code(Value):
    """A kind of finding, as `CTX101` or by its slug, `root-only-name`."""

    name: str
    slug: str
    severity: Severity  # the usual severity; that of a finding may differ
    summary: str  # one sentence on what is wrong in general
    why: str  # the behaviour of Docker, and what to do instead
    bad: str = ""
    good: str = ""  # an example with the fault, and corrected

    @property
    def reason(self) -> str:
        """Return the first sentence of `why`."""
        sentence = re.match(_SENTENCE, self.why)
        if sentence:
            return sentence[0]
        return self.why


class Rules(Value):
    """The codes that `ctxsize rule` explains, at length if they were `asked` for by name."""

    kind: ClassVar[Literal["rules"]] = "rules"

    codes: tuple[Code, ...]
    asked: bool = False
    findings: ClassVar[FrozenFindings] = ()


@cache
def names(start: str = "CTX") -> tuple[str, ...]:
    """Return all codes with this prefix, in order."""
    pages = (page.partition(".") for page in shipped_names("codes"))
    return tuple(sorted(name for name, _, end in pages if end == "md" and name.startswith(start)))


@cache
def code_of(name: str) -> Code:
    """Return the content of the page of a code. Raises `KeyError` if there is none."""
    if name not in names():
        raise KeyError(name)
    # on at most 10_000 characters, those of our own pages
    page = re.fullmatch(_PAGE, shipped_text(f"codes/{name}.md"))
    assert page is not None, name
    parts = {key: text or "" for key, text in page.groupdict().items()}
    for key in ("bad", "good"):
        text = parts[key].encode()
        parts[key] = re.sub(_ESCAPED, lambda byte: bytes([int(byte[1], 8)]), text).decode()
    severity = Severity(parts.pop("severity"))
    return Code(severity=severity, **parts)


def all_codes() -> tuple[Code, ...]:
    """Return the content of all pages, in the order of their codes."""
    return tuple(map(code_of, names()))


def severity_of(name: str) -> Severity:
    """Return the usual severity of a code."""
    return code_of(name).severity
