"""The dockerignore dialect alone: what a line means, and how it fits into pathspec."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import PathSpec
from pathspec.util import lookup_pattern

from ctxsize import go
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile, sent_text
from ctxsize.engine.patterns import DockerIgnorePattern, classify, compiled
from ctxsize.errors import IgnoreFileError
from ctxsize.go import paths, strings, wildcards
from tests.engine.strategies import nasty_files, nasty_paths

# lines, path, whether it is ignored, the line that decided (None: no line did)
Row = tuple[list[str], str, bool, int | None]
VERDICTS: list[Row] = [
    # Whole paths, from the top
    (["foo"], "foo", True, 1),
    (["foo"], "foo/bar", True, 1),
    (["foo"], "a/foo", False, None),
    (["foo"], "foobar", False, None),
    (["a/b"], "a", False, None),
    (["*.pyc"], "a.pyc", True, 1),
    (["*.pyc"], "pkg/a.pyc", False, None),
    (["node_modules"], "web/node_modules/x.js", False, None),
    (["LICENSE"], "license", False, None),
    # A trailing slash means nothing, nor do other ways of writing the same path
    (["node_modules/"], "node_modules", True, 1),
    (["*/"], "a", True, 1),
    (["/foo"], "foo", True, 1),
    (["./b"], "b", True, 1),
    (["a//b"], "a/b", True, 1),
    (["a/../b"], "b", True, 1),
    (["/../b"], "b", True, 1),
    (["../b"], "b", False, None),
    (["/"], "a", False, None),
    (["."], "a", False, None),
    ([".."], "a", False, None),
    (["!."], "a", False, None),
    # `**`
    (["dir/**"], "dir", False, None),
    (["dir/**"], "dir/a", True, 1),
    (["dir/**"], "dir/a/b", True, 1),
    (["a**"], "a", True, 1),
    (["a**"], "abc/d", True, 1),
    (["**"], "a/b", True, 1),
    (["**/foo"], "foo", True, 1),
    (["**/foo"], "a/b/foo", True, 1),
    (["**/foo"], "xfoo", False, None),
    (["**foo"], "xfoo", True, 1),
    (["**foo"], "a/xfoo", True, 1),
    (["**fo?"], "xfoo", False, None),
    (["**fo?"], "a/foo", True, 1),
    (["a**b"], "ab", True, 1),
    (["a**b"], "a/b", True, 1),
    (["a**b"], "ax/b", True, 1),
    (["a**b"], "axb", False, None),
    (["a/**/b"], "a/b", True, 1),
    (["a/**/b"], "a/x/y/b", True, 1),
    # Lines
    (["# foo"], "# foo", False, None),
    ([" #x"], "#x", True, 1),
    (["\\#x"], "#x", True, 1),
    (["foo #x"], "foo", False, None),
    (["  *.log  "], "a.log", True, 1),
    (["\u00a0foo\u2003"], "foo", True, 1),
    (["\x1cfoo"], "foo", False, None),
    (["", "  ", "foo"], "foo", True, 3),
    (["\ufefffoo"], "foo", True, 1),
    (["a", "\ufefffoo"], "foo", False, None),
    # Exceptions
    (["*", "! keep"], "keep", False, 2),
    (["*", "!keep"], "other", True, 1),
    (["*", "!!foo"], "!foo", False, 2),
    (["\\!foo"], "!foo", True, 1),
    (["./!foo", "foo"], "foo", True, 2),
    (["foo", "./!foo"], "foo", False, 2),
    (["*", "!src", "**/*.log"], "src/b.log", True, 3),
    # What a directory matched holds for what it contains; what was skipped does not
    (["foo/*", "!foo"], "foo/bar", True, 1),
    (["src/deep", "!src"], "src/deep/b.py", True, 1),
    (["foo", "!foo/bar", "foo"], "foo/bar", False, 2),
    (["n", "!n/keep", "**/n"], "n/keep/f", False, 2),
    (["build/*", "!build"], "build/o", True, 1),
    # Docker passes by ignored directories that no exception leads into
    (["*", "!foo/*/**"], "foo/sub/x", True, 1),
    (["*", "!foo/*/**/x"], "foo/sub/x", False, 2),
    (["*", "!**/*.py"], "a/b/c.py", False, 2),
    (["src", "!**/b.py"], "src/deep/b.py", False, 2),
    # Characters that are special only where there is a wildcard, and those that never are
    (["a|b"], "a|b", True, 1),
    (["a|b"], "a", False, None),
    (["a|b*"], "axyz", True, 1),
    (["*.py|*.md"], "x/y.md", True, 1),
    (["x{2}"], "x{2}", True, 1),
    (["x{2}*"], "xxy", True, 1),
    (["x{2}*"], "x{2}y", False, None),
    (["{a,b}*"], "{a,b}c", True, 1),
    (["{2}*"], "anything", True, 1),
    (["a^b"], "a^b", True, 1),
    (["a^b*"], "a^bc", False, None),
    (["c++*"], "c++", True, 1),
    (["a.b*"], "axb", False, None),
    (["(a)*"], "(a)", True, 1),
    (["a$*"], "a$", True, 1),
    # Classes
    (["[!a].txt"], "b.txt", False, None),
    (["[!a].txt"], "a.txt", True, 1),
    (["[!a].txt"], "!.txt", True, 1),
    (["[^a].txt"], "b.txt", True, 1),
    (["x[^a]b"], "x/b", True, 1),
    (["[*]"], "*", False, None),
    (["[[:alpha:]]"], "q", True, 1),
    (["[[:alpha:]]"], "1", False, None),
    (["[a-c]"], "b", True, 1),
    (["[é-日]"], "本", False, None),
    (["[é-日]"], "一", True, 1),
    # Escapes
    (["foo\\d"], "foo1", True, 1),
    (["foo\\d"], "foo\u0663", False, None),
    (["\\*"], "*", True, 1),
    (["\\*"], "a", False, None),
    (["\\x41"], "A", True, 1),
    (["\\Qa*\\E"], "a", False, None),
    (["\\pL"], "é", True, 1),
    (["a\\sb"], "a\vb", False, None),
    (["a*foo\\"], "abfoo$", True, 1),
    # Newlines and bytes that are not UTF-8
    (["a*"], "a\nb", True, 1),
    (["a?/**"], "ab/x\ny", False, None),
    (["a*/**"], "ab/x", True, 1),
    (["?"], "\udcff", True, 1),
    (["?"], "\udcff\udcff", False, None),
    (["?"], "😀", True, 1),
    (["\udcff*"], "\udcfex", True, 1),
    (["\udcff"], "\udcfe", False, None),
    (["**\udcff"], "a\udcff", True, 1),
    (["**\udca9"], "é", True, 1),
    (["\udcc3**"], "é", True, 1),
    (["**/\udca9"], "é", False, None),
]


@pytest.mark.parametrize(("lines", "path", "ignored", "line"), VERDICTS)
def test_the_verdict_and_the_line_that_decides(
    lines: list[str], path: str, ignored: bool, line: int | None
) -> None:
    spec = DockerIgnoreSpec.from_lines(lines)
    result = spec.check_file(path)
    decided_by = None if result.index is None else spec.patterns[result.index].line
    assert (spec.match_file(path), decided_by) == (ignored, line)
    assert result.include == (None if line is None else ignored)


# line, message
ALWAYS = [
    ("[", "syntax error in pattern"),
    ("a[", "syntax error in pattern"),
    ("  a/[", "syntax error in pattern"),
    ("!  [", "syntax error in pattern"),
    ("/[", "syntax error in pattern"),
    ("x//[a", "syntax error in pattern"),
    ("[]a]", "syntax error in pattern"),
    ("[-x]", "syntax error in pattern"),
    ("[x-]", "syntax error in pattern"),
    ("[a-b-c]", "syntax error in pattern"),
    ("é[", "syntax error in pattern"),
    ("foo\\", "syntax error in pattern"),
    ("foo\\ ", "syntax error in pattern"),
    ("*foo\\", "syntax error in pattern"),
    ("!", 'illegal exclusion pattern: "!"'),
    ("! ", 'illegal exclusion pattern: "!"'),
    ("!/", 'illegal exclusion pattern: "!"'),
]


@pytest.mark.parametrize(("line", "message"), ALWAYS)
def test_line_that_fails_every_build(line: str, message: str) -> None:
    with pytest.raises(IgnoreFileError) as raised:
        DockerIgnoreSpec.from_lines(["# a comment", "*", line, "["])
    error = raised.value
    assert (error.message, error.line, error.always) == (message, 3, True)
    assert error.hint


REACHED = [
    "[z-a]",
    "[Local-Only]",
    "foo\\q",
    "a*[",
    "x{2}{3}*",
    "[[:nope:]]",
    "\\8*",
    "a\\p{",
    "*{2}",
]


@pytest.mark.parametrize("line", REACHED)
def test_line_that_fails_only_when_it_is_reached(line: str) -> None:
    hidden = DockerIgnoreSpec.from_lines(["*", line])
    assert hidden.match_file("x")
    assert hidden.patterns[1].fault
    with pytest.raises(IgnoreFileError) as raised:
        DockerIgnoreSpec.from_lines(["", f" {line}", "*"]).match_file("x")
    error = raised.value
    assert (error.message, error.line, error.column) == ("syntax error in pattern", 2, 2)
    assert not error.always
    assert error.hint


def test_exception_is_reached_where_something_is_ignored() -> None:
    spec = DockerIgnoreSpec.from_lines(["a", "![z-a]"])
    assert not spec.match_file("b")
    with pytest.raises(IgnoreFileError):
        spec.match_file("a")


class TestPathspec:
    """What one may expect of a PathSpec."""

    LINES = ("foo", "!foo/bar", "# comment", "*.log")
    FILES = ("foo/x", "foo/bar", "a.log", "b/a.log", "foo/")

    def test_registered_under_its_name(self) -> None:
        assert lookup_pattern("dockerignore") is DockerIgnorePattern
        stock = PathSpec.from_lines("dockerignore", ["*.log", "!a.log"])
        assert [stock.match_file(name) for name in ("b.log", "a.log")] == [True, False]

    def test_a_text_is_no_list_of_lines(self) -> None:
        with pytest.raises(TypeError, match="splitlines"):
            DockerIgnoreSpec.from_lines("*\n!src")

    def test_match_and_check(self) -> None:
        spec = DockerIgnoreSpec.from_lines(self.LINES)
        ignored = ["foo/x", "a.log", "foo/"]
        assert [file for file in self.FILES if spec.match_file(file)] == ignored
        assert list(spec.match_files(self.FILES)) == ignored
        assert list(spec.match_files(self.FILES, negate=True)) == ["foo/bar", "b/a.log"]
        checked = [(each.file, each.include, each.index) for each in spec.check_files(self.FILES)]
        assert checked == [
            ("foo/x", True, 0),
            ("foo/bar", False, 1),
            ("a.log", True, 2),
            ("b/a.log", None, None),
            ("foo/", True, 0),
        ]
        assert [spec.check_file(file).include for file in self.FILES] == [i for _, i, _ in checked]

    def test_a_spec_works_with_pathspecs_trees(self, tmp_path: Path) -> None:
        for name in ("foo/x", "foo/bar", "a.log", "b/a.log"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        spec = DockerIgnoreSpec.from_lines(self.LINES)
        assert sorted(spec.match_tree_files(tmp_path)) == ["a.log", "foo/x"]
        assert sorted(spec.match_tree_files(tmp_path, negate=True)) == ["b/a.log", "foo/bar"]
        entries = spec.match_tree_entries(tmp_path)
        assert sorted(entry.path for entry in entries) == ["a.log", "foo", "foo/x"]
        assert {each.file for each in spec.check_tree_files(tmp_path) if each.include} == {
            "a.log",
            "foo/x",
        }

    def test_paths_in_other_forms(self) -> None:
        spec = DockerIgnoreSpec.from_lines(self.LINES)
        assert spec.match_file(Path("foo/x"))
        assert spec.match_file("./foo/x")
        assert spec.match_file("/foo/x")
        assert spec.match_file("foo\\x", separators=["\\"])

    def test_addition_and_equality(self) -> None:
        spec = DockerIgnoreSpec.from_lines(["foo"])
        both = spec + DockerIgnoreSpec.from_lines(["!foo/bar"])
        assert both == DockerIgnoreSpec.from_lines(["foo", "!foo/bar"])
        assert both != spec
        assert (len(spec), len(both)) == (1, 2)
        assert not both.match_file("foo/bar")
        spec += DockerIgnoreSpec.from_lines(["b"])
        assert isinstance(spec, DockerIgnoreSpec)
        assert (spec.match_file("b"), spec.match_file("foo/x")) == (True, True)

    def test_lines_of_an_open_file(self, tmp_path: Path) -> None:
        (tmp_path / "ignore").write_text("a\n# no\n!b\n")
        with (tmp_path / "ignore").open() as lines:
            spec = DockerIgnoreSpec.from_lines(lines)
        assert [(each.text, each.include) for each in spec.patterns] == [("a", True), ("b", False)]

    def test_other_backends_are_never_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Stand-ins that fail at any use, where google-re2 or hyperscan may be installed.
        for name in ("re2", "hyperscan"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        for asked in ("best", "re2", "hyperscan", "simple"):
            spec = DockerIgnoreSpec.from_lines(["a\\d"], backend=asked)
            assert spec.match_file("a1")
            spec = DockerIgnoreSpec(spec.patterns, backend=asked)
            assert spec.match_file("a1")
            assert "backend='simple'" in repr(spec)

    def test_patterns_say_what_they_are(self) -> None:
        (pattern,) = DockerIgnoreSpec.from_lines(["", "  ! ./a/ "]).patterns
        assert (pattern.text, pattern.include, pattern.line, pattern.column) == ("a", False, 2, 3)
        assert pattern.match_file("a")
        assert pattern.match_file("b") is None


class TestIgnoreFile:
    @given(data=nasty_files | st.binary(max_size=60))
    def test_writing_back_changes_nothing(self, data: bytes) -> None:
        ignore_file = IgnoreFile.parse(".dockerignore", data)
        assert ignore_file.data == data
        assert len(ignore_file.texts()) == len(ignore_file.lines)

    @given(data=st.lists(st.sampled_from([b"a", b"\r", b"\n", b"#", b"\xff", b" "]), max_size=12))
    def test_lines_end_at_lf_alone(self, data: list[bytes]) -> None:
        joined = b"".join(data)
        expected = [
            line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
            for line in joined.split(b"\n")
        ]
        if joined.endswith(b"\n") or not joined:
            expected.pop()
        assert IgnoreFile.parse("x", joined).texts() == expected

    @pytest.mark.parametrize(
        ("data", "line"),
        [
            (b"x" * 65_535, None),
            (b"a\n" + b"x" * 65_535 + b"\nb", None),
            (b"x" * 65_536, 1),
            (b"a\n" + b"x" * 65_535 + b"\r\nb", 2),
            (b"#" + b"x" * 70_000 + b"\n", 1),
        ],
    )
    def test_a_line_that_is_too_long_fails_the_build(self, data: bytes, line: int | None) -> None:
        ignore_file = IgnoreFile.parse(".dockerignore", data)
        if line is None:
            ignore_file.check_line_lengths()
            return
        with pytest.raises(IgnoreFileError, match="token too long") as raised:
            ignore_file.check_line_lengths()
        assert (raised.value.line, raised.value.path) == (line, ".dockerignore")


class TestLaws:
    @given(data=nasty_files, path=nasty_paths)
    def test_comments_and_blank_lines_change_nothing(self, data: bytes, path: str) -> None:
        lines = IgnoreFile.parse("x", b"\n" + data).texts()
        spaced = [part for line in lines for part in ("# x", line, "  ")]
        assert self.outcome(lines, path) == self.outcome(spaced, path)

    @given(data=nasty_files, path=nasty_paths)
    def test_steps_end_where_check_file_does(self, data: bytes, path: str) -> None:
        """But for a directory that Docker passes by: there the steps went on."""
        try:
            spec = DockerIgnoreSpec.from_lines(IgnoreFile.parse("x", data).texts())
            steps = list(spec.steps(path))
            checked = spec.check_file(path)
        except IgnoreFileError:
            return
        passed_by = [at for at, step in steps[:-1] if step.ignored and not spec.enters(at)]
        _, deciding = next(((at, s) for at, s in steps if at in passed_by[:1]), steps[-1])
        assert (bool(checked.include), checked.index) == (deciding.ignored, deciding.decider)

    @staticmethod
    def outcome(lines: list[str], path: str) -> object:
        try:
            return DockerIgnoreSpec.from_lines(lines).match_file(path)
        except IgnoreFileError as error:
            return error.message


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("#x", None),
        ("  ", None),
        ("a/b/../c/", "a/c"),
        (" ! ./foo//bar/ ", "!foo/bar"),
        ("!", "!"),
        ("!/", "!/"),
        ("/", "/"),
        ("//a", "a"),
        ("a\tb", "a\tb"),
    ],
)
def test_what_the_reader_makes_of_a_line(line: str, sent: str | None) -> None:
    assert sent_text(line) == sent


@pytest.mark.parametrize(
    ("text", "kind", "expression"),
    [
        ("foo", "exact", "^foo$"),
        ("a.b+", "exact", r"^a\.b\+$"),
        ("dir/**", "prefix", "^dir/$"),
        ("**/foo", "suffix", "^(.*/)?foo$"),
        ("**", "suffix", "^$"),
        ("**/a*", "regexp", "^(.*/)?a[^/]*$"),
        ("a/**/b", "regexp", "^a/(.*/)?b$"),
        ("a?**", "regexp", "^a[^/].*$"),
        ("a\\", "exact", "^a\\$"),
        ("\\a", "regexp", "^\\a$"),
        ("a|b{2}^", "exact", "^a|b{2}^$"),
        ("[a]", "regexp", "^[a]$"),
    ],
)
def test_kinds_of_pattern(text: str, kind: str, expression: str) -> None:
    assert classify(text)[0] == kind
    if kind not in ("prefix", "suffix"):
        assert classify(text)[1] == expression


def test_a_pattern_is_one_of_pathspec() -> None:
    assert DockerIgnorePattern.pattern_to_regex("!a*") == (r"\Aa[^/]*\Z", False)
    assert DockerIgnorePattern.pattern_to_regex("# a") == (None, None)
    assert DockerIgnorePattern("a*", include=False).include is True


class TestGolang:
    @pytest.mark.parametrize(
        ("text", "trimmed"),
        [
            (" a ", "a"),
            ("\t\n\v\f\r a\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000", "a"),
            ("\x1ca\x1f", "\x1ca\x1f"),
            ("\u200ba\ufeff", "\u200ba\ufeff"),
            ("a b", "a b"),
            ("", ""),
        ],
    )
    def test_white_space_is_what_go_trims(self, text: str, trimmed: str) -> None:
        assert text.strip(strings.WHITE_SPACE) == trimmed

    @pytest.mark.parametrize(
        ("path", "cleaned"),
        [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("/", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../a", "/a"),
            ("a/", "a"),
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("a/..", "."),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("../../a", "../../a"),
            ("...", "..."),
            ("a/.../b", "a/.../b"),
            ("a/../b\0c//d", "b\0c/d"),
        ],
    )
    def test_paths_are_cleaned_as_go_cleans_them(self, path: str, cleaned: str) -> None:
        assert paths.clean(path) == cleaned
        assert paths.clean(cleaned) == cleaned

    def test_a_nul_where_python_cuts_a_path_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Python 3.11.0 to 3.11.4 do so in `normpath`."""
        real = posixpath.normpath
        monkeypatch.setattr(posixpath, "normpath", lambda path: real(path.partition("\0")[0]))
        assert paths.clean("a/../b\0c//d") == "b\0c/d"

    @pytest.mark.parametrize(
        ("pattern", "malformed"),
        [
            ("a", False),
            ("*", False),
            ("[a]", False),
            ("[^a]", False),
            ("[a-z]", False),
            ("[\\]]", False),
            ("[\\-x]", False),
            ("a*[", False),
            ("a*foo\\", False),
            ("[z-a]", False),
            ("[", True),
            ("a[", True),
            ("[]a]", True),
            ("[-x]", True),
            ("[x-]", True),
            ("[a-b-c]", True),
            ("[\\]", True),
            ("[^]", True),
            ("?[", True),
            ("\\", True),
            ("*\\", True),
            ("[a]\\", True),
            ("[\udcff]", True),
        ],
    )
    def test_syntax_errors_are_those_of_filepath_match(self, pattern: str, malformed: bool) -> None:
        assert wildcards.is_malformed(pattern) is malformed


class TestGoRegexp:
    @pytest.mark.parametrize(
        ("expression", "matches", "others"),
        [
            ("^a$", ["a"], ["ab", "a\n", "ba"]),
            ("a|b", ["xa", "b"], ["c"]),
            ("^a|^b$", ["ax", "b"], ["bx"]),
            ("^.$", ["a", "é", "😀", "\udcff"], ["\n", "ab", "\udcff\udcfe"]),
            ("^[^a]$", ["\n", "b", "\udcff"], ["a"]),
            ("^\\d\\D$", ["1a", "1é"], ["11", "\u0663a"]),
            ("^\\s$", [" ", "\t", "\f"], ["\v", "\xa0", "\x85"]),
            ("^\\w$", ["_", "Z", "0"], ["é", "ſ", "\u212a"]),
            ("^[\\w-]$", ["-", "a"], ["é"]),
            ("^\\x41\\x{e9}$", ["Aé"], ["A"]),
            ("^\\141\\07$", ["a\x07"], ["a"]),
            ("^\\0$", ["\x00"], ["0"]),
            ("^\\Qa.b\\E+$", ["a.b", "a.bbb"], ["a.ba.b", "axb"]),
            ("^a*\\Q\\E*$", ["", "aa"], ["b"]),
            ("^\\Qa*", ["a*", "a*b"], ["a"]),
            ("^x{2}$", ["xx"], ["x{2}", "xxx"]),
            ("^x{,2}$", ["x{,2}"], ["xx", ""]),
            ("^x{2,}$", ["xx", "xxxx"], ["x"]),
            ("^x{01}$", ["x{01}"], ["x"]),
            ("^x{a}$", ["x{a}"], []),
            ("^[[:alpha:]]$", ["a", "Z"], ["1", ":", "é"]),
            ("^[[:^alpha:]]$", ["1", "é"], ["a"]),
            ("^[[:word:]!]$", ["_", "!"], ["-"]),
            ("^[]a]$", ["]", "a"], ["b"]),
            ("^[a^]$", ["^", "a"], ["b"]),
            ("^\\pL$", ["é", "日"], ["1"]),
            ("^\\PL$", ["1"], ["é"]),
            ("^\\p{^Lu}$", ["a"], ["A"]),
            ("^\\P{Any}$", [], ["a", "", "$"]),
            ("^\\P{Any}a$", [], ["a", "aa"]),
            ("\\P{Any}", [], ["a", ""]),
            ("^[\\P{Any}b]$", ["b"], ["a", ""]),
            ("a|" * 20_000 + "b", ["a", "b"], ["c"]),
            ("^\\pC$", ["\x00", "\ue000"], ["a", "\u0378"]),
            ("^a\\b", ["a", "a-"], ["ab"]),
            ("^\\Bx", [], ["x"]),
            ("^\ufffd$", ["\ufffd", "\udc80"], ["a"]),
            ("^\udc80+$", ["\ufffd", "\udcff\udc81"], ["a"]),
            ("^(.*/)?a$", ["a", "x/y/a"], ["xa", "x\n/a"]),
            ("^^a$$", ["a"], []),
            ("^a*?b??$", ["aab", ""], ["c"]),
        ],
    )
    def test_an_expression_matches_what_go_matches(
        self, expression: str, matches: list[str], others: list[str]
    ) -> None:
        search = compiled(expression).search
        assert [each for each in [*matches, *others] if search(each)] == matches

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("a**", "invalid nested repetition operator"),
            ("a{2}{3}", "invalid nested repetition operator"),
            ("*", "missing argument to repetition operator"),
            ("|*", "missing argument to repetition operator"),
            ("a{2,1}", "invalid repeat count"),
            ("a{1001}", "invalid repeat count"),
            ("[a", "missing closing ]"),
            ("[z-a]", "invalid character class range"),
            ("[[:nope:]]", "invalid character class range"),
            ("[a-\\d]", "invalid escape sequence: \\d"),
            ("\\q", "invalid escape sequence: \\q"),
            ("\\8", "invalid escape sequence: \\8"),
            ("\\1", "invalid escape sequence: \\1"),
            ("\\C", "invalid escape sequence: \\C"),
            ("\\x4", "invalid escape sequence: \\x"),
            ("\\x{110000}", "invalid escape sequence: \\x"),
            ("\\p{", "invalid character class range"),
            ("\\p{}", "invalid character class range"),
            ("\\pX", "invalid character class range"),
            ("\\", "invalid escape sequence: \\"),
            ("(a", "missing closing )"),
            ("a)", "unexpected )"),
        ],
    )
    def test_what_go_refuses_is_refused_in_its_words(self, expression: str, message: str) -> None:
        with pytest.raises(go.GoRegexpError, match=f"^{re.escape(message)}$"):
            compiled(expression)

    def test_a_unicode_script_is_said_to_be_beyond_us(self) -> None:
        with pytest.raises(NotImplementedError, match="Greek"):
            compiled("\\p{Greek}")
        with pytest.raises(IgnoreFileError, match="cannot evaluate this pattern"):
            DockerIgnoreSpec.from_lines(["\\p{Greek}"])
