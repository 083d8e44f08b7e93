"""Dockerfile text → instructions, as BuildKit's parser splits them.

This module only splits: `arguments` checks flags and arguments, `words` expands variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

from ctxsize.dockerfile.arguments import (
    KEYWORDS,
    check_instruction,
    partition,
    split_arguments,
    take_flags,
)
from ctxsize.dockerfile.instructions import (
    Directive,
    Dockerfile,
    Heredoc,
    Instruction,
    located,
    parse_heredoc_word,
)
from ctxsize.dockerfile.words import SPACE, split_words
from ctxsize.errors import DockerfileError

# The builder's scanner buffers 64 KiB: a line may have as many bytes with its line end. A
# last line without a line end may have one byte less.
_BUFFER_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"
_BLANKS = r"[\t\n\f\r ]*"
_DIRECTIVE = re.compile(rf"([a-zA-Z][a-zA-Z0-9]*){_BLANKS}={_BLANKS}(.+?){_BLANKS}\Z")
_DIRECTIVE_NAMES = ("syntax", "escape", "check")
_HEREDOC_KEYWORDS = ("ADD", "COPY", "RUN")


class LineReader:
    """Yields the logical lines of a Dockerfile, and returns the heredoc bodies between them.

    `line` is the number of the last line read. `escape` and `directives` are final after the
    first logical line. A line that is too long ends the text like the end of the file: it is the
    `fault`, which BuildKit (`parser.Parse`) reports only if nothing before it is wrong.
    """

    def __init__(self, data: bytes) -> None:
        self.escape = "\\"
        self.directives: tuple[Directive, ...] = ()
        self.line = 0
        self.fault: DockerfileError | None = None
        self._physical = self._physical_lines(data)
        self._at_top = True

    def logical_lines(self) -> Iterator[tuple[str, int]]:
        """Yield each instruction's text, continuations joined, and its first line.

        Raises DockerfileError for a bad directive.
        """
        pieces: list[str] = []
        line, continued = 0, False
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            content = text.lstrip(SPACE)
            if not continued:
                self._look_for_directive(content)
            # Comments and blank lines do not end a continued instruction (`parser.Parse`).
            if not content or content.startswith("#"):
                continue
            if not continued:
                text, line, pieces = content, self.line, []
            bare = text.rstrip("\t ")
            # `trimContinuationCharacter`: two or more escape characters do not continue the line.
            continued = bare.endswith(self.escape) and not bare.endswith(self.escape * 2)
            pieces.append(bare[:-1] if continued else text)
            if not continued:
                yield "".join(pieces), line
        if continued:
            yield "".join(pieces), line

    def heredoc_body(self, name: str, *, strip_tabs: bool) -> str:
        """Return the lines up to the one that is `name`. Raises DockerfileError without one."""
        body: list[str] = []
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            if (text.lstrip("\t") if strip_tabs else text) == name:
                return "".join(body)
            body.append(raw)
        raise DockerfileError("unterminated heredoc")

    def _physical_lines(self, data: bytes) -> Iterator[str]:
        """Yield the lines with their line ends, bytes that are not UTF-8 as surrogate escapes."""
        for raw in BytesIO(data):  # only LF ends a line
            if len(raw) >= _BUFFER_BYTES + raw.endswith(b"\n"):
                message = "dockerfile line greater than max allowed size of 65535"
                self.fault = DockerfileError(message, line=self.line + 1)
                return
            self.line += 1
            if self.line == 1:
                raw = raw.removeprefix(_BOM)
            yield raw.decode("utf-8", "surrogateescape")

    def _look_for_directive(self, text: str) -> None:
        """Obey a directive; any other line ends the part in which they count (`ParseLine`)."""
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
    """Return the directive that makes another frontend read the file, or None.

    The builder (`parser.DetectSyntax`) looks for it in more places than its parser does: below
    a `#!` line, behind `//`, and as a key of a JSON object. Its value is the image reference.
    """
    data = data.removeprefix(_BOM)
    first_line = 1
    if data.startswith(b"#!"):
        data = data.partition(b"\n")[2]
        first_line = 2
    for prefix in ("#", "//"):
        for number, raw in enumerate(BytesIO(data), first_line):
            found = _directive(raw.decode("utf-8", "surrogateescape").rstrip("\n"), prefix)
            if found is None:
                break
            if found[0] == "syntax":
                return Directive("syntax", found[1].partition(" ")[0], number)
    return _syntax_in_json(data, first_line)


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
    """Return name and value if `text` is a directive that the builder obeys."""
    if not text.startswith(prefix):
        return None
    match = _DIRECTIVE.match(text.removeprefix(prefix).lstrip(SPACE))
    if match is None or match[1].lower() not in _DIRECTIVE_NAMES:
        return None
    return match[1].lower(), match[2]


def parse_dockerfile(data: bytes | str) -> Dockerfile:
    r"""Return the instructions of a Dockerfile, in order.

    Raises DockerfileError with line and reason if BuildKit would reject the file whatever the
    target. What only fails once a stage is built is found by `context_need`.

    >>> [each.arguments for each in parse_dockerfile("FROM alpine\nCOPY a b /x\n").instructions]
    [('alpine',), ('a', 'b', '/x')]
    """
    content = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if not content:
        raise DockerfileError("the Dockerfile cannot be empty")
    reader = LineReader(content)
    instructions = tuple(_instructions(reader))
    if not instructions:
        raise DockerfileError("file with no instructions", line=reader.line)
    if reader.fault is not None:
        raise reader.fault
    in_stage = False
    for instruction in instructions:
        check_instruction(instruction)
        in_stage = in_stage or instruction.keyword == "FROM"
        if not in_stage and instruction.keyword != "ARG":
            raise DockerfileError("no build stage in current context", line=instruction.line)
    if not in_stage:
        raise DockerfileError("dockerfile contains no stages to build")
    return Dockerfile(reader.directives, instructions, reader.escape, find_syntax(content))


def _instructions(reader: LineReader) -> Iterator[Instruction]:
    for text, line in reader.logical_lines():
        with located(line):
            instruction = _split(text, reader.escape)
            heredocs = tuple(_read_heredocs(instruction, reader))
        end, trigger = reader.line, instruction.trigger
        if trigger:
            trigger = replace(trigger, line=line, end_line=end, heredocs=heredocs)
        yield replace(instruction, line=line, end_line=end, heredocs=heredocs, trigger=trigger)


def _split(text: str, escape: str, *, is_trigger: bool = False) -> Instruction:
    """Split a logical line into keyword, flags and arguments; the caller sets its lines."""
    keyword, rest = partition(text.strip(SPACE))
    keyword = KEYWORDS.get(keyword.lower(), keyword)
    flags, rest = take_flags(rest, escape)
    rest = rest.strip(SPACE)
    trigger = None
    # BuildKit (`parseOnbuild`) rejects a chain of ONBUILD, so the second one needs no trigger.
    if keyword == "ONBUILD" and rest and not is_trigger:
        trigger = _split(rest, escape, is_trigger=True)
    arguments, json_form = split_arguments(keyword, rest, escape)
    return Instruction(keyword, flags, arguments, json_form, text, 0, 0, trigger=trigger)


def _read_heredocs(instruction: Instruction, reader: LineReader) -> Iterator[Heredoc]:
    """Yield the heredocs that the instruction opens, their bodies read from below it."""
    carrier = instruction.trigger or instruction
    if carrier.keyword not in _HEREDOC_KEYWORDS or carrier.json_form:
        return
    if "<<" not in instruction.text:
        return
    for word in split_words(instruction.text, raw_quotes=True, raw_escapes=True):
        if heredoc := parse_heredoc_word(word):
            body = reader.heredoc_body(heredoc.name, strip_tabs=heredoc.strip_tabs)
            yield replace(heredoc, content=body)
