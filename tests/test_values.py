"""`Value` is a frozen dataclass in all that users of one can see."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import ClassVar

import pytest

from ctxsize.values import Mutable, Value


class Part(Value):
    kind: ClassVar[str] = "part"

    name: str
    size: int = 0
    names: list[str] = field(default_factory=list, compare=False)
    seen: bool = field(default=False, repr=False)


class LargePart(Part, kw_only=True):
    reason: str


class OnlyItself(Value, eq=False):
    name: str


class Nothing(Value):
    pass


@dataclass(frozen=True)
class Plain:
    name: str
    size: int = 0
    names: list[str] = field(default_factory=list, compare=False)
    seen: bool = field(default=False, repr=False)


class Note(Mutable):
    text: str
    lines: list[int] = field(default_factory=list)


ARGUMENTS = [("a",), ("a", 0), ("a", 1), ("a", 1, ["x"]), ("a", 1, [], True), ("b",)]


def test_values_are_equal_and_hashed_as_those_of_a_dataclass() -> None:
    for one in ARGUMENTS:
        for other in ARGUMENTS:
            equal = Plain(*one) == Plain(*other)
            assert (Part(*one) == Part(*other)) is equal
            if equal:
                assert hash(Part(*one)) == hash(Part(*other))
    assert Part("a") != Plain("a")
    assert Part("a") != LargePart(name="a", reason="")
    assert Nothing() == Nothing()


def test_a_value_without_equality_is_equal_to_itself_alone() -> None:
    one = OnlyItself("a")
    assert one == one
    assert one != OnlyItself("a")
    assert len({one, OnlyItself("a")}) == 2


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_a_value_is_shown_as_a_dataclass_shows_it(arguments: tuple[str, ...]) -> None:
    assert repr(Part(*arguments)) == repr(Plain(*arguments)).replace("Plain", "Part")


def test_a_value_cannot_be_changed() -> None:
    part = Part("a")
    with pytest.raises(FrozenInstanceError):
        part.size = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        part.other = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        del part.size
    assert part == Part("a")


def test_functions_for_dataclasses_take_values() -> None:
    part = LargePart(name="a", names=["x"], reason="big")
    assert replace(part, size=3) == LargePart(name="a", size=3, reason="big")
    assert asdict(part) == {"name": "a", "size": 0, "names": ["x"], "seen": False, "reason": "big"}
    assert [each.name for each in fields(part)] == ["name", "size", "names", "seen", "reason"]
    assert copy.deepcopy(part) == pickle.loads(pickle.dumps(part)) == part
    match Part("a", 2):
        case Part(name, size):
            assert (name, size) == ("a", 2)
    with pytest.raises(TypeError):
        LargePart("a", "big")  # type: ignore[misc]


WRONG: list[tuple[tuple[str, ...], dict[str, str]]] = [
    ((), {}),
    (("a", "b", "c", "d", "e"), {}),
    (("a",), {"name": "b"}),
    (("a",), {"nmae": "b"}),
    ((), {"nmae": "b"}),
]


@pytest.mark.parametrize(("values", "named"), WRONG)
def test_a_wrong_call_is_refused(values: tuple[str, ...], named: dict[str, str]) -> None:
    for kind in (Part, Plain):
        with pytest.raises(TypeError):
            kind(*values, **named)  # type: ignore[arg-type]


def test_the_signature_of_a_value_is_that_of_a_dataclass() -> None:
    ours = inspect.signature(Part).parameters.values()
    theirs = inspect.signature(Plain).parameters.values()
    assert [(one.name, one.kind) for one in ours] == [(one.name, one.kind) for one in theirs]
    assert inspect.signature(Part).parameters["size"].default == 0
    assert str(inspect.signature(LargePart)).endswith("*, reason: 'str')")


def test_a_mutable_one_can_be_changed_and_shares_no_default() -> None:
    one = Note("a")
    other = Note(text="a")
    one.lines.append(1)
    one.text = "b"
    assert (one.text, one.lines) == ("b", [1])
    assert (other.text, other.lines) == ("a", [])
    assert other != Note("a")
    assert repr(one) == "Note(text='b', lines=[1])"
