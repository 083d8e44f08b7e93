"""What an instruction takes from a context, mounts of RUN included, and what the builder allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError

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


_TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARING = ("shared", "private", "locked")
TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")
_SIZE = re.compile(r"[0-9]+(?:\.[0-9]*)?\ ?(?:[kKmMgGtTpP](?:i?[bB])?|[bB])?")
ALIASES = {"src": "source", "dst": "target", "destination": "target"}
_SWITCHES = ("readonly", "ro", "readwrite", "rw")
_NUMBERS = {"mode": 8, "uid": 10, "gid": 10}
_PLAIN = ("from", "source", "target", "id", "env")
_FIELD = re.compile('"((?:[^"]|"")*)"|([^",]*)')


@dataclass(frozen=True)
class Mount:
    """A mount: where from, what of it and where to; `written` is the source unexpanded."""

    type: str
    origin: str
    source: str
    target: str
    written: str
    id: str = ""
    """Of a cache, as given; by default it is its cleaned target."""
    sharing: str = ""
    """Of a cache, lower case, as given."""
    text: str = ""
    """All of it, as written."""


def mount_origin(text: str) -> str:
    """Return the `from=` of a mount: needed, and so fixed, before variables are known.

    Raises DockerfileError for broken CSV and for a variable in `from=`.
    """
    origin = ""
    for key, equals, value in _fields(text):
        if key == "from" and equals:
            if "$" in value[:-1]:
                raise DockerfileError(
                    "'from' doesn't support variable expansion, define alias stage instead"
                )
            origin = value
    return origin


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Return a mount with its variables replaced by `expand`, as BuildKit's `parseMount` does.

    Raises DockerfileError for keys and values that the builder does not take.
    """
    values = {"type": "bind"}
    source = ""
    for key, equals, written in _fields(text):
        value = expand(written) if equals else ""
        if not equals and (key in _SWITCHES or _is_requirement(key, values["type"])):
            continue
        if not equals:
            raise DockerfileError(f"invalid field '{written}' must be a key=value pair")
        key = ALIASES.get(key, key)
        _check_value(key, value, f"{key}={written}", values["type"])
        values[key] = value.lower() if key == "type" else value
        source = written if key == "source" else source
    _check_combination(values)
    origin, target = values.get("from", ""), values.get("target", "")
    identity, sharing = values.get("id", ""), values.get("sharing", "").lower()
    taken = values.get("source", "")
    return Mount(values["type"], origin, taken, target, source, identity, sharing, text)


def _is_requirement(key: str, mount_type: str) -> bool:
    """Return whether `key` is `required`, which only some mounts may be."""
    if key == "required" and mount_type not in ("secret", "ssh"):
        raise _unexpected(key, mount_type)
    return key == "required"


def _check_value(key: str, value: str, field: str, mount_type: str) -> None:
    """Raise unless `key` may have this value."""
    if key == "type":
        _check_choice("mount type", value, _TYPES)
    elif key == "sharing":
        _check_choice("sharing value", value, _SHARING)
    elif key in _SWITCHES or _is_requirement(key, mount_type):
        if value not in TRUE + FALSE:
            raise DockerfileError(f"invalid value for {key}: {value}")
    elif key == "size":
        if mount_type != "tmpfs":
            raise _unexpected(key, mount_type)
        if not _SIZE.fullmatch(value):
            raise DockerfileError(f"invalid value for size: {value}")
    elif key in _NUMBERS:
        _check_number(key, value)
    elif key not in _PLAIN:
        raise DockerfileError(f"unexpected key '{key}' in '{field}'")


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value.lower() not in choices:
        raise DockerfileError(f"unsupported {what} {quoted(value)}")


def _check_number(key: str, value: str) -> None:
    base = _NUMBERS[key]
    digits = "[0-7]+" if base == 8 else "[0-9]+"
    if not re.fullmatch(digits, value) or len(value) > 20 or int(value, base) >= 1 << 32:
        raise DockerfileError(f"invalid value {value} for {key}")


def _check_combination(values: dict[str, str]) -> None:
    """Raise for keys that do not go with the type or with each other."""
    mount_type = values["type"]
    if mount_type in ("bind", "tmpfs"):
        for key in ("mode", "uid", "gid"):
            if key in values:
                raise DockerfileError(f'{key} not allowed for "{mount_type}" type mounts')
    if mount_type == "secret":
        _check_secret(values)
    if values.get("sharing") and mount_type != "cache":
        raise DockerfileError(f"invalid cache sharing set for {mount_type} mount")


def _check_secret(values: dict[str, str]) -> None:
    if values.get("from"):
        raise DockerfileError("secret mount should not have a from")
    if values.get("sharing"):
        raise DockerfileError("secret mount should not define sharing")
    if not (values.get("source") or values.get("target") or values.get("id")):
        raise DockerfileError("invalid secret mount. one of source, target required")
    if values.get("source") and values.get("id"):
        raise DockerfileError("both source and id can't be set")


def _unexpected(key: str, mount_type: str) -> DockerfileError:
    return DockerfileError(f"unexpected key '{key}' for mount type '{mount_type}'")


def _fields(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield key (lower case), whether it has a value, and the value (else the whole field)."""
    for field in csv_fields(text):
        key, equals, value = field.partition("=")
        yield key.lower(), bool(equals), value if equals else field


def csv_fields(text: str) -> list[str]:
    """Return the fields of one line of CSV, with Go's idea of quotes and its errors."""
    if not text:
        raise DockerfileError("failed to parse csv mounts: EOF")
    fields: list[str] = []
    at = 0
    while at <= len(text):
        found = _FIELD.match(text, at)
        assert found is not None
        at = found.end() + 1
        if text[at - 1 : at] not in ("", ","):
            raise DockerfileError(f"failed to parse csv mounts: a stray quote in {quoted(text)}")
        fields.append(found[2] if found[1] is None else found[1].replace('""', '"'))
    return fields
