"""Word expansion: a table of what BuildKit does, and laws."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.words import expand, split_words
from ctxsize.errors import DockerfileError, UndecidedError

VARIABLES = {"A": "abc.tar.gz", "B": "a/b/c", "E": "", "C": "aaa"}

EXPANDED = [
    ("plain", "plain"),
    ("$A", "abc.tar.gz"),
    ("${A}x", "abc.tar.gzx"),
    ("$NOPE/foo", "/foo"),
    ("$", "$"),
    ("$/", "$/"),
    ("'$A'", "$A"),
    ('"$A" "\'"', "abc.tar.gz '"),
    (r"\$A", "$A"),
    (r"a\ b", "a b"),
    (r'"a\b\"\$A"', r'a\b"$A'),
    ("trailing\\", "trailing"),
    ("${NOPE:-d}", "d"),
    ("${NOPE-d}", "d"),
    ("${E:-d}", "d"),
    ("${E-d}", ""),
    ("${A:+alt}", "alt"),
    ("${E:+alt}", ""),
    ("${E+alt}", "alt"),
    ("${NOPE:-${A}}", "abc.tar.gz"),
    ("${A#*.}", "tar.gz"),
    ("${A##*.}", "gz"),
    ("${A%.*}", "abc.tar"),
    ("${A%%.*}", "abc"),
    ("${A#x}", "abc.tar.gz"),
    ("${A%?z}", "abc.tar."),
    ("${B/b/x}", "a/x/c"),
    (r"${B/\//_}", "a_b/c"),
    (r"${B//\//_}", "a_b_c"),
    ("${C/a*/x}", "x"),
    ("${C//*/x}", "x"),
    ("${C///-}", "-a-a-a-"),
    (r"${A/abc/\$0}", r"\$0.tar.gz"),
    ("<<EOF", "<<EOF"),
    ("\ufeffx", "x"),
    ("\udcff", "\ufffd"),
]


@pytest.mark.parametrize(("word", "text"), EXPANDED)
def test_expands_as_buildkit_does(word: str, text: str) -> None:
    assert expand(word, VARIABLES)[0] == text


REFUSED = [
    ('"a', "unexpected end of statement while looking for matching double-quote"),
    ("'a", "unexpected end of statement while looking for matching single-quote"),
    ("${", "syntax error: missing '}'"),
    ("${}", "syntax error: bad substitution"),
    ("${:x}", "syntax error: bad substitution"),
    ("${A", "unsupported modifier () in substitution"),
    ("${A^^}", "unsupported modifier (^) in substitution"),
    ("${A:=x}", "unsupported modifier (:=) in substitution"),
    ("${A:#x}", "unsupported modifier (:#) in substitution"),
    ("${A:-x", "syntax error: missing '}'"),
    ("${A/x}", "syntax error: missing '/' in ${}"),
    ("${NOPE?}", "NOPE: is not allowed to be unset"),
    ("${E:?}", "E: is not allowed to be empty"),
    ("${E:?set me}", "E: set me"),
    (r"${A#\x}", r"invalid pattern (\x) in substitution: invalid escape '\x'"),
]


@pytest.mark.parametrize(("word", "reason"), REFUSED)
def test_refuses_with_buildkits_reason(word: str, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        expand(word, VARIABLES)
    assert caught.value.message.startswith("failed to process ")
    assert caught.value.message.endswith(f": {reason}")


def test_a_dollar_in_a_replacement_of_every_match_is_not_evaluated() -> None:
    """Go reads `$0` in it as the match."""
    with pytest.raises(UndecidedError):
        expand(r"${C//a/\$0-}", VARIABLES)


def test_another_escape_character_leaves_the_backslash_alone() -> None:
    assert expand(r"c:\dir\`$A", VARIABLES, escape="`")[0] == r"c:\dir\$A"


def test_quotes_can_be_left_alone_as_in_a_heredoc() -> None:
    assert expand('it\'s "$B"', VARIABLES, quotes=False)[0] == 'it\'s "a/b/c"'


def test_says_which_variables_it_met() -> None:
    assert expand("$A ${NOPE:-$B} '$X'", VARIABLES)[1] == {"A", "B", "NOPE"}


def test_words_keep_a_heredoc_marker_whole() -> None:
    line = "COPY << 'E F' \"a b\" c\\ d $X"
    words = split_words(line, raw_quotes=True, raw_escapes=True)
    assert words == ["COPY", "<< 'E F'", '"a b"', "c\\ d", "$X"]


@given(st.text(alphabet="ab$ {}:-+?#%/*\\`'\"<_A1é", max_size=20), st.sampled_from("\\`"))
def test_any_word_expands_or_is_refused(word: str, escape: str) -> None:
    with suppress(DockerfileError):
        expand(word, VARIABLES, escape=escape)


@given(st.text(max_size=30))
def test_single_quotes_stop_everything(text: str) -> None:
    inner = text.replace("'", "")
    assert expand(f"'{inner}'", VARIABLES)[0] == inner


@given(st.text(max_size=30).filter(lambda text: not set(text) & set("$'\"\\\ufeff")))
def test_a_word_without_special_characters_is_itself(text: str) -> None:
    assert expand(text, VARIABLES)[0] == text


def test_fifty_nested_substitutions_are_read() -> None:
    assert expand("${E:-" * 50 + "x" + "}" * 50, VARIABLES)[0] == "x"
    with pytest.raises(UndecidedError, match="no more than 50 nested"):
        expand("${E:-" * 51 + "x" + "}" * 51, VARIABLES)


def test_a_value_that_doubles_again_and_again() -> None:
    """It ends with an error, after bytes that fit into memory."""
    values = {"A": "ab"}
    while len(values["A"]) < 2**24:
        values["A"] = expand("$A$A", values)[0]
    with pytest.raises(
        DockerfileError,
        match=r'failed to process "\$A\$A": ctxsize replaces no more than 16,777,216',
    ):
        expand("$A$A", values)


def test_words_end_at_blanks_in_a_value() -> None:
    assert split_words("a\u3000b  c'd e'", raw_quotes=False) == ["a", "b", "cd e"]
    assert split_words("", raw_quotes=False) == split_words(" \t", raw_quotes=False) == []
