"""The kinds of directories that can be proven to be regenerable.

A kind is a `clean` table of a row in `recommender/knowledge/rules/`. A row has one only if a
tool leaves evidence *inside* the directory. What has nothing but a name (`dist`, `bin`, `out`,
`tmp`, a bare `build`) has none, and neither has what a tool cannot make again from the files
around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ctxsize.clean.proofs import ArtefactKind, Telltale
from ctxsize.clean.values import CleanCategory
from ctxsize.recommender.knowledge.rows import RuleRow, rows, texts

_TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
"""What makes a file of that name a tag; who wrote it stands behind."""
LOCKS = (".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock")
"""What Cargo locks while it builds."""


def kind_of(row: RuleRow) -> ArtefactKind:
    """Return the kind that the `clean` table of a row describes."""
    values = {"category": row.values["category"], "ecosystem": row.ecosystem, **row.clean}
    inside, holds = values.pop("inside"), values.pop("holds", {})
    return ArtefactKind(
        name=values.pop("name"),
        ecosystem=values.pop("ecosystem"),
        category=CleanCategory(values.pop("category")),
        title=values.pop("title"),
        names=texts(values.pop("names", row.values["directory"])),
        inside=tuple(_groups(inside, holds)),
        check=values.pop("check", ""),
        **{key: texts(names) for key, names in values.items()},
    )


def _groups(inside: str | list[Any], holds: Mapping[str, Any]) -> Iterator[tuple[Telltale, ...]]:
    groups = [texts(group) for group in ([inside] if isinstance(inside, str) else inside)]
    unknown = holds.keys() - {path for group in groups for path in group}
    if unknown:
        raise ValueError(f"no evidence has the names {sorted(unknown)}")
    for group in groups:
        yield tuple(Telltale(path, _held(path, holds)) for path in group)


def _held(path: str, holds: Mapping[str, Any]) -> tuple[bytes, ...]:
    signature = (_SIGNATURE,) if path == _TAG else ()
    return tuple(text.encode() for text in (*signature, *texts(holds.get(path, []))))


KINDS: tuple[ArtefactKind, ...] = tuple(kind_of(row) for row in rows() if row.clean)
"""In the order in which they are tried."""

INCREMENTAL = ArtefactKind(
    "cargo-incremental",
    "rust",
    CleanCategory.ARTEFACT,
    "incremental compilation of Cargo",
    ("incremental",),
    (),
    locks_beside=LOCKS,
)
"""The part of a target directory that `--incremental-only` takes; the target is what is proven."""

ECOSYSTEMS = tuple(sorted({kind.ecosystem for kind in KINDS}))
"""The choices of `--ecosystem`."""

BY_NAME = {kind.name: kind for kind in (*KINDS, INCREMENTAL)}
