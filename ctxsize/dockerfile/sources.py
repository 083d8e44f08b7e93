"""The sources that an instruction takes from a context, and the mounts of RUN."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from ctxsize.dockerfile.words import Variables, Words, quoted
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.go.paths import clean
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import hidden_as, shown
from ctxsize.values import Value

_PROTOCOL = re.compile(r"([a-zA-Z0-9]+)://")
_SCP_STYLE = re.compile(r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:.*")


MOUNTING = ("bind", "cache")  # kinds of sources without wildcards
TAKING = ("copy", "add", *MOUNTING)  # those that the builder looks up


class UnknownName(NamedTuple):
    """The kind and the name of an `Unknown`."""

    kind: str
    name: str


Doubts = frozenset[UnknownName]


class Source(Value):
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
    excludes: Words = ()
    doubts: Doubts = frozenset()

    @property
    def written(self) -> str:
        """Return `source` as it may be printed."""
        return shown(self.source)

    @property
    def is_wild(self) -> bool:
        """Return whether `path` is a pattern."""
        return self.kind not in MOUNTING and has_wildcards(self.path)


class Unknown(Value):
    """A fact that decides the answer and that the Dockerfile does not show.

    `kind` is `syntax` (another frontend reads the file), `onbuild` (triggers of the base image
    `name`), `environment` (variable `name`, which the base image may set) or `argument` (an ARG
    without a value here).
    """

    kind: str
    name: str
    line: int


class Failure(Value):
    """A reason why a Dockerfile that the builder accepts fails once it is built.

    It depends on `doubts`; with an `image`, on the WORKDIR of that image, which is not known.
    """

    message: str
    line: int
    doubts: Doubts = frozenset()
    image: str = ""


class Lack(Value):
    """Build arguments without which the builder rejects a line, and what it says of that."""

    arguments: Words
    message: str
    line: int


class Expanded(Value):
    """An expanded word, hidden if it may not be shown, and the unknown variables it depends on."""

    text: str
    doubts: Doubts = frozenset()


def what_decides(doubts: Collection[UnknownName]) -> str:
    """Return a hint about the arguments among `doubts`, else about the variables, else `""`."""
    arguments = _names_of("argument", doubts)
    if arguments:
        return f"no value for ARG {', '.join(arguments)}: add {as_options(arguments)}"
    variables = _names_of("environment", doubts)
    if variables:
        names = ", ".join(f"${name}" for name in variables)
        return f"unless the base image sets {names}"
    return ""


def as_options(arguments: Iterable[str]) -> str:
    """Return the options that give build arguments a value."""
    return " ".join(f"--build-arg {name}=…" for name in arguments)


def _names_of(kind: str, doubts: Collection[UnknownName]) -> list[str]:
    """Return the names of the unknowns of one kind, as they may be printed."""
    return sorted(shown(doubt.name) for doubt in doubts if doubt.kind == kind)


@contextmanager
def resting_on(doubts: Doubts) -> Iterator[None]:
    """Turn a DockerfileError raised inside into an `UndecidedError` if `doubts` decide it."""
    try:
        yield
    except DockerfileError as error:
        hint = what_decides(doubts)
        if isinstance(error, UndecidedError) or not hint:
            raise
        undecided = UndecidedError(error.message, line=error.line, hint=hint)
        undecided.arguments = tuple(_names_of("argument", doubts))
        raise undecided from None


def contains(directory: str, path: str) -> bool:
    """Return whether an absolute path is that of a directory, or lies below it."""
    return f"{path}/".startswith(f"{directory.rstrip('/')}/")


def path_from_root(source: str) -> str:
    """Return the absolute path of a source; `..` cannot leave the root."""
    return clean(f"/{source}")


def around_pivot(source: str) -> tuple[str, str]:
    """Return the parts of a source of `COPY --parents` before and after its pivot."""
    base, pivot, pattern = source.partition("/./")
    if not pivot:
        base = ""
        pattern = source
    before = path_from_root(base)[1:]
    return before or ".", path_from_root(pattern)[1:]


def is_url(source: str) -> bool:
    """Return whether the builder downloads a source instead of copying it."""
    return source.startswith(("http://", "https://"))


def is_git(source: str) -> bool:
    """Return whether the builder clones a source instead of copying it."""
    protocol = _PROTOCOL.match(source)
    if not protocol:
        return _SCP_STYLE.fullmatch(source) is not None
    name = protocol[1].lower()
    path = re.split("[?#]", source[protocol.end() :], maxsplit=1)[0]
    if name in ("http", "https"):
        return "/" in path and path.endswith(".git")
    return name in ("ssh", "git")


_SWITCHES = ("readonly", "ro", "readwrite", "rw", "required")
_COMMON = "type from source target id env readonly ro readwrite rw"
_KEYS = {
    "bind": "",
    "cache": "mode uid gid sharing",
    "tmpfs": "size",
    "secret": "mode uid gid required",
    "ssh": "mode uid gid required",
}
"""Keys of the mounts of each type, besides the common ones."""
ALIASES = {"src": "source", "dst": "target", "destination": "target"}
_FIELD = re.compile('"((?:[^"]|"")*)"|([^",]*)')


class Mount(Value):
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
    doubts: Doubts


def mount_origin(text: str) -> str:
    """Return the `from=` of a mount, which takes no variable. Raises DockerfileError."""
    origin = ""
    for field in _fields(text):
        if field.key == "from" and field.has_value:
            if "$" in field.text[:-1]:
                raise DockerfileError("from= of a mount takes no variable: name a stage")
            origin = field.text
    return origin


def parse_mount(text: str, expand: Callable[[str], Expanded]) -> Mount:
    """Return a mount, as BuildKit's `parseMount` does. Raises DockerfileError."""
    values = {"type": Expanded("bind")}
    source_written = ""
    for key, has_value, written in _fields(text):
        key = ALIASES.get(key, key)
        if has_value:
            word = expand(written)
        elif key in _SWITCHES:
            word = Expanded("true")
        else:
            raise DockerfileError(f"invalid field '{shown(written)}' must be a key=value pair")
        values[key] = word
        if key == "source":
            source_written = written
    doubts: Doubts = frozenset()
    texts = {}
    for key, word in values.items():
        doubts |= word.doubts
        texts[key] = word.text
    kind = hidden_as(texts["type"], texts["type"].lower())
    with resting_on(doubts):
        _check_mount(kind, texts)
    text_of = texts.get
    name = text_of("id", "")
    target = text_of("target", "")
    return Mount(
        type=next(known for known in _KEYS if known == kind),  # such a word is no secret
        origin=text_of("from", ""),
        source=text_of("source", ""),
        target=target,
        id=name or hidden_as(target, posixpath.normpath(target)),
        named=bool(name),
        source_written=source_written,
        written=text,
        doubts=doubts,
    )


def _check_mount(kind: str, texts: Variables) -> None:
    """Raise DockerfileError for a mount of a wrong kind, or with values that its kind refuses."""
    if kind not in _KEYS:
        raise DockerfileError(f"unsupported mount type {quoted(kind)}")
    keys = f"{_COMMON} {_KEYS[kind]}".split()
    for key in texts:
        if key not in keys:
            message = f"unexpected key '{shown(key)}' for mount type '{shown(kind)}'"
            raise DockerfileError(message)
    if kind == "secret" and texts.get("from"):
        raise DockerfileError("secret mount should not have a from")
    if kind == "secret" and not any(map(texts.get, ("source", "target", "id"))):
        raise DockerfileError("invalid secret mount. one of source, target required")
    if kind == "ssh" and texts.get("source"):
        raise DockerfileError("ssh does not support source")
    if kind in ("secret", "ssh") and texts.get("target") == "/":
        raise DockerfileError(f"invalid mount type {kind.upper()} for /")


class _MountField(NamedTuple):
    """A part of a mount: its key in lower case, and its value (the whole part without a `=`)."""

    key: str
    has_value: bool
    text: str


def _fields(text: str) -> Iterator[_MountField]:
    """Yield the fields of a mount. Raises DockerfileError."""
    # One line of CSV; quotes and errors are those of Go's `encoding/csv`.
    hidden = partial(hidden_as, text)
    if not text:
        raise DockerfileError("failed to parse csv mounts: EOF")
    start = 0
    while start <= len(text):
        match = _FIELD.match(text, start)
        assert match
        start = match.end() + 1
        if text[start - 1 : start] not in ("", ","):
            raise DockerfileError(f"failed to parse csv mounts: a stray quote in {quoted(text)}")
        field = match[2]
        if field is None:
            field = match[1].replace('""', '"')
        key, equals, setting = field.partition("=")
        if not equals:
            setting = field
        yield _MountField(hidden(key.lower()), bool(equals), hidden(setting))
