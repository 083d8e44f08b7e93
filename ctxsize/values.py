"""Dataclasses and named tuples that cost next to nothing until they are used in earnest.

`dataclass` is that of the standard library, put off. It writes a class's
methods as text and compiles them, a third of a millisecond for each class; a
run knows a hundred classes and makes a few instances of some of them. So the
first few instances are filled in, compared and `replace`d here, and the class is
finished when there are more, or when anything else is asked of it.

`NamedTuple` is that of `typing` but for the types of fields, each of which that one
compiles: a tenth of a millisecond for each class. Type checkers see the originals.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, replace
    from typing import NamedTuple
else:
    from collections import namedtuple

    _FEW = 400
    _IF_FROZEN = ("__setattr__", "__delattr__")
    _ATTRIBUTES = ("__dataclass_fields__", "__match_args__")

    def dataclass(*, frozen=False, eq=True):
        """A decorator like `dataclasses.dataclass`, with these options alone."""

        def put_off(cls):
            _Unfinished(cls, frozen=frozen, eq=eq)
            return cls

        return put_off

    def replace(instance, /, **changes):
        """Like that of `dataclasses`."""
        fields = vars(type(instance)).get("__dataclass_fields__")
        if isinstance(fields, _Attribute) and fields.unfinished.left > 0:
            return fields.unfinished.replaced(instance, changes)
        import dataclasses

        return dataclasses.replace(instance, **changes)

    class _Unfinished:
        """A class on its way; what stands in for its methods finishes it sooner or later."""

        def __init__(self, cls, *, frozen, eq):
            self.cls, self.frozen, self.eq = cls, frozen, eq
            self.names = [n for n, k in cls.__annotations__.items() if not _is_of_class(k)]
            self.defaults = {name: vars(cls)[name] for name in self.names if name in vars(cls)}
            fields = {name: each for name, each in self.defaults.items() if _is_field(each)}
            self.factories = {name: each.default_factory for name, each in fields.items()}
            odd = hasattr(cls, "__post_init__") or not all(map(_just_makes, fields.values()))
            self.left = 0 if odd or cls.__bases__ != (object,) else _FEW
            methods = {"__repr__": self.late("__repr__"), **self.comparing()}
            self.stand_ins = {
                "__init__": self.init(),
                **{name: each for name, each in methods.items() if name not in vars(cls)},
                **{name: self.late(name) for name in _IF_FROZEN if frozen},
                **{name: _Attribute(self, name) for name in _ATTRIBUTES},
            }
            for name, each in self.stand_ins.items():
                setattr(cls, name, each)

        def comparing(self):
            """What stands in for the methods that compare."""
            if not self.eq:
                return {}
            return {
                "__eq__": self.early("__eq__", self.are_equal),
                "__hash__": self.early("__hash__", self.hash_of) if self.frozen else None,
            }

        def init(self):
            def __init__(instance, *values, **named):  # noqa: N807
                fields = self.filled(values, named) if self.is_early() else None
                if fields is None:
                    self.finish()
                    self.cls.__init__(instance, *values, **named)
                else:
                    instance.__dict__.update(fields)

            return __init__

        def is_early(self):
            """Whether this use is one of the first few."""
            self.left -= 1
            return self.left >= 0

        def filled(self, values, named):
            """The fields of an instance, None if the arguments do not fit."""
            given = {**dict(zip(self.names, values, strict=False)), **named}
            made = {name: make() for name, make in self.factories.items() if name not in given}
            fields = {**self.defaults, **made, **given}
            fits = fields.keys() == set(self.names) and len(values) <= len(self.names)
            return fields if fits and not named.keys() & set(self.names[: len(values)]) else None

        def row(self, instance):
            """The values of the fields, in order."""
            fields = vars(instance)
            return tuple([fields[name] for name in self.names])

        def replaced(self, instance, changes):
            return self.cls(**{**dict(zip(self.names, self.row(instance), strict=True)), **changes})

        def are_equal(self, one, other):
            same_kind = one.__class__ is other.__class__
            return self.row(one) == self.row(other) if same_kind else NotImplemented

        def hash_of(self, instance):
            return hash(self.row(instance))

        def early(self, name, method):
            """`method` for the first few times, then that of the finished class."""
            late = self.late(name)

            def early(*arguments):
                return method(*arguments) if self.is_early() else late(*arguments)

            return early

        def late(self, name):
            """The method of the finished class."""

            def finishes(instance, *arguments):
                self.finish()
                return getattr(self.cls, name)(instance, *arguments)

            return finishes

        def finish(self):
            import dataclasses

            for name, each in self.stand_ins.items():
                if vars(self.cls).get(name, self) is each:
                    delattr(self.cls, name)
            if "__dataclass_fields__" not in vars(self.cls):
                dataclasses.dataclass(frozen=self.frozen, eq=self.eq)(self.cls)

    class _Attribute:
        """An attribute of a finished class."""

        def __init__(self, unfinished, name):
            self.unfinished, self.name = unfinished, name

        def __get__(self, instance, owner):
            self.unfinished.finish()
            return getattr(owner, self.name)

    def _is_of_class(kind):
        return str(kind).startswith("ClassVar")

    def _is_field(value):
        return type(value).__name__ == "Field"

    def _just_makes(field):
        """Whether a field has a factory and nothing else that is special."""
        usual = field.init and field.compare and field.hash is None
        return usual and callable(field.default_factory)

    class _Named(type):
        """Makes a named tuple of a class with annotations."""

        def __new__(cls, name, bases, body):
            made = super().__new__(cls, name, bases, body)
            return _named_tuple(made) if bases else made

    class NamedTuple(metaclass=_Named):
        """The base of a class that is to be a named tuple, and then is none of it."""

    def _named_tuple(plain):
        body, names = vars(plain), [*plain.__annotations__]
        defaults = [body[name] for name in names if name in body]
        made = namedtuple(plain.__name__, names, defaults=defaults)
        for name in body.keys() - {*names, "__dict__", "__weakref__"}:
            setattr(made, name, body[name])
        return made


__all__ = ["NamedTuple", "dataclass", "replace"]
