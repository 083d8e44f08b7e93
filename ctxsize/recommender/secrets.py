"""Secrets: how sure a name makes it, and what a look at the beginning of a small file adds.

What is read is only searched in; no message ever holds a part of it.
"""

from __future__ import annotations

import re
from enum import Enum

from ctxsize.engine.directories import TEMPLATES
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.evidence import Evidence, text_of
from ctxsize.recommender.rules import EntryType, Rule

_LARGEST = 64 * 1024
_PUBLIC = re.compile(
    r"-----BEGIN (TRUSTED )?(CERTIFICATE|(RSA )?PUBLIC KEY|CERTIFICATE REQUEST|DH)"
)
_LIKELY_FROM = 0.75


class Certainty(str, Enum):
    """How sure it is that a file is a secret."""

    CERTAIN = "certain"
    """Its content says so."""
    LIKELY = "likely"
    """Its name does, and hardly anything else has it."""
    POSSIBLE = "possible"


def certainty(evidence: Evidence, rule: Rule, path: str) -> Certainty | None:
    """Return how sure it is that what `rule` looks for at `path` is a secret."""
    name = path.rpartition("/")[2]
    if TEMPLATES.search(name):
        return None
    if rule.kind is EntryType.FILE and evidence.tree.size_bytes(path) > _LARGEST:
        return None if rule.only_proved else Certainty.POSSIBLE
    if rule.marker.kind != "exists" and evidence.shows(rule.marker, path) is not None:
        return Certainty.CERTAIN
    if rule.only_proved or (rule.kind is EntryType.FILE and _says_otherwise(evidence, rule, path)):
        return None
    return Certainty.LIKELY if rule.confidence >= _LIKELY_FROM else Certainty.POSSIBLE


def _says_otherwise(evidence: Evidence, rule: Rule, path: str) -> bool:
    """Return whether the file is empty, or a certificate or a public key alone."""
    data = evidence.first_bytes(path)
    if not data.strip():
        return True
    return rule.confidence < _LIKELY_FROM and bool(_PUBLIC.search(text_of(data)))


def copied(rule: Rule, path: str, named: Named, sure: Certainty) -> Finding:
    """Return the finding about a secret that an instruction takes by its name."""
    bound = named.instruction == "RUN"
    what = f"{path} is {rule.why}"
    message = (
        f"{named.instruction} takes {named.source}: {what}"
        if bound
        else f"{named.instruction} {named.source} puts a secret into the image: {what}"
    )
    secret = re.sub(r"\W+", "", path.rpartition("/")[2]) or "secret"
    return Finding(
        "CTX510",
        Severity.WARNING if bound else Severity.ERROR,
        message,
        Location(named.dockerfile, named.line),
        Confidence(sure.value),
        evidence=(path,),
        help=f"mount it where it is needed: RUN --mount=type=secret,id={secret} …, "
        f"and docker build --secret id={secret},src={path}",
    )


def sent(rule: Rule, path: str, where: str, sure: Certainty, command: str) -> Finding:
    """Return the finding about a secret in the context; `where` is how the user would name it.

    `command` is the one that adds it to the ignore file, `""` if none does.
    """
    return Finding(
        "CTX511",
        Severity.WARNING,
        f"a secret is in the context: {rule.why}",
        Location(where),
        Confidence(sure.value),
        evidence=(path,),
        help=f"add it to the ignore file: {command}"
        if command
        else "add it to the ignore file by hand, if no build reads it",
    )
