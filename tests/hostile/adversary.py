"""Makes texts from a regular expression on which a backtracking matcher may be slow.

For every repetition of an expression, a text reaches it, gives it much to repeat, and then fails.
Parts of a match are repeated too: each of them starts a new attempt, which may read to the end.
Of texts whose characters the expression cannot tell apart, one is tried: the others cost the same.
"""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    from re import _compiler as sre_compile  # type: ignore[attr-defined]
    from re import _constants as sre_constants  # type: ignore[attr-defined]
    from re import _parser as sre_parse  # type: ignore[attr-defined]
else:
    import sre_compile
    import sre_constants
    import sre_parse

_COMPARISONS = (sre_constants.GROUPREF, sre_constants.GROUPREF_EXISTS)
_GROUP = sre_constants.SUBPATTERN
_OF_ANCHORS = (r"\n", r"\w", r"(?a:\w)")  # what anchors ask of the characters around them

Node = tuple[Any, Any]
"""An operation of `sre_parse`, and its argument."""

GENERIC_UNITS = (
    *(" ", "\n", "\t", "\r\n", "a", "0", "-", ".", '"', "'", "\\", "[", "]", "(", ")", "{", "}"),
    *("$", "#", "/", "*", "!", ",", ":", "=", "@", "<", "&", "|", "`", ";", "?", "\0", "é"),
    *(" \n", "\n\t", "a-", "a.", "a_", "=a", "a=", "- ", "-a ", "--a ", "a ", "a\n", "../", "a/"),
    *("$(", "${", "{{", "\\\n", "\\\\", "//", "/*", "*/", '\\"', '""', "[a", "[!", "a,", ' "'),
    *("<<", "::", "$a", "$a ", "a: ", "- a\n", "# a\n", "#\n", "a;", "a && ", '"a" ', "'a' "),
)
ENDS = ("", "\0", "\n", "!", "a", '"')
_FAVOURED = " \n\ta0-./_\"'A\\[(${=:#*,@<`]})&|;!?%+^~>\r\0é\ue000"
_CANDIDATES = [*dict.fromkeys(_FAVOURED + string.printable)]
_VARIANTS = 8
_MOST_CUTS = 24
_MOST_ALTERNATIVES = 12
_MOST_TEXTS = 2_000
_REPEATS = (
    sre_constants.MAX_REPEAT,
    sre_constants.MIN_REPEAT,
    getattr(sre_constants, "POSSESSIVE_REPEAT", None),
)
_CHARACTERS = (
    sre_constants.LITERAL,
    sre_constants.NOT_LITERAL,
    sre_constants.ANY,
    sre_constants.IN,
)


class Attack(NamedTuple):
    """A text of any length: a beginning, a part that is repeated, and an end."""

    start: str
    unit: str
    end: str

    def text(self, length: int) -> str:
        """Return a text of about `length` characters."""
        return self.start + self.unit * max(1, length // len(self.unit)) + self.end


@dataclass(frozen=True)
class _Repetition:
    """A repetition in an expression, with texts that lead to it and away from it."""

    before: str
    body: Sequence[Node]
    after: str


class Adversary:
    """The attacks on one expression."""

    def __init__(self, expression: str, flags: int = 0) -> None:
        self._tree: Any = sre_parse.parse(expression, flags)
        self._state = self._tree.state
        self._flags: int = self._state.flags
        self._nodes = [*_nodes(self._tree.data)]
        groups = [argument for operation, argument in self._nodes if operation is _GROUP]
        # Flags of a group may change what a character in it matches.
        added = {flags & (re.IGNORECASE | re.ASCII) for _, flags, _, _ in groups}
        self._all_flags = {self._flags, *(self._flags | flags for flags in added)}
        self._characters: dict[int, list[str]] = {}
        self._groups: dict[int, str] = {}

    def attacks(self) -> Iterator[Attack]:
        """Yield different attacks, the most promising ones first."""
        attacks = islice(iter(dict.fromkeys(self._all())), _MOST_TEXTS)
        compares = any(operation in _COMPARISONS for operation, _ in self._nodes)
        if compares and any(flags & re.IGNORECASE for flags in self._all_flags):
            return attacks
        kinds = _Kinds(self._tests())
        shape = kinds.shape_and_repeats if compares else kinds.shape
        alike: dict[Hashable, Attack] = {}
        for attack in attacks:
            alike.setdefault(shape(attack), attack)
        return iter(alike.values())

    def _tests(self) -> list[Callable[[str], object]]:
        """Return all that the expression asks of a single character."""
        nodes = {repr(node): node for node in self._nodes if node[0] in _CHARACTERS}
        ours = [self._compiled(node, flags) for flags in self._all_flags for node in nodes.values()]
        return [*(re.compile(each).match for each in _OF_ANCHORS), *ours]

    def _compiled(self, node: Node, flags: int) -> Callable[[str], object]:
        """Return what tells whether a node for one character matches a text."""
        pattern = sre_parse.SubPattern(self._state, [node])
        matches: Callable[[str], object] = sre_compile.compile(pattern, flags).fullmatch
        return matches

    def _all(self) -> Iterator[Attack]:
        nodes = list(self._tree)
        wholes = [self._sample(nodes, variant) for variant in range(_VARIANTS)]
        repetitions = [each for k in (0, 1, 2) for each in self._repetitions(nodes, "", "", k)]
        for unit in GENERIC_UNITS:
            for end in ENDS:
                yield Attack("", unit, end)
        for repetition in repetitions:
            for unit in self._units(repetition):
                for end in ("", "\0", repetition.after):
                    yield Attack(repetition.before, unit, end)
        for unit in self._beginnings(nodes):
            for end in ENDS:
                yield Attack("", unit, end)
        starts = dict.fromkeys(each.before for each in repetitions)
        for start in filter(None, starts):
            for unit in GENERIC_UNITS:
                yield Attack(start, unit, "\0")
        for start in starts:
            for unit in GENERIC_UNITS:
                yield Attack("", start + unit, "\0")
        for whole in filter(None, wholes):
            yield Attack("", whole, "")
            yield Attack("", whole[:-1] or whole, "\0")

    def _units(self, repetition: _Repetition) -> Iterator[str]:
        """Yield what may be repeated for one repetition: all or a part of what it takes."""
        before, body = repetition.before, repetition.body
        for variant in range(_VARIANTS):
            unit = self._sample(body, variant)
            if unit:
                yield unit
                yield before + unit
                yield unit + self._sample(body, variant + 1)
            for cut in range(1, len(body)):
                part = self._sample(body[:cut], variant)
                if before + part:
                    yield before + part
        if before:
            yield before

    def _beginnings(self, nodes: Sequence[Node]) -> Iterator[str]:
        """Yield the beginnings of what an expression matches."""
        for variant in range(3):
            pieces = [*self._pieces(nodes, variant)]
            for cut in range(1, min(len(pieces), _MOST_CUTS) + 1):
                text = "".join(pieces[:cut])
                if text:
                    yield text
                    yield text + " "
                    yield text + "\n"
                    yield "\n" + text

    def _pieces(self, nodes: Sequence[Node], variant: int) -> Iterator[str]:
        """Yield the texts of the parts of a sequence, those of its groups one by one."""
        for node in nodes:
            operation, argument = node
            if operation is sre_constants.SUBPATTERN:
                yield from self._pieces(argument[-1], variant)
            elif operation in _REPEATS:
                yield from self._pieces(argument[2], variant)
            else:
                yield self._sample([node], variant)

    def _repetitions(
        self, nodes: Sequence[Node], before: str, after: str, variant: int
    ) -> Iterator[_Repetition]:
        """Yield the repetitions of a sequence that stands between two texts."""
        nodes = list(nodes)
        for at, (operation, argument) in enumerate(nodes):
            ahead = before + self._sample(nodes[:at], variant)
            behind = self._sample(nodes[at + 1 :], variant) + after
            if operation in _REPEATS:
                _, most, body = argument
                if most > 8:
                    yield _Repetition(ahead, list(body), behind)
                yield from self._repetitions(body, ahead, behind, variant)
                continue
            for inner in islice(_inner(operation, argument), 200):
                yield from self._repetitions(inner, ahead, behind, variant)

    def _sample(self, nodes: Sequence[Node], variant: int) -> str:
        """Return a text that a sequence matches, if nothing around it objects."""
        return "".join(self._sample_of(node, variant + at) for at, node in enumerate(nodes))

    def _sample_of(self, node: Node, variant: int) -> str:
        operation, argument = node
        if operation in _CHARACTERS:
            found = self._characters_of(node)
            return found[variant % len(found)] if found else "a"
        if operation in _REPEATS:
            least, most, body = argument
            count = max(least, min(1, most))
            return "".join(self._sample(body, variant + at) for at in range(min(count, 50)))
        if operation is sre_constants.BRANCH:
            branches = argument[1]
            return self._sample(branches[variant % len(branches)], variant)
        if operation is sre_constants.SUBPATTERN:
            text = self._sample(argument[-1], variant)
            if argument[0] is not None:
                self._groups[argument[0]] = text
            return text
        if operation is sre_constants.GROUPREF:
            return self._groups.get(argument, "")
        if operation is getattr(sre_constants, "ATOMIC_GROUP", None):
            return self._sample(argument, variant)
        if operation is sre_constants.ASSERT and argument[0] < 0:
            return self._sample(argument[1], variant)
        return ""

    def _characters_of(self, node: Node) -> list[str]:
        """Return some characters that match, of different kinds, the favoured ones first."""
        known = self._characters.get(id(node))  # a node may hold a list, which has no hash
        if known is None:
            matches = self._compiled(node, self._flags)
            known = [each for each in _CANDIDATES if matches(each)][:_MOST_ALTERNATIVES]
            self._characters[id(node)] = known
        return known


class _Kinds(dict[int, int]):
    """A table that translates characters: two become one if all tests say the same of them."""

    def __init__(self, tests: Sequence[Callable[[str], object]]) -> None:
        self._tests = tests
        self._known: dict[tuple[bool, ...], int] = {}

    def __missing__(self, code: int) -> int:
        answers = tuple(test(chr(code)) is not None for test in self._tests)
        self[code] = self._known.setdefault(answers, code)
        return self[code]

    def shape(self, attack: Attack) -> Hashable:
        """Return the kinds of an attack's characters."""
        return tuple(part.translate(self) for part in attack)

    def shape_and_repeats(self, attack: Attack) -> Hashable:
        """Return the same, and which characters are equal: a reference to a group compares them."""
        order = {char: at for at, char in enumerate(dict.fromkeys("".join(attack)))}
        return self.shape(attack), tuple(order[char] for char in "".join(attack))


def _nodes(sequence: Iterable[Node]) -> Iterator[Node]:
    """Yield all nodes of a sequence, those inside others too."""
    for node in sequence:
        yield node
        operation, argument = node
        inner = [argument[2]] if operation in _REPEATS else _inner(operation, argument)
        for below in inner:
            yield from _nodes(below)


def _inner(operation: Any, argument: Any) -> Iterator[Sequence[Node]]:
    """Yield the sequences in an operation that is no repetition."""
    if operation is sre_constants.SUBPATTERN:
        yield argument[-1]
    elif operation is sre_constants.BRANCH:
        yield from argument[1]
    elif operation in (sre_constants.ASSERT, sre_constants.ASSERT_NOT):
        yield argument[1]
    elif operation is getattr(sre_constants, "ATOMIC_GROUP", None):
        yield argument
    elif operation is sre_constants.GROUPREF_EXISTS:
        yield from filter(None, argument[1:])


def expression_of(pattern: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """Return the source of a compiled expression as text."""
    source = pattern.pattern
    return source if isinstance(source, str) else source.decode("latin-1")
