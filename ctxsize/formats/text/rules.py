"""Codes explained for a person: one at length, or all of them in a line each."""

from __future__ import annotations

import textwrap

from ctxsize.codes import Code, Rules
from ctxsize.formats.look import Look
from ctxsize.formats.names import visible
from ctxsize.formats.text.findings import STYLES


def render(rules: Rules, look: Look) -> str:
    """The one code that was asked for at length, else a line for each."""
    if rules.asked:
        return "\n".join(_at_length(code, look) for code in rules.codes)
    return "".join(f"{line}\n" for code in rules.codes for line in _in_short(code, look))


def _in_short(code: Code, look: Look) -> list[str]:
    head = f"{code.name} {code.severity.value:<8}{code.slug:<24} "
    first, *rest = _wrapped(f"{head}{code.summary}", look, " " * len(head))
    painted = look.paint(code.severity.value, STYLES[code.severity])
    return [first.replace(code.severity.value, painted, 1), *rest]


def _at_length(code: Code, look: Look) -> str:
    severity = look.paint(code.severity.value, STYLES[code.severity])
    lines = [f"{look.paint(code.name, 'bold')} {code.slug} ({severity})", ""]
    lines += [*_wrapped(code.summary, look, ""), "", *_wrapped(code.why, look, "")]
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        if example:
            lines += ["", f"{title}:", *(f"    {visible(line)}" for line in example.split("\n"))]
    return "".join(f"{line}\n" for line in lines)


def _wrapped(text: str, look: Look, indent: str) -> list[str]:
    return textwrap.wrap(text, look.width, subsequent_indent=indent, break_on_hyphens=False)
