"""Dockerfile text → instructions, as BuildKit splits them; `arguments` checks, `words` expands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

from ctxsize.dockerfile.arguments import (
    KEYWORDS,
    check_instruction,
    split_arguments,
    split_first,
    take_flags,
)
from ctxsize.dockerfile.instructions import (
    Directive,
    Dockerfile,
    Heredoc,
    Instruction,
    Instructions,
    located,
    parse_heredoc_word,
)
from ctxsize.dockerfile.words import split_words
from ctxsize.errors import DockerfileError
from ctxsize.go.strings import WHITE_SPACE

_LONGEST_BYTES = 65_535  # of a line without its line end: the builder's scanner buffers 64 KiB
_BOM = b"\xef\xbb\xbf"
_BLANKS = "\t\n\f\r "  # what `\s` matches in Go
_SYNTAX_IN_JSON = re.compile(rb'\s*\{.*"syntax"\s*:\s*"([!-~]*?)"', re.DOTALL)
_NAMES = ("syntax", "escape", "check")


class LineReader:
    """Yields the logical lines of a Dockerfile, and returns the heredoc bodies between them.

    `line` is the number of the last line read. A line that is too long ends the text like the end
    of the file: it is the `fault`, which BuildKit (`parser.Parse`) reports only if nothing before
    it is wrong. Raises DockerfileError for a bad directive.
    """

    def __init__(self, data: bytes) -> None:
        self.line = 0
        self.fault: DockerfileError | None = None
        self._physical = self._physical_lines(data)
        self.escape = "\\"
        directives = {}
        for directive in _directives(data.removeprefix(_BOM), "#", indent=WHITE_SPACE):
            name = directive.name
            with located(directive.line):
                if name in directives:
                    raise DockerfileError(f"only one {name} parser directive can be used")
                if name == "escape":
                    self.escape = directive.value
                if self.escape not in ("\\", "`"):
                    raise DockerfileError(f"the escape directive takes ` or \\, not {self.escape}")
            directives[name] = directive
        self.directives = tuple(directives.values())

    def logical_lines(self) -> Iterator[tuple[str, int]]:
        """Yield each instruction's text, continuations joined, and its first line."""
        pieces: list[str] = []
        line = 0
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            content = text.lstrip(WHITE_SPACE)
            # Comments and blank lines do not end a continued instruction (`parser.Parse`).
            if not content or content.startswith("#"):
                continue
            if not pieces:
                text = content
                line = self.line
            bare = text.rstrip("\t ")
            # `trimContinuationCharacter`: two or more escape characters do not continue the line.
            if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
                pieces.append(bare[:-1])
                continue
            yield "".join(pieces) + text, line
            pieces.clear()
        if pieces:
            yield "".join(pieces), line

    def heredoc_body(self, heredoc: Heredoc) -> str:
        """Return the lines up to the one that is its name. Raises DockerfileError without one."""
        body: list[str] = []
        for raw in self._physical:
            text = raw.rstrip("\r\n")
            if heredoc.strip_tabs:
                text = text.lstrip("\t")
            if text == heredoc.name:
                return "".join(body)
            body.append(raw)
        raise DockerfileError("unterminated heredoc")

    def _physical_lines(self, data: bytes) -> Iterator[str]:
        """Yield the lines with their line ends, bytes that are not UTF-8 as surrogate escapes."""
        for raw in BytesIO(data):  # only LF ends a line
            if len(raw.removesuffix(b"\n")) > _LONGEST_BYTES:
                message = "dockerfile line greater than max allowed size of 65535"
                self.fault = DockerfileError(message, line=self.line + 1)
                return
            self.line += 1
            if self.line == 1:
                raw = raw.removeprefix(_BOM)
            yield raw.decode("utf-8", "surrogateescape")


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
        for directive in _directives(data, prefix, first_line):
            if directive.name == "syntax":
                return replace(directive, value=directive.value.partition(" ")[0])
    if in_json := _SYNTAX_IN_JSON.match(data):
        return Directive("syntax", in_json[1].decode(), first_line)
    return None


def _directives(
    data: bytes, prefix: str, first_line: int = 1, *, indent: str = ""
) -> Iterator[Directive]:
    """Yield the directives at the top; any other line ends the part where they count."""
    for number, raw in enumerate(BytesIO(data), first_line):
        text = raw.decode("utf-8", "surrogateescape").rstrip("\n").lstrip(indent)
        if not text.startswith(prefix):
            return
        content = text.removeprefix(prefix).lstrip(WHITE_SPACE)
        name, _, rest = content.partition("=")
        name = name.rstrip(_BLANKS)
        # BuildKit's expression `\s*(.+?)\s*$` leaves the last of several blanks as the value.
        setting = rest.strip(_BLANKS) or rest[-1:]
        if name.lower() not in _NAMES or not name.isascii() or not setting:
            return
        yield Directive(name.lower(), setting, number)


def parse_dockerfile(data: bytes | str) -> Dockerfile:
    r"""Return the instructions of a Dockerfile, in order.

    Raises DockerfileError with line and reason if BuildKit would reject the file whatever the
    target; `context_need` finds what fails once a stage is built.
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if not data:
        raise DockerfileError("the Dockerfile cannot be empty")
    reader = LineReader(data)
    split = _split(reader)
    in_stage = False
    for instruction in split:
        check_instruction(instruction)
        in_stage |= instruction.keyword == "FROM"
        if not in_stage and instruction.keyword != "ARG":
            raise DockerfileError("no build stage in current context", line=instruction.line)
    if not in_stage:
        raise DockerfileError("dockerfile contains no stages to build")
    return Dockerfile(reader.directives, split, reader.escape, find_syntax(data))


def unchecked_instructions(data: bytes) -> Instructions:
    """Return the instructions of a text that need not be accepted; none if it has no lines."""
    try:
        return _split(LineReader(data))
    except DockerfileError:
        return ()


def _split(reader: LineReader) -> Instructions:
    """Return the instructions, split but not checked. Raises `DockerfileError`."""
    split = []
    for text, line in reader.logical_lines():
        with located(line):
            split.append(_instruction(text, line, reader))
    if not split:
        raise DockerfileError("file with no instructions", line=reader.line)
    if reader.fault:
        raise reader.fault
    return tuple(split)


def _instruction(
    text: str, line: int, reader: LineReader, *, is_trigger: bool = False
) -> Instruction:
    """Split a logical line into keyword, flags and arguments, and read its heredocs below it."""
    keyword, rest = split_first(text.strip(WHITE_SPACE))
    keyword = KEYWORDS.get(keyword.lower(), keyword)
    flags, rest = take_flags(rest, reader.escape)
    rest = rest.strip(WHITE_SPACE)
    words, json_form = split_arguments(keyword, rest, reader.escape)
    trigger = None
    heredocs: list[Heredoc] = []
    # BuildKit (`parseOnbuild`) rejects a chain of ONBUILD, so the second one needs no trigger.
    if keyword == "ONBUILD" and rest and not is_trigger:
        trigger = _instruction(rest, line, reader, is_trigger=True)
        heredocs += trigger.heredocs
    elif keyword in ("ADD", "COPY", "RUN") and not json_form and "<<" in text:
        for word in split_words(text, raw_quotes=True, raw_escapes=True):
            if heredoc := parse_heredoc_word(word):
                heredocs.append(replace(heredoc, content=reader.heredoc_body(heredoc)))
    return Instruction(
        keyword,
        flags,
        words,
        json_form,
        text,
        line,
        end_line=reader.line,
        heredocs=tuple(heredocs),
        trigger=trigger,
    )
