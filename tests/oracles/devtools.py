"""docker-devtools: BuildKit's own Go libraries without a daemon, for many questions a second.

It knows no byte counts, does not notice control characters in patterns, and
lists what the engine prunes for exceptions such as ``!foo/*/**``. Where it and
an engine differ, the engine is right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.oracles.processes import clean_environment, run


class DevtoolsError(Exception):
    """docker-devtools refused the context; the message is its own."""


@dataclass(frozen=True)
class Listed:
    """One path of the context; ``name`` ends in ``/`` for a directory."""

    name: str
    ignored: bool
    size_bytes: int
    transferred: bool
    rule: str | None = None
    rule_line: int | None = None


def list_context(
    context: Path | str,
    *,
    dockerfile: Path | str | None = None,
    target: str | None = None,
    whole: bool = True,
    ignored: bool = False,
) -> list[Listed]:
    """What is sent, in order; the whole context, or what this Dockerfile takes from it.

    With ``ignored`` the ignored paths come too. Raises DevtoolsError where
    Docker's build would fail.
    """
    from docker_devtools import find_binary

    argv = [find_binary(), "build-context", "ls", "--all", "--why", "--json"]
    argv += ["--whole-context"] if whole else []
    argv += [] if dockerfile is None else ["--file", str(dockerfile)]
    argv += [] if target is None else ["--target", target]
    finished = run([*argv, str(context)], env=clean_environment())
    if finished.code:
        raise DevtoolsError(finished.stderr.strip())
    entries = json.loads(finished.stdout).get("entries") or ()
    listed = [_listed(entry) for entry in entries]
    if whole:
        return [entry for entry in listed if ignored or not entry.ignored]
    return [entry for entry in listed if entry.transferred or (ignored and entry.ignored)]


def _listed(entry: dict[str, object]) -> Listed:
    name, size, line = str(entry["path"]), entry.get("size"), entry.get("rule_line")
    rule = entry.get("rule")
    return Listed(
        name=f"{name}/" if entry.get("dir") else name,
        ignored=entry["status"] != "included",
        size_bytes=size if isinstance(size, int) else 0,
        transferred=bool(entry.get("transferred")),
        rule=None if rule is None else str(rule),
        rule_line=line if isinstance(line, int) else None,
    )
