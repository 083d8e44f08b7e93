"""The sources that an instruction takes from a context, and the mounts of RUN."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.go.paths import clean
from ctxsize.hidden import hidden_as, shown

_PROTOCOL = re.compile(r"([a-zA-Z0-9]+)://")
_SCP_STYLE = re.compile(r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:.*")


MOUNTING = ("bind", "cache")  # kinds of sources without wildcards
TAKING = ("copy", "add", *MOUNTING)  # those that the builder looks up


@dataclass(frozen=True)
class Source:
    """A path that an instruction takes from a context.

    `source` is as written, `path` expanded and relative to the root of the context: `.` for all of
    it, a pattern if it has wildcards, hidden if the value of a build argument is in it. `context`
    is `""` for the build context. `kind` is `copy`, `add`, `bind` or `cache`; a `tmpfs` or `git`
    only widens the filter and takes nothing. `parents` are the parts of a source of
    `COPY --parents` before its pivot (`.` without one) and after it. `doubts` are the kinds and
    names of each `Unknown` that `path` depends on.
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

    @property
    def written(self) -> str:
        """Return `source` as it may be printed."""
        return shown(self.source)


@dataclass(frozen=True)
class Unknown:
    """A fact that decides the answer and that the Dockerfile does not show.

    `kind` is `syntax` (another frontend reads the file), `onbuild` (triggers of the base image
    `name`), `environment` (variable `name`, which the base image may set) or `argument` (an ARG
    without a value here).
    """

    kind: str
    name: str
    line: int


Doubt = tuple[str, str]  # the kind and the name of an `Unknown`


@dataclass(frozen=True)
class Failure:
    """A reason why a Dockerfile that the builder accepts fails once it is built.

    It depends on `doubts`; with an `image`, on the WORKDIR of that image, which is not known.
    """

    message: str
    line: int
    doubts: frozenset[Doubt] = frozenset()
    image: str = ""


@dataclass(frozen=True)
class Expanded:
    """An expanded word, hidden if it may not be shown, and the unknown variables it depends on."""

    text: str
    doubts: frozenset[Doubt] = frozenset()


def what_decides(doubts: Collection[Doubt]) -> str:
    """Return a hint about the arguments among `doubts`, else about the variables, else `""`."""
    arguments = sorted(shown(name) for kind, name in doubts if kind == "argument")
    variables = sorted(shown(name) for kind, name in doubts if kind == "environment")
    if arguments:
        given = " ".join(f"--build-arg {name}=…" for name in arguments)
        return f"no value for ARG {', '.join(arguments)}: add {given}"
    if variables:
        return f"unless the base image sets {', '.join(f'${name}' for name in variables)}"
    return ""


@contextmanager
def resting_on(doubts: Collection[Doubt]) -> Iterator[None]:
    """Turn a DockerfileError raised inside into an `UndecidedError` if `doubts` decide it."""
    try:
        yield
    except DockerfileError as error:
        hint = what_decides(doubts)
        if isinstance(error, UndecidedError) or not hint:
            raise
        raise UndecidedError(error.message, line=error.line, hint=hint) from None


def path_from_root(source: str) -> str:
    """Return the absolute path of a source; `..` cannot leave the root."""
    return clean(f"/{source}")


def around_pivot(source: str) -> tuple[str, str]:
    """Return the parts of a source of `COPY --parents` before and after its pivot."""
    base, pivot, pattern = source.partition("/./")
    if not pivot:
        base = ""
        pattern = source
    return path_from_root(base)[1:] or ".", path_from_root(pattern)[1:]


def is_url(source: str) -> bool:
    """Return whether the builder downloads a source instead of copying it."""
    return source.startswith(("http://", "https://"))


def is_git(source: str) -> bool:
    """Return whether the builder clones a source instead of copying it."""
    if (protocol := _PROTOCOL.match(source)) is None:
        return bool(_SCP_STYLE.fullmatch(source)) and not source.startswith("github.com/")
    name = protocol[1].lower()
    path = re.split("[?#]", source[protocol.end() :], maxsplit=1)[0]
    if name in ("http", "https"):
        return "/" in path and path.endswith(".git")
    return name in ("ssh", "git")


_TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_SWITCHES = ("readonly", "ro", "readwrite", "rw", "required")
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("type", "from", "source", "target", "id", "env", *_SWITCHES), _TYPES),
    "required": ("secret", "ssh"),
    **dict.fromkeys(("mode", "uid", "gid"), ("cache", "secret", "ssh")),
    "sharing": ("cache",),
    "size": ("tmpfs",),
}
"""Keys of a mount, and the types of mounts that may have them."""
ALIASES = {"src": "source", "dst": "target", "destination": "target"}
_FIELD = re.compile('"((?:[^"]|"")*)"|([^",]*)')


@dataclass(frozen=True)
class Mount:
    """A mount with its variables replaced; `source_written` and the whole `written` as written.

    The `id` of a cache is the one given (`named`), or the cleaned target. Any part may depend on
    `doubts`.
    """

    type: str
    origin: str
    source: str
    target: str
    id: str
    named: bool
    source_written: str
    written: str
    doubts: frozenset[Doubt]

    def holds(self, path: str) -> bool:
        return path == self.target or path.startswith(self.target.rstrip("/") + "/")


def mount_origin(text: str) -> str:
    """Return the `from=` of a mount, which takes no variable. Raises DockerfileError."""
    origin = ""
    for key, equals, value in _fields(text):
        if key == "from" and equals:
            if "$" in value[:-1]:
                raise DockerfileError("from= of a mount takes no variable: name a stage")
            origin = value
    return origin


def parse_mount(text: str, expand: Callable[[str], Expanded]) -> Mount:
    """Return a mount, as BuildKit's `parseMount` does. Raises DockerfileError."""
    values = {"type": Expanded("bind")}
    source = ""
    for key, equals, written in _fields(text):
        key = ALIASES.get(key, key)
        if not equals and key not in _SWITCHES:
            raise DockerfileError(f"invalid field '{shown(written)}' must be a key=value pair")
        if equals:
            values[key] = expand(written)
        else:
            values[key] = Expanded("true")
        if key == "source":
            source = written
        else:
            source = source
    doubts = frozenset(doubt for each in values.values() for doubt in each.doubts)
    given = {key: value.text for key, value in values.items()}
    origin, place, target, name = (given.get(e, "") for e in ("from", "source", "target", "id"))
    kind = hidden_as(given["type"], given["type"].lower())
    identity = name or hidden_as(target, posixpath.normpath(target))
    with resting_on(doubts):
        _check_mount(kind, given)
    kind = next(each for each in _TYPES if each == kind)  # such a word is no secret
    return Mount(kind, origin, place, target, identity, bool(name), source, text, doubts)


def _check_mount(kind: str, given: Mapping[str, str]) -> None:
    if kind not in _TYPES:
        raise DockerfileError(f"unsupported mount type {quoted(kind)}")
    for key in given:
        if kind not in _KEYS.get(key, ()):
            message = f"unexpected key '{shown(key)}' for mount type '{shown(kind)}'"
            raise DockerfileError(message)
    if kind == "secret" and given.get("from"):
        raise DockerfileError("secret mount should not have a from")
    if kind == "secret" and not any(map(given.get, ("source", "target", "id"))):
        raise DockerfileError("invalid secret mount. one of source, target required")
    if kind == "ssh" and given.get("source"):
        raise DockerfileError("ssh does not support source")
    if kind in ("secret", "ssh") and given.get("target") == "/":
        raise DockerfileError(f"invalid mount type {kind.upper()} for /")


def _fields(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield key (lower case), whether it has a value, and the value (else the whole field)."""
    # One line of CSV; quotes and errors are those of Go's `encoding/csv`.
    hidden = partial(hidden_as, text)
    if not text:
        raise DockerfileError("failed to parse csv mounts: EOF")
    at = 0
    while at <= len(text):
        found = _FIELD.match(text, at)
        assert found is not None
        at = found.end() + 1
        if text[at - 1 : at] not in ("", ","):
            raise DockerfileError(f"failed to parse csv mounts: a stray quote in {quoted(text)}")
        if found[1] is None:
            field = found[2]
        else:
            field = found[1].replace('""', '"')
        key, equals, value = field.partition("=")
        yield hidden(key.lower()), bool(equals), hidden(value if equals else field)
