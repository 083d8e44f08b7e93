"""The one word that opens a heredoc."""

from __future__ import annotations

import re

from ctxsize.dockerfile.instructions import Heredoc
from ctxsize.dockerfile.words import split_words
from ctxsize.errors import DockerfileError

_MARKER = re.compile(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]+)\Z")
_TABS = re.compile(r"^\t+", re.MULTILINE)


def parse_heredoc_word(word: str) -> Heredoc | None:
    """Return the heredoc that `word` opens, without a body, or None if it opens none.

    >>> parse_heredoc_word("<<-'EOF'")
    Heredoc(name='EOF', expand=False, strip_tabs=True, content='')
    """
    match = _MARKER.match(word)
    if match is None:
        return None
    try:
        names = split_words(match[2], raw_quotes=False)
        quoted = split_words(match[2], raw_quotes=True)
    except DockerfileError:
        return None
    if len(names) != 1 or len(quoted) != 1:
        return None
    # Quotes around any part of the name turn expansion off, as in a shell.
    unquoted = _quotes_in(names[0]) == _quotes_in(quoted[0])
    return Heredoc(names[0], expand=unquoted, strip_tabs=bool(match[1]))


def strip_leading_tabs(body: str) -> str:
    """Return `body` as `<<-` wants it."""
    return _TABS.sub("", body)


def _quotes_in(text: str) -> int:
    return text.count("'") + text.count('"')
