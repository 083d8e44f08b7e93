"""Patterns that take a backtracking matcher minutes: ours end at once, with Go's answers."""

from __future__ import annotations

import re
import tracemalloc
import unicodedata
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.words import expand
from ctxsize.engine.automaton import fastest
from ctxsize.engine.builders import BUILDKIT, PODMAN
from ctxsize.engine.evaluate import DockerIgnoreSpec, up_to
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.patterns import as_matched, classify, compiled
from ctxsize.errors import DockerfileError, IgnoreFileError
from ctxsize.globs import like
from ctxsize.go import GoRegexpError
from ctxsize.go.paths import clean
from ctxsize.go.regexp import Machine, parsed
from ctxsize.recommender.modes import translate
from tests.engine.strategies import nasty_paths
from tests.hostile.limits import processor_seconds
from tests.oracles.golibrary import GoLibrary

DEEP = "/".join("a" * 40)
DEEPER = "/".join(["aaaa"] * 200)
LONG = "a" * 255

PATTERNS = [
    "**a" * 8,
    "**a" * 8 + "b",
    "**/" * 50 + "b",
    "**/**" * 25 + "x",
    "**/a/" * 30 + "b",
    "**a**" * 10,
    "**/*a*a*a*b/" * 8 + "c",
    "*a" * 40 + "b",
    "*[^b]" * 20 + "c",
    "**[^z]" * 10 + "z",
    "*|" * 50 + "b*c",
    "a{0,1}" * 30 + "*b",
    "[^z]{1,100}" * 4 + "z",
    "\\w{0,30}*" * 10 + "!",
    "[[:alpha:]]{0,9}" * 30 + "\\d",
]
OF_GROUPS = ["(a*)*b", "((a|a)*)*c", "(a|b|ab)*" * 9 + "c", "(.*a){1,20}b", "(a+)+" * 5 + "b"]
OF_GROUPS.append("(" * 40 + "a" + ")+" * 40)


@pytest.mark.parametrize("path", [DEEP, DEEPER, LONG], ids=["deep", "deeper", "long"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_is_matched_in_time(golibrary: GoLibrary, pattern: str, path: str) -> None:
    with processor_seconds(5):
        spec = BUILDKIT.spec_class.from_lines([pattern])
        ignored = [*spec.steps(path)][-1][1].ignored
    (expected,) = golibrary.ask(patterns=[pattern], paths=[path]).walk
    assert ignored == (expected == "ignored")


@pytest.mark.parametrize("path", [DEEP, DEEPER, LONG], ids=["deep", "deeper", "long"])
@pytest.mark.parametrize("pattern", [*PATTERNS, *OF_GROUPS])
def test_pattern_ends_for_podman(pattern: str, path: str) -> None:
    with processor_seconds(5):
        PODMAN.spec_class.from_lines([pattern]).match_file(path)


@pytest.mark.parametrize(
    ("line", "path", "is_left_to_machine"),
    [
        ("a[0-1]?/m-11/*/b*[^0-9]*", "a00/m-00/deploy/helm/templates/view.svg", False),  # few ways
        ("a[0-1]?/m-11/*/b*[^0-9]*", f"a00/m-00/{LONG}", False),  # begins differently
        ("a[0-1]?/m-11/*/b*[^0-9]*", f"a00/m-11/{LONG}/b.", True),
    ],
)
def test_few_texts_are_left_to_the_slow_machine(
    line: str, path: str, is_left_to_machine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million paths took 30 s where each was searched character by character."""
    searched: list[str] = []
    monkeypatch.setattr(Machine, "search", lambda machine, text: searched.append(text))
    _, expression = classify(line)
    assert not compiled(expression).search(path)
    assert bool(searched) is is_left_to_machine


@pytest.mark.parametrize(
    "expression",
    ["(a{10}){101}", "((a{10}){10}){11}", "(a{2,}){501}", "(a{1000}|b){2}"],
)
def test_too_many_copies_are_refused(expression: str) -> None:
    """Go's `regexp` of 1.24 says so too."""
    with pytest.raises(GoRegexpError, match="invalid repeat count"):
        compiled(expression)


@pytest.mark.parametrize(
    "line", ["(" * 400 + "a" + ")" * 400, "(x{0,999}y{0,999}){1}" * 200, "a{1000}" * 201]
)
def test_expression_beyond_our_limits_is_an_error(line: str) -> None:
    with pytest.raises(IgnoreFileError, match="ctxsize cannot evaluate this pattern: "):
        PODMAN.spec_class.from_lines([line])


_SHARED = ("a", "b", "-", "/", "(a|b)", "*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "|", "^")
_OF_BOTH = ("[^/]*", "[^/]", "(.*/)?", ".*", "(", ")", "(/.*)?", "$", "\\b", "\\B", "[^a]", "\\w")
_OF_GO = ("**", "**/", "[^a]", "\\b", "\\B", "\\w", "\\Qa\\E", "[^\\x{dc80}]", "\\z")
_OTHERS = ("é", "\udc80", "\ufffd", "$", "\n")
_TEXTS = st.lists(st.text("ab/\n-", min_size=1, max_size=8), min_size=1)


@pytest.mark.fuzz
@given(parts=st.lists(st.sampled_from(_SHARED + _OF_BOTH), max_size=8), texts=_TEXTS)
def test_machine_finds_what_python_finds(parts: list[str], texts: list[str]) -> None:
    """Groups are only in Podman's patterns, of which Docker's library knows nothing."""
    expression = "".join(parts)
    try:
        search = Machine(expression).search
        found = [search(text) is not None for text in texts]
        python = re.compile(expression.replace("$", r"\Z"), re.ASCII)
    except (GoRegexpError, re.error):
        return
    assert found == [python.search(text) is not None for text in texts]


@pytest.mark.fuzz
@given(
    parts=st.lists(st.sampled_from(_SHARED + _OF_GO + _OTHERS), max_size=8),
    paths=st.lists(nasty_paths | st.text("ab\n\udc80-", min_size=1, max_size=8), min_size=1),
)
def test_machine_finds_what_go_finds(
    golibrary: GoLibrary, parts: list[str], paths: list[str]
) -> None:
    line = "*" + "".join(parts)
    paths = [path for path in paths if path == clean(path)]
    text = as_matched(line)
    answer = golibrary.ask(patterns=[line], paths=paths)
    if text is None or answer.error or any(each not in ("ignored", "sent") for each in answer.walk):
        return
    kind, expression = classify(text.text)
    assert kind in ("regexp", "prefix", "suffix")
    if kind == "regexp":
        search = Machine(expression).search
        found = ["ignored" if any(map(search, up_to(path))) else "sent" for path in paths]
        assert found == [*answer.walk]


def test_odd_patterns_share_a_bounded_memory() -> None:
    """Each of them may cache many sets of nodes, and an ignore file may have thousands."""
    patterns = ["[^z]{1,100}" * 4 + f"z{number}" for number in range(6)]
    spec = BUILDKIT.spec_class.from_lines(patterns)
    tracemalloc.start()
    try:
        assert not spec.match_file(LONG)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


def test_answers_stay_the_same_while_memory_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = [Machine(expression).search for expression in ("^(a|b)*c$", "[^z]{1,9}z")]
    texts = ["abc", "abcd", "xz", "z", "c", "ab" * 9 + "c", "y" * 20 + "z"]
    before = [search(text) for search in searches for text in texts]
    monkeypatch.setattr("ctxsize.go.regexp._MOST_CACHED_BYTES", 1000)
    assert [search(text) for search in searches for text in texts] == before


_SLOW = "a" * 4_000
SUBSTITUTIONS = [
    ("${A##*a*a*a*a*a*a*a*b}", _SLOW),
    ("${A#*a*a*a*a*a*a*a*b}", _SLOW),
    ("${A%%b*a*a*a*a*a*a*a*}", _SLOW),
    ("${A%b*a*a*a*a*a*a*a*}", _SLOW),
    ("${A/*a*a*a*a*a*a*a*b/x}", _SLOW),
    ("${A//*a*a*a*a*a*a*a*b/x}", _SLOW),
    ("${A//a*b/x}", _SLOW),
    ("${A//a*c/x}", _SLOW),
    ("${A/" + "*a" * 150 + "*b/x}", _SLOW),
    ("${A##" + "*?" * 150 + "b}", _SLOW),
]


@pytest.mark.parametrize(("word", "value"), SUBSTITUTIONS)
def test_every_substitution_ends_in_time(word: str, value: str) -> None:
    with processor_seconds(5):
        assert expand(word, {"A": value})[0] == value


@pytest.mark.parametrize("word", ["${A//?/$B$B$B}", "${A//?/}", "${A//a/$B}${A//a/$B}"])
def test_substitution_that_grows_is_an_error(word: str) -> None:
    with processor_seconds(20), pytest.raises(DockerfileError, match="characters"):
        expand(word, {"A": "a" * 2_000_000, "B": "b" * 1000})


@given(glob=st.text("[]!a*?-b^\\\\", max_size=12), name=st.text("[]!ab-", max_size=6))
def test_globs_mean_what_they_mean_for_fnmatch(glob: str, name: str) -> None:
    assert like(glob, name) == fnmatchcase(name, glob)


@pytest.mark.parametrize("glob", ["[" * 20_000, "[a" * 20_000, "]" + "[!" * 20_000, "[]" * 20_000])
def test_brackets_of_a_glob_are_read_once(glob: str) -> None:
    """`fnmatch` needs ten seconds for the first one."""
    with processor_seconds(2):
        assert like(glob, glob) == ("]" not in glob[1:])


GIT_LINES = ["*a*a*a*a*a*a*b", "**/a/" * 10 + "b", "*[!b]" * 8 + "c", "a/**/" * 20 + "b", "*a" * 40]


@pytest.mark.parametrize("path", [DEEP, DEEPER, LONG], ids=["deep", "deeper", "long"])
@pytest.mark.parametrize("line", GIT_LINES)
def test_line_of_gitignore_ends(line: str, path: str) -> None:
    translated = translate(line)
    assert translated is not None
    with processor_seconds(2):
        DockerIgnoreSpec.from_lines([translated]).match_file(path)


def test_many_names_take_the_memory_of_one_table() -> None:
    """Each of n names has n bits: a Dockerfile with 100,000 copies needs them once, not thrice."""
    spec = include_spec(f"name{at}" for at in range(20_000))
    tracemalloc.start()
    try:
        fastest(spec).root()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50_000_000


def test_an_unknown_unicode_class_takes_no_time_of_its_own() -> None:
    """Each new name once took a look at all characters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"{first}{second}" for first in "ABDEFGHIJKLMN" for second in letters.upper()]
    names += [f"{first}{second}" for first in "ABDEFGHIJK" for second in letters]
    with processor_seconds(5):
        for name in names:
            with pytest.raises(GoRegexpError):
                parsed(rf"\p{{{name}}}")


def test_a_unicode_class_has_the_characters_of_its_category() -> None:
    for name in ("Lu", "L", "Nd", "C", "Co", "Zs", "S", "Any"):
        machine = Machine(rf"^\p{{{name}}}$")
        for code in (0, 65, 0x378, 0x660, 0xE000, 0x1F600, 0x10FFFD, 0x10FFFF):
            category = unicodedata.category(chr(code))
            is_inside = name == "Any" or (category.startswith(name) and category != "Cn")
            assert bool(machine.search(chr(code))) == is_inside, (name, code)
