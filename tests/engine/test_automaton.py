"""The automaton against the plain evaluation, in directories with many entries and few."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.automaton import Automaton, Program
from ctxsize.engine.evaluate import DockerIgnoreSpec, PatternByPattern
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import segments
from ctxsize.errors import IgnoreFileError
from tests.engine.strategies import _IN_NAMES, NAMES, _random_name, random_line

_DEPTH, _DIRECTORIES = 3, 4

# Each kind of segment, with exceptions of most kinds; a class may match the slash.
SMALL_LINES = [
    *("*", "a", "a/b", "**/b", "*/a", "a/**", "a[^b]b"),
    *("!a", "!b", "!a/b", "!**/a", "!*/b", "!b/**", "!a[^a]*"),
]
SMALL_PATTERNS = {line: DockerIgnorePattern(line) for line in SMALL_LINES}
SMALL_NAMES = ["a", "b"]
MOST_SMALL_LINES = 4


def spec_of(lines: list[str]) -> DockerIgnoreSpec | None:
    """The spec of `lines` if all can be evaluated."""
    try:
        spec = DockerIgnoreSpec.from_lines(lines)
    except IgnoreFileError:
        return None
    return None if any(pattern.fault for pattern in spec.patterns) else spec


def pieces(lines: list[str], rng: Random, count: int) -> list[str]:
    """Different names, many of them put together from what the patterns say."""
    texts = [part for line in lines for part in line.strip("!").split("/") if part]
    without = rng.choice(["/", "/\n", "/\n"])  # one newline, and all are looked at one by one
    names = set()
    for _ in range(count * 3):
        parts = [_random_name(rng, lines), rng.choice(texts or NAMES), rng.choice(_IN_NAMES)]
        name = "".join(rng.sample(parts, rng.randint(1, 3)))
        name = "".join(rng.choice("ab1.") if char in "*?[]" else char for char in name)
        if name not in ("", ".", "..") and not set(name) & set(without):
            names.add(name)
    return sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))[:count]


def agree(lines: list[str], rng: Random, count: int) -> bool:
    """Hold both evaluations against each other, some directories deep; False if there is none."""
    spec = spec_of(lines)
    if spec is None:
        return False
    fast, plain = Automaton(spec), PatternByPattern(spec)
    pending = [("", fast.root(), plain.root())]
    for prefix, state, reference in pending:
        assert state.mark == reference.mark
        names = pieces(lines, rng, count)
        others = plain.others(reference, prefix, names)
        assert fast.others(state, prefix, names) == others  # many new names
        for name in names:
            alone = fast.others(state, prefix, [name])
            assert alone == ({name: others[name]} if name in others else {})
        assert fast.others(state, prefix, names) == others  # many known ones
        if prefix.count("/") < _DEPTH:
            pending += [
                (f"{prefix}{name}/", fast.enter(state, prefix, name), entered)
                for name in rng.sample(names, min(_DIRECTORIES, len(names)))
                if not (entered := plain.enter(reference, prefix, name)).mark.ignored
                or plain.enters(entered, prefix + name)
            ][: _DIRECTORIES if not prefix else 1]
    return True


@pytest.mark.fuzz
@given(seed=st.integers(0, 2**64))
def test_agrees_with_the_plain_evaluation(seed: int) -> None:
    rng = Random(seed)
    tame = rng.random() < 0.7
    lines = [random_line(rng, tame=tame) for _ in range(rng.choice([1, 2, 4, 8]))]
    agree(lines, rng, rng.choice([3, 80]))


WRITTEN = """
**/*.log *.tmp keep_*.py main_[0-9]7?.t* lib*_00[1-9]-*.[dr]* **/[Tt]emp **/.[a-z]*_cache
area[0-2]?/module-1*/*/main*[^0-9a-z_.]* a/[^b]* a/b/[^/]x ab*/x[^a]b [^a]b/c a*[^b]c/** src/**/x_*
**/node_modules/**/dist frame-*39.[lt]?* *[^.]txt ??? ?* *a* **a **/a** a/**/b** *.a.b *~ foo
foo/bar foo/*/b a*/b?/[a-c]x **/*_[0-9]?.x a/**/[^c]d **/foo/[^a]*
"""
WORDS = list(WRITTEN.split())


@pytest.mark.fuzz
@given(seed=st.integers(0, 2**64))
def test_agrees_on_patterns_as_people_write_them(seed: int) -> None:
    rng = Random(seed)
    lines = [rng.choice(["", "", "!"]) + rng.choice(WORDS) for _ in range(rng.randint(1, 9))]
    assert agree(lines, rng, rng.choice([5, 100]))


@pytest.mark.parametrize("line", WORDS)
def test_agrees_on_each_of_them_alone(line: str) -> None:
    for seed in range(5):
        assert agree([line], Random(seed), 100)


def agree_on_small_paths(lines: list[str]) -> bool:
    """Whether both evaluations say the same of every path of two names."""
    spec = DockerIgnoreSpec(SMALL_PATTERNS[line] for line in lines)
    fast, plain = Automaton(spec), PatternByPattern(spec)
    pending = [("", fast.root(), plain.root())]
    for prefix, state, reference in pending:
        others = fast.others(state, prefix, SMALL_NAMES)
        for name in SMALL_NAMES:
            below, expected = fast.enter(state, prefix, name), plain.enter(reference, prefix, name)
            if not below.mark == others.get(name, state.mark) == expected.mark:
                return False
            if prefix.count("/") + 1 < _DEPTH:
                pending.append((f"{prefix}{name}/", below, expected))
    return True


@pytest.mark.parametrize("first", SMALL_LINES)
def test_agrees_on_every_list_of_a_small_world(first: str) -> None:
    """All lists of up to four lines, on all paths."""
    for count in range(MOST_SMALL_LINES):
        for rest in product(SMALL_LINES, repeat=count):
            assert agree_on_small_paths([first, *rest]), [first, *rest]


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("a/b", ["literal", "literal"]),
        ("**/*.log", ["suffix"]),
        ("a*/b?/**", ["prefix", "glob", "below"]),
        ("a/b*/[^c]d", ["path"]),
        ("a/[^c]d/e", ["path"]),
        ("[^c]d/e", ["path"]),
        ("a/b|c*", ["path"]),
        ("a/{0}b*", ["path"]),
        ("**/[^a]*", ["path"]),
    ],
)
def test_how_far_patterns_split(line: str, kinds: list[str]) -> None:
    (pattern,) = DockerIgnoreSpec.from_lines([line]).patterns
    assert [part.kind for part in segments(pattern)] == kinds


@pytest.mark.parametrize("extensions", [["log"], ["log", "tmp"], [f"e{at}" for at in range(20)]])
def test_extensions_that_are_rare_in_one_directory_and_frequent_in_the_next(
    extensions: list[str],
) -> None:
    lines = ["**/keep_*", *(f"**/*.{extension}" for extension in extensions)]
    spec = DockerIgnoreSpec.from_lines(lines)
    fast, plain = Automaton(spec), PatternByPattern(spec)
    ends = [*extensions, "c"]
    for directory, share in enumerate([0, 20, 2, 1, 50, 0, 3, 1, 30]):
        names = [f"f{directory}_{at}.{ends[-1 if at % 50 >= share else 0]}" for at in range(100)]
        names += [f"keep_{directory}", *(f"g{directory}.{end}" for end in ends)]
        others = fast.others(fast.root(), "", names)
        assert others == plain.others(plain.root(), "", names)
        assert len(others) == 2 * share + 1 + len(extensions)


def test_a_text_that_only_the_directory_holds() -> None:
    """The class matches the slash, so that `main` is the directory and `yx` the rest."""
    spec = DockerIgnoreSpec.from_lines(["a/main[^0]*x"])
    fast, plain = Automaton(spec), PatternByPattern(spec)
    state = fast.enter(fast.enter(fast.root(), "", "a"), "a/", "main")
    reference = plain.enter(plain.enter(plain.root(), "", "a"), "a/", "main")
    others = fast.others(state, "a/main/", ["yx", "yz"])
    assert others == plain.others(reference, "a/main/", ["yx", "yz"])
    assert others["yx"].ignored
    assert "yz" not in others
    assert fast.enter(state, "a/main/", "yx").mark.ignored


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxsize.engine.automaton._MOST_NAMES", 50)
    monkeypatch.setattr("ctxsize.engine.automaton._MOST_STATES", 50)
    monkeypatch.setattr("ctxsize.engine.automaton._MOST_CHILDREN", 5)
    spec = DockerIgnoreSpec.from_lines(["a*/b*/c*", "**/x?y", "!*/*/k*"])
    fast, plain = Automaton(spec), PatternByPattern(spec)
    for number in range(300):
        name = f"a{number}"
        state, reference = fast.enter(fast.root(), "", name), plain.enter(plain.root(), "", name)
        names = [f"x{number % 7}y", f"k{number}", f"b{number}"]
        assert fast.others(state, f"{name}/", names) == plain.others(reference, f"{name}/", names)
        assert len(fast.program.known) <= 50
        assert len(fast.program.known.same) <= 50
        assert len(fast._states) <= 50
        assert len(state.children) <= 5
        assert len(state) <= 5


def test_names_that_no_pattern_writes_are_not_looked_up() -> None:
    """With patterns of whole names alone; one with a wildcard asks about each."""
    literal = Program(DockerIgnoreSpec.from_lines(["**/.git", "docs", "a/b"]).patterns)
    names = ["x", ".git", "y", "docs", "b", "z"]
    hits = literal.hits(-1, "", names)
    assert list(literal.known) == list(hits) == [".git", "docs", "b"]
    wild = Program(DockerIgnoreSpec.from_lines(["**/.git", "*.log"]).patterns)
    wild.hits(-1, "", names)
    assert list(wild.known) == names
