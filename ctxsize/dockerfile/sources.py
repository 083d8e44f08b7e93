"""What an instruction takes from a context, and which sources the builder allows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctxsize.dockerfile.instructions import Instruction, parse_heredoc_word, strip_leading_tabs
from ctxsize.errors import DockerfileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.dockerfile.state import Environment

_PROTOCOL = re.compile(r"([a-zA-Z0-9]+)://")
_SCP_STYLE = re.compile(r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:.*")


@dataclass(frozen=True)
class Source:
    """One thing that an instruction takes from a context.

    `source` is as written, `path` what it comes to: relative to the context's
    root, `.` for all of it, a pattern where it holds wildcards. `context` is ""
    for the build context, else a named one. `kind` is `copy`, `add` or `bind`;
    or `tmpfs` or `git` for what only widens the filter and takes nothing. `parents` are
    what stands in front of the pivot of `COPY --parents`, `.` without one, and behind.
    `excludes` are the patterns of `--exclude`.
    `doubts` are the kinds and names of the `Unknown` that `path` depends on.
    """

    instruction: str
    line: int
    stage: str
    source: str
    path: str
    kind: str
    context: str = ""
    parents: tuple[str, str] | None = None
    excludes: tuple[str, ...] = ()
    doubts: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Unknown:
    """Something that decides the answer and cannot be known from the text.

    `kind` is `syntax` (another frontend reads the file), `onbuild` (triggers of
    the base image `name`), `check` (any warning of the frontend fails the build),
    `environment` (variable `name`, which the base image may set) or `argument` (an ARG
    that has no value here). Older builders leave the variable `name` unset
    (`older-unset`), refuse the flag `name` (`older-flag`), expand `name` in an ARG
    (`older-name`) or take the JSON array that an instruction begins with (`older-array`).
    """

    kind: str
    name: str
    line: int


def path_from_root(source: str) -> str:
    """Return the absolute path of a source, which `..` cannot lead out of the root."""
    parts: list[str] = []
    for part in source.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def around_pivot(source: str) -> tuple[str, str]:
    """Return what stands in front of the pivot of a source of `COPY --parents`, and behind.

    >>> around_pivot("./src/./a/*.py"), around_pivot("src/./a/./b"), around_pivot("../a")
    (('src', 'a/*.py'), ('src', 'a/b'), ('.', 'a'))
    """
    base, pivot, pattern = source.partition("/./")
    if not pivot:
        base, pattern = "", source
    return path_from_root(base)[1:] or ".", path_from_root(pattern)[1:]


def is_git(source: str) -> bool:
    """Return whether the builder clones a source instead of copying it."""
    protocol = _PROTOCOL.match(source)
    if protocol is None:
        return bool(_SCP_STYLE.fullmatch(source)) and not source.startswith("github.com/")
    name = protocol[1].lower()
    path = re.split("[?#]", source[protocol.end() :], maxsplit=1)[0]
    if name in ("http", "https"):
        return "/" in path and path.endswith(".git")
    return name in ("ssh", "git")


def check_sources(instruction: Instruction, sources: list[str]) -> None:
    """Raise for remote sources where they may not be."""
    remote = [source.startswith(("http://", "https://")) for source in sources]
    if instruction.keyword == "COPY":
        for source, is_remote in zip(sources, remote, strict=True):
            if is_git(source):
                raise DockerfileError("source can't be a git ref for COPY")
            if is_remote:
                raise DockerfileError("source can't be a URL for COPY")
    elif any(instruction.flag_values("checksum")):
        if len(sources) != 1:
            raise DockerfileError("checksum can't be specified for multiple sources")
        if not remote[0] and not is_git(sources[0]):
            raise DockerfileError("checksum requires HTTP(S) or Git sources")


def check_heredocs(instruction: Instruction, written: list[str], environment: Environment) -> None:
    """Raise for a heredoc whose body cannot be expanded."""
    bodies = {heredoc.name: heredoc.content for heredoc in instruction.heredocs}
    for word in written:
        heredoc = parse_heredoc_word(word)
        if heredoc and heredoc.expand:
            body = bodies.get(heredoc.name, "")
            if heredoc.strip_tabs:
                body = strip_leading_tabs(body)
            environment.expand(body, quotes=False)
