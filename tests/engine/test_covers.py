"""What one pattern covers of another, held against what both match."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import covers
from ctxsize.errors import IgnoreFileError
from tests.engine.strategies import nasty_patterns

ITSELF, ABOVE = "itself", "above"


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("a", "a", ITSELF),
        ("/a/", "./a", ITSELF),
        ("**/a", "a", ITSELF),
        ("**/a", "x/a", ITSELF),
        ("**/a", "x/a/b", ABOVE),
        ("**/a", "**/x/a", ITSELF),
        ("**/a", "**/a/b", ABOVE),
        ("**/a", "*/a", ITSELF),
        ("**/a", "**/a/*", ABOVE),
        ("**/a", "**/ba", None),
        ("**/a", "**/a*", None),
        ("**/*.log", "debug.log", ITSELF),
        ("**/*.log", "**/debug.log", ITSELF),
        ("**/*.log", "*.log", ITSELF),
        ("**/*.log", "logs/*.log", ITSELF),
        ("**/*.log", "**/x.log/y", ABOVE),
        ("*.log", "debug.log", ITSELF),
        ("*.log", "a/debug.log", None),
        ("*", "a", ITSELF),
        ("*", "a/b", ABOVE),
        ("*", "**/b", ABOVE),
        ("**", "x*", ITSELF),
        ("a", "a/b*", ABOVE),
        ("a", "a/**", ABOVE),
        ("a", "ab", None),
        ("a/**", "a/b*", ITSELF),
        ("a/**", "a/b", ITSELF),
        ("a/**", "a", None),
        ("a/*", "a/b", ITSELF),
        ("a/*", "a/b/c", ABOVE),
        ("a", "**/a", None),
        ("**a", "xa", ITSELF),
        ("a*[", "a", None),
        ("../x", "x", None),
        ("**/*.log", "logs/a*.log", ITSELF),
        ("**/*.log", "x.*", None),
        ("a*", "a[bc]", ITSELF),
        ("a*c", "a[^b]c", None),
        ("a*c", "a[.-0]c", None),
        ("a*", "a?/b", ABOVE),
        ("a?", "a?/b", ABOVE),
        ("a?", "ab/b", ABOVE),
        ("docs", "docs/**/*.md", ABOVE),
        ("docs/*", "docs/**", ABOVE),
        ("docs/**", "docs/**/*.md", ITSELF),
        ("**/x", "**/x/**", ABOVE),
        ("**/x", "a/**/x", None),
        ("*", "*.md", ITSELF),
        ("a|b*", "ab*", None),
        ("*/*", "**", None),
    ],
)
def test_one_pattern_covers_another(wide: str, narrow: str, expected: str | None) -> None:
    assert covers(DockerIgnorePattern(wide), DockerIgnorePattern(narrow)) == expected


names = st.sampled_from(["a", "b", "ab", "a.o", "b.o"])
parts = names | st.sampled_from(["*", "**", "a*", "*.o", "?", "[ab]", "**a", "a**", "a|b*", "^a*"])
tame = st.lists(parts, min_size=1, max_size=3).map("/".join)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@example("**/a", "**/a/b", ["b/a/b"])
@example("*/*", "**", ["a"])
@given(tame | nasty_patterns, tame | nasty_patterns, st.lists(paths, min_size=8, max_size=20))
def test_what_is_covered_is_matched(
    builder: Builder, wide: str, narrow: str, tried: list[str]
) -> None:
    try:
        one = builder.spec_class.pattern_class(wide)
        other = builder.spec_class.pattern_class(narrow)
    except IgnoreFileError:
        return
    found = covers(one, other) if one.text and other.text else None
    if found is None:
        return
    for path in [*tried, narrow.replace("*", "a").replace("?", "b")]:
        if path == "" or other.regex is None or not other.regex.search(path):
            continue
        at = [path, *(path[:n] for n, char in enumerate(path) if char == "/" and found == ABOVE)]
        assert any(one.regex.search(each) for each in at)
