"""Finds every regular expression of the package, and how the code calls it.

A call of `re` whose expression is written out, or made of constants, is evaluated here. Where it
comes from a table or a text, `COMPUTED` says what it may be; a call that is in neither is an error.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import ctxsize
from tests.hostile.computed import Computed

_PACKAGE = Path(ctxsize.__file__).parent
_CALLS = ("compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
_WHOLE = {"sub", "subn", "split", "findall", "finditer"}  # these go on behind each match
ALL_WAYS = frozenset({"match", "fullmatch", "each"})
_LIMIT = re.compile(r"# on at most (\w+) characters\b")


@dataclass(frozen=True)
class Expression:
    """An expression, its flags, and the ways in which the code looks for it."""

    where: str  # the module and the line, or the table and the key
    source: str
    flags: int = 0
    ways: frozenset[str] = ALL_WAYS  # match, fullmatch, search, or each for all of a text
    most: int = 0  # number of characters of the longest text that it is given; 0 for any
    binary: bool = False

    @property
    def pattern(self) -> re.Pattern[Any]:
        """Return it as it is compiled."""
        source = self.source.encode("latin-1") if self.binary else self.source
        return re.compile(source, self.flags)


@dataclass
class _Module:
    """A module, and what its source says."""

    module: ModuleType
    path: Path
    text: str
    tree: ast.Module
    nodes: list[ast.AST]
    parents: dict[ast.AST, ast.AST]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(_PACKAGE))


@cache
def modules() -> tuple[_Module, ...]:
    """Return every module of the package."""
    found = []
    for info in pkgutil.walk_packages([str(_PACKAGE)], "ctxsize."):
        if info.name.endswith("__main__") or info.name.endswith("._core"):
            continue
        module = importlib.import_module(info.name)
        path = Path(str(module.__file__))
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        nodes = [*ast.walk(tree)]
        parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
        found.append(_Module(module, path, text, tree, nodes, parents))
    return tuple(found)


def _is_call(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    return isinstance(owner, ast.Name) and owner.id == "re" and node.func.attr in _CALLS


def _way(call: str) -> str:
    return "each" if call in _WHOLE else call


def calls() -> Iterator[tuple[_Module, ast.Call]]:
    """Yield each call of `re` that takes an expression."""
    for module in modules():
        for node in module.nodes:
            if isinstance(node, ast.Call) and _is_call(node):
                yield module, node


def _value(module: _Module, node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the value of code with these local names. Raises `NameError` if it has others."""
    code = compile(ast.Expression(node), module.name, "eval")
    return eval(code, {**vars(module.module), **names})


def _flags(module: _Module, call: ast.Call) -> int:
    """Return the flags of a call."""
    given = [each.value for each in call.keywords if each.arg == "flags"]
    assert isinstance(call.func, ast.Attribute)
    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)
    given += call.args[place : place + 1]
    return int(_value(module, given[0], {})) if given else 0


def _names(module: _Module, call: ast.Call) -> list[str]:
    """Return the global names that get the pattern that a call compiles."""
    parent = module.parents.get(call)
    if isinstance(parent, ast.Assign) and module.parents.get(parent) is module.tree:
        return [each.id for each in parent.targets if isinstance(each, ast.Name)]
    return []


@cache
def _all_uses() -> Mapping[tuple[str, str], frozenset[str]]:
    """Return how names of modules are used anywhere, by module and name."""
    found = defaultdict[tuple[str, str], set[str]](set)
    for module in modules():
        origins = _origins(module)
        for node in module.nodes:
            key = None
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                key = origins.get(node.id, (module.module.__name__, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = vars(module.module).get(node.value.id)
                if isinstance(owner, ModuleType):
                    key = (owner.__name__, node.attr)
            if key is not None:
                found[key].add(_use(module.parents.get(node)))
    return {key: frozenset(ways) for key, ways in found.items()}


def _origins(module: _Module) -> dict[str, tuple[str, str]]:
    """Return the names that a module imports, with the modules and the names there."""
    found = {}
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                found[each.asname or each.name] = (node.module, each.name)
    return found


def _use(parent: ast.AST | None) -> str:
    if not isinstance(parent, ast.Attribute):
        return ""
    return "pattern" if parent.attr == "pattern" else _way(parent.attr)


def _ways(module: _Module, call: ast.Call) -> frozenset[str]:
    """Return the ways in which the code looks for the expression of a call."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "compile":
        return frozenset({_way(call.func.attr)})
    parent = module.parents.get(call)
    if isinstance(parent, ast.Attribute):
        return frozenset({_way(parent.attr)})
    names = _names(module, call)
    places = [(module.module.__name__, name) for name in names]
    used = {way for place in places for way in _all_uses().get(place, ())} - {"pattern"}
    if not used or "" in used or not used <= {*ALL_WAYS, "search"}:
        return ALL_WAYS
    return frozenset(used)


def _most(module: _Module, call: ast.Call) -> int:
    """Return the limit that a comment beside or above an expression names, 0 for none."""
    lines = module.text.splitlines()
    near = lines[max(0, call.lineno - 2) : call.end_lineno]
    said = [found[1] for found in map(_LIMIT.search, near) if found]
    return int(eval(said[-1], vars(module.module))) if said else 0


def key_of(module: _Module, call: ast.Call) -> str:
    """Return the key in `COMPUTED` of a call whose expression is computed."""
    return f"{module.name}: {ast.unparse(call.args[0])}"


def every(computed: Mapping[str, Computed]) -> tuple[list[Expression], set[str]]:
    """Return all expressions, and the keys of the calls with a computed one."""
    found, keys = list[Expression](), set[str]()
    for module, call in calls():
        flags, most = _flags(module, call), _most(module, call)
        ways, values = _ways(module, call), iter([{}])
        try:
            _value(module, call.args[0], {})
        except NameError:
            keys.add(key_of(module, call))
            known = computed.get(key_of(module, call), Computed(tuple))
            ways, values = known.ways or ways, iter(known.values())
        for names in values:
            value = _value(module, call.args[0], names)
            if not value:
                continue
            binary = isinstance(value, bytes)
            source = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            place = f"{module.name}:{call.lineno}"
            found.append(Expression(place, source, flags, ways, most, binary))
    return found, keys


def reachable() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the compiled patterns that globals of the modules hold, with their places."""
    for module in modules():
        seen = set[int]()
        for name, value in vars(module.module).items():
            for pattern in _patterns(value, seen, 0):
                yield f"{module.name} {name}", pattern


def _patterns(value: object, seen: set[int], depth: int) -> Iterator[re.Pattern[Any]]:
    if id(value) in seen or depth > 6:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
        return
    inner: list[object] = []
    if isinstance(value, Mapping):
        inner = [*value.values(), *value.keys()]
    elif isinstance(value, (tuple, list, set, frozenset)):
        inner = [*value]
    elif hasattr(value, "__self__") and not isinstance(value.__self__, ModuleType):
        inner = [value.__self__]
    for each in inner:
        yield from _patterns(each, seen, depth + 1)
