"""From the bytes of a Dockerfile to its logical lines.

Line ends, byte order mark, first-line directives, comments and continuations
are dealt with here, so that the parser sees one instruction at a time and
where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ctxsize.dockerfile.complaints import located
from ctxsize.dockerfile.instructions import Directive
from ctxsize.dockerfile.words import SPACE
from ctxsize.errors import DockerfileError

# The builder's scanner holds 64 KiB: a line may have that much with its line
# end, and one byte less at the end of the file without one.
_BUFFER_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"
_BLANKS = r"[\t\n\f\r ]*"
_DIRECTIVE = re.compile(rf"([a-zA-Z][a-zA-Z0-9]*){_BLANKS}={_BLANKS}(.+?){_BLANKS}\Z")
_DIRECTIVE_NAMES = ("syntax", "escape", "check")


@dataclass(frozen=True)
class LogicalLine:
    """One instruction's text, continuations joined, with its first and last line."""

    text: str
    line: int
    end_line: int


class LineReader:
    """Hands out the logical lines of a Dockerfile, and heredoc bodies in between.

    `line` is the number of the last line read. `escape` and `directives` are
    final once a logical line was returned. Bytes that are no UTF-8 become
    surrogate escapes.
    """

    def __init__(self, data: bytes) -> None:
        self.escape = "\\"
        self.directives: tuple[Directive, ...] = ()
        self.line = 0
        self.too_long = False
        self._physical = self._physical_lines(data)
        self._at_top = True

    def logical_lines(self) -> Iterator[LogicalLine]:
        """Yield the instructions' texts. Raises DockerfileError for a bad directive."""
        for raw in self._physical:
            text = raw.rstrip("\r\n").lstrip(SPACE)
            self._look_for_directive(text)
            if text.startswith("#"):
                continue
            text, continued = self._cut_continuation(text)
            if text or continued:
                line = self.line
                pieces = [text, *(self._continuations() if continued else ())]
                yield LogicalLine("".join(pieces), line, self.line)

    def heredoc_body(self, name: str, *, strip_tabs: bool) -> str | None:
        """Return the lines up to the one that is `name`, or None if there is none."""
        body: list[str] = []
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            if (text.lstrip("\t") if strip_tabs else text) == name:
                return "".join(body)
            body.append(raw)
        return None

    def _physical_lines(self, data: bytes) -> Iterator[str]:
        """Yield the lines with their line ends; stop for good at one that is too long."""
        for raw in _split_lines(data):
            if len(raw) >= _BUFFER_BYTES + raw.endswith(b"\n"):
                self.too_long = True
                return
            self.line += 1
            if self.line == 1:
                raw = raw.removeprefix(_BOM)
            yield raw.decode("utf-8", "surrogateescape")

    def _continuations(self) -> Iterator[str]:
        """Yield what continues a line; comments and blank lines in between do not count."""
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            content = text.lstrip(SPACE)
            if not content or content.startswith("#"):
                continue
            text, continued = self._cut_continuation(text)
            yield text
            if not continued:
                return

    def _cut_continuation(self, text: str) -> tuple[str, bool]:
        """Return `text` without an escape character at its end, and whether it had one."""
        bare = text.rstrip("\t ")
        # An escape in front of it takes its meaning away, however many there are.
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return text, False

    def _look_for_directive(self, text: str) -> None:
        """Obey a directive; anything else ends the part of the file that may hold them."""
        found = _directive(text, "#") if self._at_top else None
        if found is None:
            self._at_top = False
            return
        name, value = found
        with located(self.line):
            if any(name == directive.name for directive in self.directives):
                raise DockerfileError(f"only one {name} parser directive can be used")
            if name == "escape" and value not in ("\\", "`"):
                raise DockerfileError(f"invalid escape token '{value}' does not match ` or \\")
        self.escape = value if name == "escape" else self.escape
        self.directives += (Directive(name, value, self.line),)


def find_syntax(data: bytes) -> Directive | None:
    """Return the directive that hands the file to another frontend, or None.

    The builder looks for it before it parses anything, and in more places than
    the parser does: below a `#!` line, behind `//`, and as a key of a JSON
    object. Its value is the image reference, without what follows it.
    """
    data = data.removeprefix(_BOM)
    first_line = 1
    if data.startswith(b"#!"):
        data = data.partition(b"\n")[2]
        first_line = 2
    lines = [raw.decode("utf-8", "surrogateescape").rstrip("\n") for raw in _split_lines(data)]
    for prefix in ("#", "//"):
        if found := _syntax_among(lines, prefix, first_line):
            return found
    return _syntax_in_json(data, first_line)


def _syntax_among(lines: Iterable[str], prefix: str, first_line: int) -> Directive | None:
    """Return the syntax directive among those on top of `lines`."""
    for number, text in enumerate(lines, first_line):
        found = _directive(text, prefix)
        if found is None:
            return None
        if found[0] == "syntax":
            return Directive("syntax", found[1].partition(" ")[0], number)
    return None


def _syntax_in_json(data: bytes, line: int) -> Directive | None:
    """Return the value of `"syntax"` if `data` is a JSON object that has it."""
    if not data.lstrip().startswith(b"{"):
        return None
    import json  # as few Dockerfiles need it

    try:
        value = json.loads(data)["syntax"]
    except (ValueError, KeyError, RecursionError):
        return None
    return Directive("syntax", value, line) if isinstance(value, str) else None


def _directive(text: str, prefix: str) -> tuple[str, str] | None:
    """Return name and value if `text` is a directive that the builder knows."""
    if not text.startswith(prefix):
        return None
    match = _DIRECTIVE.match(text.removeprefix(prefix).lstrip(SPACE))
    if match is None or match[1].lower() not in _DIRECTIVE_NAMES:
        return None
    return match[1].lower(), match[2]


def _split_lines(data: bytes) -> Iterator[bytes]:
    """Yield lines with their ends; only LF ends one."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end
