"""Advice on Dockerfiles for a person: findings by place, and their rewrites as diffs."""

from __future__ import annotations

from ctxsize.advice import DockerfileAdvice
from ctxsize.formats.look import Look
from ctxsize.formats.names import visible
from ctxsize.formats.text import diff
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.findings import lines as findings_lines
from ctxsize.formats.text.findings import place


def render(advice: DockerfileAdvice, look: Look) -> str:
    """The findings, what was mended, and what could not be read."""
    lines: list[str] = []
    for each in advice.mended:
        assert each.fix is not None
        done = look.paint("fixed", "green")
        lines.append(f"{place(each)} {done} {each.code} {visible(each.fix.message)}")
    found = findings_lines(advice.findings, look)
    lines += [""] * bool(lines and found) + found
    if any(each.fix for each in advice.findings):
        lines.append(look.paint("`ctxsize advise --diff` shows the rewrites", "dim"))
    if not advice.findings:
        read = plural(len(advice.dockerfiles), "Dockerfile")
        lines.append(f"{read}: nothing found" if advice.dockerfiles else "no Dockerfile here")
    for problem in advice.problems:
        where = ":".join(str(part) for part in (problem.path, problem.line) if part is not None)
        lines.append(f"note: {visible(f'{where}: ' if where else '')}{visible(problem.message)}")
    return "".join(f"{line}\n" for line in lines)


def diffs(advice: DockerfileAdvice, look: Look) -> str:
    """The rewrite of each finding that has one, below a line that says what it mends."""
    parts: list[str] = []
    for each in advice.findings:
        if each.fix is not None:
            sure = "" if each.fix.certain else ", to be looked at"
            head = f"# {place(each)} {each.code}: {visible(each.fix.message)}{sure}"
            parts.append(f"{look.paint(head, 'dim')}\n{diff.render(each.fix.edits, look)}")
    return "\n".join(parts)
