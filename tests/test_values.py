"""Dataclasses that are finished late are dataclasses all the same, as are cheap named tuples."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
import typing
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from ctxsize.regexps import regexp
from ctxsize.values import NamedTuple, dataclass, replace


def point(decorate: Callable[..., Any]) -> type:
    @decorate(frozen=True)
    class Point:
        """A point."""

        kind: ClassVar[str] = "point"

        x: int
        y: int = 2
        names: tuple[str, ...] = ()

        def __str__(self) -> str:
            return f"({self.x}, {self.y})"

    return Point


def counter(decorate: Callable[..., Any]) -> type:
    @decorate()
    class Counter:
        seen: list[int] = dataclasses.field(default_factory=list)
        count: int = 0

    return Counter


def identical(decorate: Callable[..., Any]) -> type:
    @decorate(eq=False)
    class Identical:
        x: int

    return Identical


def partly(decorate: Callable[..., Any]) -> type:
    @decorate(frozen=True)
    class Partly:
        x: int
        seen: list[int] = dataclasses.field(default_factory=list, compare=False)

    return Partly


def named(decorate: Callable[..., Any]) -> type:
    @decorate(frozen=True)
    class Base:
        x: int

    @decorate(frozen=True)
    class Derived(Base):
        y: int = 1

    return Derived


@dataclass(frozen=True)
class Module:
    """One that can be pickled."""

    x: int
    y: int = 2


USES: dict[str, Callable[[type], object]] = {
    "repr": lambda cls: repr(cls(1)),
    "str": lambda cls: str(cls(1)),
    "equal": lambda cls: (cls(1) == cls(x=1), cls(1) == cls(2), cls(1) == 1),
    "hash": lambda cls: len({cls(1), cls(1), cls(2)}),
    "positional": lambda cls: vars(cls(1, 3, ("a",))),
    "named": lambda cls: vars(cls(y=3, x=1)),
    "defaults": lambda cls: (cls.y, cls.kind, cls(0).names),
    "fields": lambda cls: [field.name for field in dataclasses.fields(cls)],
    "is one": lambda cls: (dataclasses.is_dataclass(cls), dataclasses.is_dataclass(cls(1))),
    "replace": lambda cls: repr(dataclasses.replace(cls(1), x=5)),
    "replaced": lambda cls: (vars(replace(cls(1), x=5)), vars(replace(cls(1, names=("a",))))),
    "hashes": lambda cls: (hash(cls(1)), hash(cls(1, 3, ("a",)))),
    "replaced, then compared": lambda cls: replace(cls(1), x=5) == cls(5),
    "unequal": lambda cls: (cls(1) != cls(2), cls(1) != cls(1), cls(1) != (1, 2, ())),
    "as dict": lambda cls: dataclasses.asdict(cls(1)),
    "copy": lambda cls: repr(copy.deepcopy(cls(1))),
    "match": lambda cls: cls.__match_args__,
    "many": lambda cls: [vars(cls(each)) for each in range(1000)],
    "doc": lambda cls: cls.__doc__,
}
REFUSED: dict[str, Callable[[type], object]] = {
    "set": lambda cls: setattr(cls(1), "x", 2),
    "delete": lambda cls: delattr(cls(1), "x"),
    "nothing given": lambda cls: cls(),
    "too much given": lambda cls: cls(1, 2, (), 3),
    "unknown": lambda cls: cls(1, z=1),
    "twice": lambda cls: cls(1, x=1),
    "unknown in a replacement": lambda cls: replace(cls(1), z=1),
    "unknown for one with a default": lambda cls: cls(1, zz=1),
}


@pytest.mark.parametrize("use", USES)
def test_used_as_any_other(use: str) -> None:
    assert USES[use](point(dataclass)) == USES[use](point(dataclasses.dataclass))


@pytest.mark.parametrize("use", USES)
def test_used_as_any_other_once_it_is_finished(use: str) -> None:
    cls = point(dataclass)
    before, finished = cls(1), repr(cls(1))
    assert finished.endswith("Point(x=1, y=2, names=())")
    assert USES[use](cls) == USES[use](point(dataclasses.dataclass))
    assert (before, hash(before)) == (cls(1), hash(cls(1)))


@pytest.mark.parametrize("use", REFUSED)
def test_refuses_as_any_other(use: str) -> None:
    with pytest.raises((TypeError, AttributeError)) as expected:
        REFUSED[use](point(dataclasses.dataclass))
    with pytest.raises(expected.type) as raised:
        REFUSED[use](point(dataclass))
    assert str(raised.value) == str(expected.value)


def test_lists_are_not_shared() -> None:
    first, second = (made() for made in [counter(dataclass)] * 2)
    first.seen.append(1)
    first.count += 1
    assert (second.seen, second.count) == ([], 0)


def test_a_derived_class_has_the_fields_of_its_base() -> None:
    assert repr(named(dataclass)(3)) == repr(named(dataclasses.dataclass)(3))


def test_an_instance_from_another_process() -> None:
    data = pickle.dumps(Module(3))
    assert pickle.loads(data) == Module(3)


def test_nothing_is_compiled_for_a_few_instances() -> None:
    cls = point(dataclass)
    made = [cls(each) for each in range(5)]
    assert [each.x for each in made] == [0, 1, 2, 3, 4]
    assert "__dataclass_params__" not in vars(cls)
    assert made[0] == cls(0)
    assert len({*made, replace(made[0], x=4)}) == 5
    assert "__dataclass_params__" not in vars(cls)
    assert repr(made[0])
    assert "__dataclass_params__" in vars(cls)


def test_hashes_do_not_change_when_the_class_is_finished() -> None:
    cls = point(dataclass)
    early = {cls(each): each for each in range(5)}
    late = [cls(each % 5) for each in range(1000)]
    assert "__dataclass_params__" in vars(cls)
    assert [early[each] for each in late] == [each % 5 for each in range(1000)]


def test_what_changes_has_no_hash() -> None:
    cls = counter(dataclass)
    assert cls() == cls()
    with pytest.raises(TypeError, match="unhashable type"):
        hash(cls())
    assert repr(cls()).endswith("Counter(seen=[], count=0)")
    with pytest.raises(TypeError, match="unhashable type"):
        hash(cls())


def test_instances_without_an_equal() -> None:
    cls = identical(dataclass)
    one, other = cls(1), cls(1)
    assert one != other
    assert len({one, other, one}) == 2


def test_a_field_that_is_not_compared() -> None:
    cls = partly(dataclass)
    assert cls(1, [2]) == cls(1)
    assert len({cls(1, [2]), cls(1), replace(cls(1), x=2)}) == 2


def test_a_subclass_that_is_none_of_it_is_replaced_too() -> None:
    class Sub(point(dataclass)):  # type: ignore[misc]
        pass

    assert repr(replace(Sub(1), x=3)).endswith("Sub(x=3, y=2, names=())")


class Place(NamedTuple):
    """Where something is."""

    path: str
    line: int = 1
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def next(self) -> Place:
        """The line below."""
        return self._replace(line=self.line + 1)


class TypingsPlace(typing.NamedTuple):
    """Where something is."""

    path: str
    line: int = 1

    __str__ = Place.__str__
    next = Place.next


NAMED_TUPLE_USES: dict[str, Callable[[Any], object]] = {
    "made": lambda cls: (cls("a"), cls(line=2, path="b"), cls._make(["c", 3])),
    "str": lambda cls: (str(cls("a")), f"{cls('a', 2)}"),
    "repr": lambda cls: repr(cls("a")).removeprefix("Typings"),
    "equal": lambda cls: (cls("a") == cls("a", 1), cls("a") == ("a", 1), hash(cls("a"))),
    "fields": lambda cls: (cls._fields, cls._field_defaults, cls.__match_args__),
    "as dict": lambda cls: cls("a")._asdict(),
    "own": lambda cls: str(cls("a").next),
    "texts": lambda cls: (cls.__doc__, cls.__module__, cls.__bases__),
    "types": lambda cls: typing.get_type_hints(cls),
    "pickled": lambda cls: pickle.loads(pickle.dumps(cls("a"))),
    "no attributes": lambda cls: hasattr(cls("a"), "__dict__"),
}


@pytest.mark.parametrize("use", NAMED_TUPLE_USES)
def test_a_named_tuple_as_any_other(use: str) -> None:
    assert NAMED_TUPLE_USES[use](Place) == NAMED_TUPLE_USES[use](TypingsPlace)


def test_an_expression_that_is_compiled_late() -> None:
    late = regexp("(a+)b", re.IGNORECASE)
    assert [found[0] for found in late.finditer("ab AAB c")] == ["ab", "AAB"]
    assert late.fullmatch("aab") is not None
    assert late.sub("-", "aabc") == "-c"
    assert late.pattern == "(a+)b"
