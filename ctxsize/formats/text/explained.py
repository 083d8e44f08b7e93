"""What rules look for, and what became of it in one context: `suggest --explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.suggest import Block, section, suggestion, wrapped
from ctxsize.recommender import describe
from ctxsize.recommender.knowledge.load import BY_NAME
from ctxsize.recommender.outcome import Advice, Blocked
from ctxsize.recommender.rules import Rule

_LABEL = 13
_NOTHING = "Everything that was found is suggested."


def render(advice: Advice, names: Sequence[str], look: Look) -> str:
    """What `advice` says about the rules of these names; without any, all that was blocked."""
    if not names:
        lines = blocked(advice.blocked, look) or [_NOTHING]
    else:
        lines = [line for name in names for line in _rule(advice, BY_NAME[name], look)][:-1]
    return "\n".join(lines) + "\n"


def blocked(found: Iterable[Blocked], look: Look) -> list[str]:
    """What rules found and is not suggested, with what speaks against it."""
    return section("Found, and not suggested", map(_blocked, found), look)


def _rule(advice: Advice, rule: Rule, look: Look) -> Iterator[str]:
    yield look.paint(rule.name, "bold")
    facts = {
        "looks for": describe.names(rule),
        "evidence": describe.needs(rule.marker),
        "written as": describe.written_as(rule),
        "why": rule.why,
        "made again by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    for label, text in facts.items():
        if text:
            yield from wrapped(f"  {label:<{_LABEL}} {text}", look, " " * (_LABEL + 3))
    here = [each for each in advice.suggestions if each.rule == rule.name]
    against = [each for each in advice.blocked if each.rule == rule.name]
    yield from section("Suggested here", map(suggestion, here), look)
    yield from blocked(against, look)
    if not here and not against:
        yield f"  {'here':<{_LABEL}} nothing that is sent has this name and its evidence"
    yield ""


def _blocked(each: Blocked) -> Block:
    figures = f"{units.human(each.size.content_bytes)}, {plural(each.size.files, 'file')}"
    texts = [
        f"Blocked by {each.trap}: {visible(each.reason)}.",
        f"Rule: {each.rule}; evidence: {visible(each.evidence)}",
    ]
    return quoted(each.path), figures, texts
