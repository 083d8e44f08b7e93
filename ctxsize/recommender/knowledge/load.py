"""The rules of all ecosystems, made from the rows of `rules/*.toml`."""

from __future__ import annotations

from typing import Any

from ctxsize.recommender.knowledge.rows import RuleRow, rows, texts
from ctxsize.recommender.rules import MARKERS, Category, EntryType, Form, Marker, Rule

_ANY_NAME = "*"
_KEYS = {"also_beside": "beside", "at_least_mib": "at_least", "link_into": "link"}
"""What keys of rows mean that are not called as their marker."""
_MARKERS = MARKERS.keys() | _KEYS.keys()


def rule_of(row: RuleRow) -> Rule:
    """Return the rule that a row describes. Raises `ValueError` or `TypeError` for a mistake."""
    values = dict(row.values)
    kind = next(kind for kind in EntryType if kind.value in values)
    find = texts(values.pop(kind.value))
    any_name = find == (_ANY_NAME,)
    marker = _all({key: values.pop(key) for key in row.values if key in _MARKERS})
    return Rule(
        name=row.name,
        find=() if any_name else find,
        category=Category(values.pop("category")),
        marker=marker,
        kind=kind,
        form=Form.ANCHORED if any_name else Form(values.pop("form", Form.ANYWHERE)),
        traps=texts(values.pop("traps", [])),
        **values,  # a key that no rule has is an error
    )


def _all(values: dict[str, Any]) -> Marker:
    if not values:
        raise ValueError("a row must say what proves the thing, or that it `exists`")
    markers = tuple(_marker(key, value) for key, value in values.items())
    return markers[0] if len(markers) == 1 else Marker("all_of", parts=markers)


def _marker(key: str, value: Any) -> Marker:
    kind = _KEYS.get(key, key)
    if key == "any_of":
        return Marker(kind, parts=tuple(map(_all, value)))
    if key == "at_least_mib":
        return Marker(kind, number=value * 1024 * 1024)
    if isinstance(value, dict):
        return Marker(kind, texts(value["bytes"]), value["at"])
    return Marker(kind, () if value is True else texts(value))


RULES: tuple[Rule, ...] = tuple(map(rule_of, rows()))
"""Every rule; where two speak of one directory the earlier one decides."""

BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}
