"""The base of frozen values.

`dataclass(frozen=True)` compiles six methods for each class, and a short run spends a quarter of
its time on that. Here each class compiles its `__init__`, and all share the other methods.
"""

from __future__ import annotations

from dataclasses import Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Return a decorator that does nothing: it speaks to type checkers."""
        return lambda kind: kind


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value:
    """A frozen dataclass: equal to another value of its class whose fields are equal.

    With `eq=False` it is equal to itself alone, with `kw_only=True` it takes no field by position.
    `replace`, `fields` and the like of the module `dataclasses` work as with any other.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
        _compared: ClassVar[attrgetter[Any]]
        """Takes what is compared out of a value."""

    def __init_subclass__(cls, *, eq: bool = True, kw_only: bool = False) -> None:
        dataclass(cls, repr=False, eq=False, kw_only=kw_only)
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]
        names = [field.name for field in fields(cls) if field.compare]
        cls._compared = attrgetter(*names or ["__class__"])

    def __setattr__(self, name: str, value: object) -> None:
        """Set a field for the first time, as `__init__` does."""
        if name in self.__dict__ or name not in self.__dataclass_fields__:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._compared(self) == self._compared(other))

    def __hash__(self) -> int:
        return hash(self._compared(self))
