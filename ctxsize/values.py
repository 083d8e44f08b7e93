"""The bases of classes that consist of fields: `Value` is frozen, `Mutable` can be changed.

`dataclass` compiles up to six methods for each class, and a short run spends a quarter of its time
on that. Here `dataclass` only collects the fields, and all classes share their methods.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Return a decorator that does nothing: it speaks to type checkers."""
        return lambda kind: kind


class _Parameters:
    """The attribute `__signature__` of a class: its fields, once `help` or an editor asks."""

    def __get__(self, instance: object, kind: type[_Fields]) -> Signature:
        from inspect import Parameter, Signature

        parameters = []
        for each in fields(kind):
            default = each.default
            if each.default_factory is not MISSING:
                default = ...
            elif default is MISSING:
                default = Parameter.empty
            way = Parameter.KEYWORD_ONLY if each.kw_only else Parameter.POSITIONAL_OR_KEYWORD
            parameters.append(Parameter(each.name, way, default=default, annotation=each.type))
        return Signature(sorted(parameters, key=lambda each: each.kind))


class _Fields:
    """The methods that all classes of fields share."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
        __match_args__: ClassVar[tuple[str, ...]]  # the fields that can be given by position
        _names: ClassVar[frozenset[str]]
        _defaults: ClassVar[dict[str, object]]
        _factories: ClassVar[dict[str, Callable[[], object]]]  # make defaults that are not shared
    __signature__ = _Parameters()

    def __init_subclass__(cls, *, kw_only: bool = False) -> None:
        dataclass(cls, init=False, repr=False, eq=False, kw_only=kw_only)
        cls._names = frozenset(each.name for each in fields(cls))
        cls._defaults = {}
        cls._factories = {}
        for each in fields(cls):
            if each.default is not MISSING:
                cls._defaults[each.name] = each.default
            elif each.default_factory is not MISSING:
                cls._factories[each.name] = each.default_factory

    def __init__(self, /, *values: Any, **named: Any) -> None:
        given = dict(zip(self.__match_args__, values, strict=False), **named)
        state = {**self._defaults, **given}
        for name, make in self._factories.items():
            if name not in given:
                state[name] = make()
        is_once = len(given) == len(values) + len(named)
        if not is_once or state.keys() != self._names:
            self.__signature__.bind(*values, **named)  # raises an error that says what is wrong
        vars(self).update(state)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Complete the fields; for classes that need it."""

    def __repr__(self) -> str:
        shown = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"


@dataclass_transform(field_specifiers=(field,))
class Mutable(_Fields):
    """A dataclass that can be changed, and that is equal to itself alone."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(_Fields):
    """A frozen dataclass: equal to another value of its class whose fields are equal.

    With `eq=False` it is equal to itself alone, with `kw_only=True` it takes no field by position.
    `replace`, `fields` and the like of the module `dataclasses` work as with any other.
    """

    if TYPE_CHECKING:
        _compared: ClassVar[attrgetter[Any]]  # takes what is compared out of a value

    def __init_subclass__(cls, *, eq: bool = True, kw_only: bool = False) -> None:
        super().__init_subclass__(kw_only=kw_only)
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]
        names = [each.name for each in fields(cls) if each.compare]
        cls._compared = attrgetter(*names or ["__class__"])

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._compared(self) == self._compared(other))

    def __hash__(self) -> int:
        return hash(self._compared(self))
