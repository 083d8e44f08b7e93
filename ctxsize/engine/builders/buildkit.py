"""BuildKit, behind `docker build`, `docker buildx`, Bake and Compose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ctxsize.engine.builders.builder import Builder
from ctxsize.engine.ignorefile import sent_text
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError

_HEADER_LIMIT = 1_048_896
_HEADER_OVERHEAD = 48
_MOST_LINES = 20_000
_sent_text = lru_cache(maxsize=_MOST_LINES)(sent_text)
"""Of one file many variants are tried, which share most of their lines."""


def check_header(lines: Sequence[str]) -> None:
    """Raise `IgnoreFileError` for lines whose patterns do not fit the header they travel in.

    The list goes to the client as gRPC metadata: printable ASCII as it is,
    anything else URL-encoded, but only if some pattern is not ASCII at all.
    """
    sent = [(number, _sent_text(line)) for number, line in enumerate(lines, 1)]
    texts = [(number, text) for number, text in sent if text is not None]
    if all(text.isascii() for _, text in texts):
        for number, text in texts:
            if not text.isprintable():
                raise IgnoreFileError(
                    'header key "exclude-patterns" contains value with non-printable ASCII '
                    "characters",
                    line=number,
                    pattern=text,
                    hint=f"remove the control character from {text!r}",
                )
        size = sum(_HEADER_OVERHEAD + len(text) for _, text in texts)
    else:
        from urllib.parse import quote_plus

        size = sum(_HEADER_OVERHEAD + len(quote_plus(text, safe="")) for _, text in texts)
    if size > _HEADER_LIMIT:
        raise IgnoreFileError(
            f"the patterns take {size:,} bytes in the request to BuildKit, which accepts at "
            f"most {_HEADER_LIMIT:,}",
            hint="use fewer patterns, for instance one directory instead of its files",
        )


BUILDKIT = Builder(
    name="buildkit",
    title="BuildKit",
    spec_class=DockerIgnoreSpec,
    dockerfile_names=("Dockerfile", "dockerfile"),
    fetches_dockerfile=True,
    specific_suffixes=(".dockerignore",),
    ignore_file_names=(".dockerignore",),
    links_may_leave=False,
    must_read=False,
    longest_line=True,
    check_patterns=check_header,
    checks_as_written=True,
    replaces_undecodable=True,
    always_sends=None,
    asks_for_paths=True,
    sends_ignored_parents=True,
    sends_only_utf8=True,
    unreadable_stops=False,
    refuses_to_open=True,
    sends_sockets=True,
    confuses_file_systems=True,
    links_symlinks=False,
    meter="buildkit",
    announces="transferring context: {}",
    resends=False,
    older="Docker 26.1",
)
