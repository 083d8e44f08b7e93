"""How the outcome of a command is shown: `render(format, outcome, look) -> str`.

Each format is a module or package here with `render(outcome, look)`. A format
never prints, opens or exits. One is loaded when it is used.
"""

from __future__ import annotations

import re

from ctxsize.formats.look import Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean.values import Cleaning
    from ctxsize.codes import Rules
    from ctxsize.guard.outcome import CheckReport, DiffReport
    from ctxsize.lints.run import Linted
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan
    from ctxsize.scanning import Scan

    Outcome = (
        Report
        | CheckReport
        | DiffReport
        | Advice
        | IgnoreFilePlan
        | Linted
        | DockerfileAdvice
        | Scan
        | Cleaning
        | Rules
    )
    """What a command answers; `kind` tells one from the others, and `findings` are of all."""

FORMATS = ("text", "json", "markdown", "github", "sarif", "junit", "gitlab")
"""The choices of `--format`."""

_JSON_KEYS = "root|before|passes|findings|verdict|context_path|mode|codes|contexts"
"""What follows the version."""
_SIGNS = re.compile(
    rf"""
    \A\{{\s*"version":\s\d+,\s*"(?:{_JSON_KEYS})"                 # json, and baselines
    | \A\{{\s*"\$schema":.*"name":\s"ctxsize"                     # sarif
    | \A\[\]\s*\Z | \A\[\s*\{{\s*"description":.*"check_name":\s"CTX  # gitlab
    | \A<\?xml[^>]*>\s*<testsuites\ name="ctxsize"                 # junit
    | \A\#\#\#\ (?:Build\ context|ctxsize)\b                       # markdown
    | \A(?:::(?:error|warning|notice|group)\b|ctxsize\ \w+:\ )     # github
    | \ACTX\d{{3}}\ [\w-]+\ \(                                       # text, from here on
    | \A(?:[^\n]*\n){{0,2}}[^\n]*(?:
        \b\d[\d.,]*\ (?:B|[kMGTPE]B)\b | \ (?:error|warning|info|fixed)\ CTX\d{{3}}\b
        | \bNext:\ ctxsize\b | \b\d+\ (?:Dockerfile|pattern)s?(?:,[^\n]*)?[:,]\ nothing\ found )
    | \A(?:ok\ [^\n]+:\ \d|ok\ [^\n]+:\ nothing\ is\ limited|\d+\ builds?,\ the\ most\ costly)
    | \A(?:no\ (?:build|ignore\ file|Dockerfile)\ here|Nothing\ to\ |Refused:\ |Not\ possible:\ )
    """,
    re.VERBOSE | re.DOTALL,
)
"""How the files begin that a report may replace."""

TABLES = ("dir", "ext", "rule", "file")
"""The choices of `--by`: the ways to take a report apart, each one of `text.tables`."""


def render(name: str, outcome: Outcome, look: Look) -> str:
    """Return `outcome` in the format `name`, one of `FORMATS`."""
    match name:
        case "text":
            from ctxsize.formats import text

            return text.render(outcome, look)
        case "json":
            from ctxsize.formats import json

            return json.render(outcome)
        case "markdown":
            from ctxsize.formats import markdown

            return markdown.render(outcome, look)
        case "github":
            from ctxsize.formats import github

            return github.render(outcome, look)
        case "sarif":
            from ctxsize.formats import sarif

            return sarif.render(outcome, look)
        case "junit":
            from ctxsize.formats import junit

            return junit.render(outcome, look)
        case "gitlab":
            from ctxsize.formats import gitlab

            return gitlab.render(outcome, look)
    raise ValueError(name)


def is_report(start: bytes) -> bool:
    """Return whether a file that begins so is a report, in whatever format.

    >>> is_report(b'{"version": 1, "root": "."}'), is_report(b'{"version": "1.0"}')
    (True, False)
    """
    return _SIGNS.match(start.decode("utf-8", "replace")) is not None


__all__ = ["FORMATS", "TABLES", "Look", "is_report", "render"]
