"""The rules of all ecosystems, made from the rows of `rules/*.toml`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ctxsize.recommender import rules
from ctxsize.recommender.knowledge.rows import RuleRow, rows, texts
from ctxsize.recommender.rules import MIB, Category, EntryType, Form, Marker, Rule

_ANY_NAME = "*"


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
    markers = tuple(_MARKERS[key](value) for key, value in values.items())
    return markers[0] if len(markers) == 1 else rules.AllOf(markers)


def _begins(value: Any) -> Marker:
    if isinstance(value, dict):
        return rules.Begins(texts(value["bytes"]), value["at"])
    return rules.Begins(texts(value))


_MARKERS: dict[str, Callable[[Any], Marker]] = {
    "beside": lambda names: rules.Beside(texts(names)),
    "also_beside": lambda names: rules.Beside(texts(names)),
    "beside_all": lambda names: rules.BesideAll(texts(names)),
    "inside": lambda names: rules.Inside(texts(names)),
    "inside_all": lambda names: rules.InsideAll(texts(names)),
    "content": rules.Content,
    "begins": _begins,
    "twin": rules.Twin,
    "link_into": rules.Link,
    "at_least_mib": lambda count: rules.AtLeast(count * MIB),
    "mostly_of": lambda endings: rules.MostlyOf(texts(endings)),
    "tagged": lambda _: rules.Tagged(),
    "self_ignored": lambda _: rules.SelfIgnored(),
    "git_ignored": lambda _: rules.GitIgnored(),
    "untracked": lambda _: rules.Untracked(),
    "only_programs": lambda _: rules.OnlyPrograms(),
    "only_documents": lambda _: rules.OnlyDocuments(),
    "is_dockerfile": lambda _: rules.IsDockerfile(),
    "exists": lambda _: rules.Exists(),
    "any_of": lambda ways: rules.AnyOf(tuple(map(_all, ways))),
}
"""How each key of a row that says what proves it becomes a marker; several must all hold."""

RULES: tuple[Rule, ...] = tuple(map(rule_of, rows()))
"""Every rule; where two speak of one directory the earlier one decides."""

BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}
