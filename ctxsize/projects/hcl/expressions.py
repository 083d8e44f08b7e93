"""Expressions of HCL, as far as Bake files need them: a small evaluator without side effects.

An expression is parsed into a function of what its names mean, and so can be
evaluated again and again: `for` needs that. What is not understood raises
`UnknownError`, and whoever asked says that the value is not known.

>>> evaluate('[for n in names : "x-${upper(n)}" if n != "b"]', {"names": ["a", "b"]})
['x-A']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ctxsize.projects.hcl import functions, templates
from ctxsize.projects.hcl.effort import Effort
from ctxsize.projects.hcl.scopes import Expression, Scope
from ctxsize.projects.hcl.values import (
    UnknownError,
    as_bool,
    as_int,
    as_list,
    as_number,
    as_text,
    number,
    same,
    whole,
)

_TOKEN = re.compile(
    r"""\s*(?: (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) | (?P<name>[^\W\d][\w\-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|=>|\.\.\.|[-+*/%<>!?:.,=()\[\]{}~]) | (?P<quote>") )""",
    re.VERBOSE,
)


def _divided(left: Any, right: Any) -> Any:
    from fractions import Fraction

    return whole(Fraction(left) / right)


def _numeric(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: compute(as_number(left), as_number(right))


_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "||": (1, lambda left, right: as_bool(left) | as_bool(right)),
    "&&": (2, lambda left, right: as_bool(left) & as_bool(right)),
    "==": (3, same),
    "!=": (3, lambda left, right: not same(left, right)),
    "<": (4, _numeric(lambda left, right: left < right)),
    ">": (4, _numeric(lambda left, right: left > right)),
    "<=": (4, _numeric(lambda left, right: left <= right)),
    ">=": (4, _numeric(lambda left, right: left >= right)),
    "+": (5, _numeric(lambda left, right: whole(left + right))),
    "-": (5, _numeric(lambda left, right: whole(left - right))),
    "*": (6, _numeric(lambda left, right: whole(left * right))),
    "/": (6, _numeric(_divided)),
    "%": (6, _numeric(functions.modulo)),
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_LAZY = ("try", "can")


def evaluate(
    text: str,
    names: Mapping[str, Any],
    declared: Mapping[str, Callable[..., Any]] | None = None,
    *,
    effort: Effort | None = None,
) -> Any:
    """The value of an expression; `declared` are functions of the file. Raises `UnknownError`."""
    scope = Scope(names, declared or {}, effort or Effort())
    return _checked(lambda: Parser(text).whole()(scope))


def fill(
    template: str,
    names: Mapping[str, Any],
    declared: Mapping[str, Callable[..., Any]] | None = None,
    *,
    effort: Effort | None = None,
) -> Any:
    """The value of a template that stands between no quotes. Raises `UnknownError`."""
    scope = Scope(names, declared or {}, effort or Effort())
    return _checked(lambda: templates.parse(Parser(template), quoted=False)(scope))


def _checked(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except UnknownError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise UnknownError(f"not understood: {error}") from None


class Parser:
    """Parses one text from its beginning."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Expression:
        """The expression that all of the text is."""
        found = self.expression()
        if self.text[self.at :].strip():
            self.stop()
        return found

    def stop(self) -> None:
        """Raise `UnknownError` with what is not understood."""
        raise UnknownError(f"not understood: {self.text[self.at :].strip()[:40]}")

    def peek(self) -> str:
        """The next token, `""` if there is none."""
        match = _TOKEN.match(self.text, self.at)
        return "" if match is None else match[0].strip()

    def take(self, expected: str = "") -> str:
        """The next token, which has to be `expected` if that is given."""
        match = _TOKEN.match(self.text, self.at)
        if match is None or (expected and match[0].strip() != expected):
            self.stop()
        assert match is not None
        self.at = match.end()
        return match[0].strip()

    def taken(self, wanted: str) -> bool:
        """Whether the next token was `wanted`, which is taken then."""
        found = self.peek() == wanted
        if found:
            self.take()
        return found

    def expression(self) -> Expression:
        """An expression, `a ? b : c` included."""
        condition = self._binary(0)
        if not self.taken("?"):
            return condition
        yes = self.expression()
        self.take(":")
        no = self.expression()
        return lambda scope: yes(scope) if as_bool(condition(scope)) else no(scope)

    def _binary(self, least: int) -> Expression:
        left = self._unary()
        while (found := _BINARY.get(self.peek())) and found[0] > least:
            self.take()
            left = self._operation(found[1], left, self._binary(found[0]))
        return left

    @staticmethod
    def _operation(
        compute: Callable[[Any, Any], Any], left: Expression, right: Expression
    ) -> Expression:
        def operated(scope: Scope) -> Any:
            spend = scope.effort.spend
            return spend(compute(spend(left(scope)), spend(right(scope))))

        return operated

    def _unary(self) -> Expression:
        if self.taken("!"):
            negated = self._unary()
            return lambda scope: not as_bool(negated(scope))
        if self.taken("-"):
            positive = self._unary()
            return lambda scope: -as_number(positive(scope))
        return self._postfix(self._primary())

    def _postfix(self, value: Expression) -> Expression:
        while self.peek() in (".", "["):
            if self.take() == ".":
                value = self._splat(value, full=False) if self.taken("*") else self._key(value)
            elif self.taken("*"):
                self.take("]")
                value = self._splat(value, full=True)
            else:
                index = self.expression()
                self.take("]")
                value = _at(value, index)
        return value

    def _key(self, value: Expression) -> Expression:
        key = self.take()
        return _at(value, lambda _: int(key) if key.isdigit() else key)

    def _splat(self, value: Expression, *, full: bool) -> Expression:
        """What follows, for each item; an index only if it is a full splat."""
        each: Expression = _item
        while self.peek() == "." or (full and self.peek() == "["):
            if self.take() == ".":
                each = self._key(each)
            else:
                index = self.expression()
                self.take("]")
                each = _at(each, index)

        def items(scope: Scope) -> list[Any]:
            found = value(scope)
            listed = [] if found is None else found if isinstance(found, list) else [found]
            return [each(scope.inner({"*": one})) for one in listed]

        return items

    def _primary(self) -> Expression:
        token = self.take()
        if token == '"':
            return templates.parse(self, quoted=True)
        if token == "(":
            value = self.expression()
            self.take(")")
            return value
        if token == "[":
            return self._for("]") if self.peek() == "for" else self._list("]")
        if token == "{":
            return self._for("}") if self.peek() == "for" else self._object()
        if token[0].isdigit():
            found = number(token)
            return lambda _: found
        if not (token[0].isalpha() or token[0] == "_"):
            self.at -= len(token)
            self.stop()
        return self._call(token) if self.taken("(") else _name(token)

    def _items(self, closing: str) -> tuple[list[Expression], bool]:
        """Expressions up to `closing`, and whether the last one is spread out."""
        found: list[Expression] = []
        while not self.taken(closing):
            found.append(self.expression())
            if self.taken("..."):
                self.take(closing)
                return found, True
            if not self.taken(","):
                self.take(closing)
                break
        return found, False

    def _list(self, closing: str) -> Expression:
        items, _ = self._items(closing)
        return lambda scope: [each(scope) for each in items]

    def _object(self) -> Expression:
        found: list[tuple[Expression, Expression]] = []
        while not self.taken("}"):
            key = self._object_key()
            if not self.taken("="):
                self.take(":")
            found.append((key, self.expression()))
            self.taken(",")
        return lambda scope: {as_text(key(scope)): each(scope) for key, each in found}

    def _object_key(self) -> Expression:
        """A bare name is itself a key."""
        at = self.at
        name = self.take()
        if (name[0].isalpha() or name[0] == "_") and self.peek() in ("=", ":"):
            return lambda _: name
        self.at = at
        return self.expression()

    def _for(self, closing: str) -> Expression:
        names, through = self.loop()
        first, second = self.expression(), None
        if closing == "}":
            self.take("=>")
            second = self.expression()
        grouped = self.taken("...")
        condition = self.expression() if self.taken("if") else None
        self.take(closing)

        def rounds(scope: Scope) -> list[Scope]:
            inner = scope.rounds(names, through(scope))
            return [each for each in inner if condition is None or as_bool(condition(each))]

        if second is None:
            return lambda scope: [first(each) for each in rounds(scope)]
        key, value = first, second

        def made(scope: Scope) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for each in rounds(scope):
                name = as_text(key(each))
                if grouped:
                    found.setdefault(name, []).append(value(each))
                elif name in found:
                    raise UnknownError(f"a for expression makes {name!r} twice")
                else:
                    found[name] = value(each)
            return found

        return made

    def loop(self) -> tuple[list[str], Expression]:
        """The head of a `for`: its names and what it goes through."""
        self.take("for")
        names = [self.take()]
        if self.taken(","):
            names.append(self.take())
        self.take("in")
        through = self.expression()
        if self.peek() == ":":
            self.take()
        return names, through

    def _call(self, name: str) -> Expression:
        arguments, spread = self._items(")")
        if name in _LAZY:
            return _lazy(name, arguments)

        def called(scope: Scope) -> Any:
            function = scope.functions.get(name) or functions.STANDARD.get(name)
            if function is None:
                raise UnknownError(f"the function {name}")
            values = [each(scope) for each in arguments]
            if spread:
                values[-1:] = as_list(values[-1])
            return function(*scope.effort.spend(values))

        return called


def _item(scope: Scope) -> Any:
    return scope.names["*"]


def _name(token: str) -> Expression:
    if token in _CONSTANTS:
        return lambda _: _CONSTANTS[token]

    def found(scope: Scope) -> Any:
        if token not in scope.names:
            raise UnknownError(f"{token} has no value")
        return scope.names[token]

    return found


def _at(value: Expression, index: Expression) -> Expression:
    def found(scope: Scope) -> Any:
        inside, key = value(scope), index(scope)
        if isinstance(inside, list):
            place = as_int(key)
            if place < 0:
                raise UnknownError("an index below zero")
            return inside[place]
        if not isinstance(inside, dict):
            raise UnknownError(f"no item {key} in what is neither a list nor an object")
        return inside[as_text(key)]

    return found


def _lazy(name: str, arguments: list[Expression]) -> Expression:
    """`try` has the first value that can be told, `can` says whether one can be."""

    def told(scope: Scope) -> Any:
        for each in arguments:
            try:
                value = _checked(lambda each=each: each(scope))  # type: ignore[misc]
            except UnknownError as error:
                if str(error).startswith("the function "):
                    raise  # Bake may know it
                continue
            return True if name == "can" else value
        if name == "can":
            return False
        raise UnknownError("try finds no value")

    return told
