"""Read Bake files, HCL or JSON, or have Docker read them where the user allows it.

A text of either language becomes a template as JSON has it. Besides `engine.git` this is the
only place that runs a program. Docker is never one of the repository, sees none of our
environment but PATH and HOME, builds nothing, and asks no daemon. What it prints on stderr may
hold values, so nobody gets to see it.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, TypeAlias

from ctxsize.engine.border import holds
from ctxsize.engine.git import find_program

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Body: TypeAlias = "dict[str, Value]"
Block: TypeAlias = "tuple[str, str, Body]"
"""Its kind, its name, what is in it."""

_KINDS = ("variable", "function", "group", "target")
_MAPS = ("args", "contexts", "labels")
_HEREDOC = re.compile(r"<<(-?)(\w+)\r?\n(.*?)\n?[ \t]*\2\s*\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_COMMAND = "`docker buildx bake --print`"
_SECONDS, _MOST_SECONDS = 10.0, 60.0
"""Seconds that Docker has for one answer, and for all of them."""
_MOST_BYTES = 4_000_000
"""Number of bytes of the longest answer."""
_NAME = re.compile(r"\w[\w.\-]*", re.ASCII)
"""A name that is no option."""


class BakeError(Exception):
    """The file cannot be read; the message is a clause, `line` is 1-based."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass
class BakeFile:
    """What the blocks of one or more files say, values not yet evaluated."""

    variables: dict[str, Value] = field(default_factory=dict)
    groups: dict[str, Value] = field(default_factory=dict)
    targets: dict[str, Body] = field(default_factory=dict)
    lines: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Where each target begins: file and line."""

    def add(self, blocks: Iterable[Block], path: str = "", text: str = "") -> None:
        """Add the blocks of a further file, which wins over those before."""
        lines = _lines(text)
        for kind, name, body in blocks:
            if kind == "variable":
                self.variables[name] = body.get("default", "")
            elif kind == "group":
                self.groups[name] = body.get("targets")
            elif kind == "target":
                self.targets[name] = merged(self.targets.get(name, {}), body)
                self.lines[name] = (path, lines.get(name, 1))


def read_hcl(text: str) -> list[Block]:
    """Return the blocks of an HCL file. Raises `BakeError`.

    Needs python-hcl2, which comes with the extra `ctxsize[bake]`.
    """
    try:
        import hcl2
    except ImportError:
        raise BakeError("HCL needs python-hcl2: pip install 'ctxsize[bake]'") from None
    try:
        document = hcl2.loads(text if text.endswith("\n") else text + "\n")
    except RecursionError:
        raise BakeError("it is nested too deeply") from None
    except Exception as error:  # the parser raises what its parser raises
        line = getattr(error, "line", None)
        known = line if isinstance(line, int) and line > 0 else None
        raise BakeError("it is no HCL", known) from None
    blocks: list[Block] = []
    for kind, value in _plain(document).items():
        if kind not in _KINDS:  # an attribute of the file is a variable
            blocks.append(("variable", kind, {"default": value}))
            continue
        for block in value if isinstance(value, list) else ():
            pairs = block.items() if isinstance(block, dict) else ()
            blocks += [(kind, name, body) for name, body in pairs if isinstance(body, dict)]
    return blocks


def read_json(text: str) -> list[Block]:
    """Return the blocks of a JSON file. Raises `BakeError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise BakeError(f"it is no JSON: {error}", line) from None
    except RecursionError:
        raise BakeError("it is nested too deeply") from None
    blocks: list[Block] = []
    for kind in _KINDS:
        named = document.get(kind) if isinstance(document, dict) else None
        for name, body in named.items() if isinstance(named, dict) else ():
            # A list of one is another spelling of a block.
            body = body[0] if isinstance(body, list) and body else body
            if isinstance(body, dict):
                blocks.append((kind, name, body))
    return blocks


def printed(blocks: list[Block]) -> list[Block]:
    """Return the blocks that `docker buildx bake --print` prints: nothing in them is a template.

    Newer versions write `$${` for a `${` that is meant, older ones leave it as it is.
    """
    return [
        (kind, name, {key: literal(each) for key, each in body.items()})
        for kind, name, body in blocks
    ]


def literal(value: Value) -> Value:
    """Return the template that stands for a value."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [literal(each) for each in value]
    return re.sub(r"([$%])\1?\{", r"\1\1{", value) if isinstance(value, str) else value


def _plain(body: Mapping[str, Value]) -> Body:
    """Return what python-hcl2 read as JSON would have it: its texts are source, quotes and all."""
    return {
        key[1:-1] if key[:1] == '"' else key: _value_of(each)
        for key, each in body.items()
        if key != "__is_block__"
    }


def _value_of(value: Value) -> Value:
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list):
        return [_value_of(each) for each in value]
    return _template_of(value) if isinstance(value, str) else value


def _template_of(source: str) -> str:
    """Return a template for an expression: a quoted text, a heredoc, a name or `${…}`."""
    if source.startswith('"<<') and (heredoc := _HEREDOC.match(source[1:-1])):
        lines = f"{heredoc[3]}\n".split("\n")
        indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
        cut = min(indents, default=0) if heredoc[1] else 0
        return "\n".join(line[cut:] for line in lines)
    if source.startswith('"'):
        return _ESCAPE.sub(_unescaped, source[1:-1])
    return source if source.startswith("${") else f"${{{source}}}"


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match[0]
    return _ESCAPES.get(match[3], match[3])


def merged(base: Body, over: Body) -> Body:
    """Return two bodies of a target as one: maps key by key, else the later one."""
    found = {**base, **{key: value for key, value in over.items() if value is not None}}
    for key in _MAPS:
        below, above = base.get(key), over.get(key)
        if isinstance(below, dict) and isinstance(above, dict):
            found[key] = {**below, **above}
    return found


def _lines(text: str) -> dict[str, int]:
    """Return the lines on which targets begin, by their names; of JSON, of any object."""
    hcl = [*re.finditer(r'^[ \t]*target\s+"?([^"\s{]+)"?\s*(?=\{)', text, re.MULTILINE)]
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in hcl or re.finditer(r'"([^"\n]*)"\s*:\s*(?=[\[{])', text):
        line, at = line + text.count("\n", at, match.end()), match.end()
        found.setdefault(match[1], line)
    return found


@dataclass
class BakePrinter:
    """Asks Docker what targets of Bake files are, in one repository."""

    border: str
    """The repository, of which no program is run."""
    _left: float = _MOST_SECONDS

    def blocks(self, directory: str, files: Iterable[str], names: Iterable[str]) -> list[Block]:
        """Return the targets called `names` of the `files` in a directory, and their groups.

        Raises `BakeError` where Docker is missing, fails, or takes or prints too much.
        """
        program = find_program("docker", os.environ.get("PATH", ""), self.border)
        if program is None:
            raise BakeError("docker is not installed, or PATH names it only inside the repository")
        chosen = [word for name in files for word in ("-f", f"./{name}")]
        arguments = [program, "buildx", "bake", "--print", *chosen, *filter(_NAME.fullmatch, names)]
        began = time.monotonic()
        try:
            text = self._output(arguments, directory, max(0, min(_SECONDS, self._left)))
        except OSError as error:
            raise BakeError(f"docker cannot be run: {error.strerror}") from None
        finally:
            self._left -= time.monotonic() - began
        return printed(read_json(text.decode(errors="replace")))

    def _output(self, arguments: list[str], directory: str, seconds: float) -> bytes:
        """Return what a program prints, which is killed with all that it started in an error."""
        import subprocess

        deadline = time.monotonic() + seconds
        with subprocess.Popen(
            arguments,
            cwd=directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            try:
                data = _read(process.stdout, deadline)
                code = process.wait(max(0, deadline - time.monotonic()))
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    text = f"{_COMMAND} took more than {seconds:.0f} seconds"
                    raise BakeError(text) from None
                raise
        if code:
            raise BakeError(f"{_COMMAND} failed with {code}")
        return data

    def _environment(self) -> dict[str, str]:
        path = os.environ.get("PATH", "").split(os.pathsep)
        home = os.environ.get("HOME", "/")
        # The plugins in HOME are programs: those of the repository are not run.
        return {
            "PATH": os.pathsep.join(
                each for each in path if os.path.isabs(each) and not holds(self.border, each)
            ),
            "HOME": "/" if holds(self.border, home) else home,
        }


def _read(output: IO[bytes], deadline: float) -> bytes:
    """Return what is printed until the end or the deadline. Raises `BakeError` for too much."""
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while selector.select(max(0, deadline - time.monotonic())):
            piece = os.read(output.fileno(), 1 << 16)
            data += piece
            if len(data) > _MOST_BYTES:
                raise BakeError(f"{_COMMAND} printed more than {_MOST_BYTES:,} bytes")
            if not piece:
                break
    return bytes(data)
