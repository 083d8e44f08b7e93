"""`require` and `forbid`: what is sent is held against patterns, and the deciding line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.build import Build
from ctxsize.config import Budget, Config
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.findings import Finding
from ctxsize.guard.assertions import _matching
from ctxsize.guard.checking import check
from ctxsize.model import Entry, Kind, Verdict
from tests.trees import build_tree, file

TREE = [
    file("Dockerfile", b"FROM scratch\nCOPY package.json src /\n"),
    *("package.json", "src/a.c", "src/sub/b.c", "api/.env", "docs/x.md", "# x/y", "empty/"),
]


def found(
    directory: Path, lines: str | None, budget: Budget, builder: str = "buildkit"
) -> list[Finding]:
    nodes = [] if lines is None else [file(".dockerignore", lines.encode())]
    context = build_tree(directory / "ctx", [*TREE, *nodes])
    build = Build(str(context), builder=builder)
    (one,) = check(build, budget=budget, config=Config()).checks
    assert one.passes is not one.findings
    # A build without its sources fails, which is another finding.
    return [each for each in one.findings if each.code in ("CTX409", "CTX410")]


REQUIRED = [
    # lines of the ignore file, pattern, the reason, the line that decides
    ("", "package.json", None, None),
    ("", "src", None, None),
    ("", "/src/", None, None),
    ("", "**/*.c", None, None),
    ("", " # x", None, None),
    ("*\n!src/sub\n", "src", None, None),
    ("*\n!src\nsrc\n", "src/**", "line 3 of {} (`src`) ignores `src/a.c`, `src/sub/b.c`", 3),
    ("*\n", "package.json", "line 1 of {} (`*`) ignores `package.json`", 1),
    ("src/a.c\n", "src/*.c", "line 1 of {} (`src/a.c`) ignores `src/a.c`", 1),
    ("", "gone", "no such file exists", None),
    ("", "Src", "no such file exists", None),
    ("", "empty", "no such file exists", None),
    (None, "gone/**", "no such file exists", None),
]


@pytest.mark.parametrize(("lines", "pattern", "reason", "line"), REQUIRED)
@pytest.mark.parametrize("builder", ["buildkit", "classic"])
def test_a_required_file_is_sent_or_the_reason_is_named(
    lines: str | None,
    pattern: str,
    reason: str | None,
    line: int | None,
    builder: str,
    tmp_path: Path,
) -> None:
    findings = found(tmp_path, lines, Budget(of="context", require=(pattern,)), builder)
    if reason is None:
        assert findings == []
        return
    (one,) = findings
    ignore_file = str(tmp_path / "ctx/.dockerignore")
    why = reason.format(ignore_file)
    assert one.code == "CTX409"
    assert one.message.endswith(f": `{pattern}` is required, but {why}")
    assert one.location.line == line


FORBIDDEN = [
    ("**/.env\n", "**/.env", None, None),
    ("", "**/*.pem", None, None),
    ("", "empty", None, None),
    ("", "**/.env", "no line of {} ignores `api/.env`", 1),
    (None, "api", "no ignore file ignores `api/.env`", None),
    ("*\n!api\n", "**/.env", "line 2 of {} (`!api`) includes `api/.env` again", 2),
    ("**/.env\n!api/.env\n", "api", "line 2 of {} (`!api/.env`) includes `api/.env` again", 2),
    (
        "*\n!src\n!docs\n",
        "**",
        "line 3 of {} (`!docs`) includes `docs/x.md` again; see also 1 other line",
        3,
    ),
]


@pytest.mark.parametrize(("lines", "pattern", "reason", "line"), FORBIDDEN)
def test_a_forbidden_file_is_not_sent_or_the_line_is_named(
    lines: str | None, pattern: str, reason: str | None, line: int | None, tmp_path: Path
) -> None:
    findings = found(tmp_path, lines, Budget(of="context", forbid=(pattern,)))
    if reason is None:
        assert findings == []
        return
    (one,) = findings
    why = reason.format(tmp_path / "ctx/.dockerignore")
    assert one.message.endswith(f": `{pattern}` is forbidden, but {why}")
    assert (one.code, one.location.line) == ("CTX410", line)
    assert one.help.startswith(f"add `{pattern}` at the end of ")


def test_the_line_of_the_help_keeps_forbidden_files_out(tmp_path: Path) -> None:
    lines = "**/.env\n!api/.env\n"
    assert found(tmp_path, lines, Budget(of="context", forbid=("**/.env",)))
    assert found(tmp_path, f"{lines}**/.env\n", Budget(of="context", forbid=("**/.env",))) == []


def test_five_paths_are_named_and_the_others_counted(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [file(f"keys/{number}.pem") for number in range(8)])
    budget = Budget(forbid=("**/*.pem",))
    (checked,) = check(Build(str(context)), budget=budget, config=Config()).checks
    (one,) = (each for each in checked.findings if each.code == "CTX410")
    assert one.message.endswith("`keys/4.pem` and 3 files more")
    assert one.message.count(".pem`") == 1 + 5
    assert (one.files, one.content_bytes) == (8, checked.report.context.totals.content_bytes)


PATTERNS = [
    *(
        "*",
        "**",
        "a",
        "/a/",
        "a/b",
        "**/b",
        "a/**",
        "*/b",
        "?",
        "[a-c]",
        "[^a]*",
        "\\!x",
        " a ",
        "a/",
    ),
    *("**/*.c", "a**", "**b", "a/*/c", "./a", "a//b", "a/../b", "x{1}", "a.c", "+", "(b)", "é"),
]
PATHS = [
    *("a", "b", "!x", "ab", "a.c", "axc", "a/b", "a/b/c", "b/a", "b/a/b.c", "é", "x{1}", "+"),
    *("c/b", "c/a/b/d", "(b)/x", "a\udcffb", "a b", "#a"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_what_it_ignores_as_a_line(pattern: str) -> None:
    entries = [Entry(path, Kind.FILE, 1, 1, Verdict(False)) for path in PATHS]
    groups = _matching([pattern], entries)[pattern]
    spec = DockerIgnoreSpec.from_lines([pattern])
    ignored = [path for path in PATHS if spec.match_file(path)]
    assert sum(each.files for each in groups.values()) == len(ignored)
    assert [path for each in groups.values() for path in each.paths] == ignored[:5]


def test_a_pattern_that_is_required_and_forbidden_counts_each_file_once(tmp_path: Path) -> None:
    (one,) = found(tmp_path, "", Budget(require=("src",), forbid=("src",)))
    assert (one.code, one.files) == ("CTX410", 2)


TRANSFERS = [
    (Budget(require=("package.json", "src/**"), forbid=("docs", "api"), of="transfer"), []),
    (Budget(require=("docs",), of="transfer"), ["no instruction of the Dockerfile takes"]),
    (Budget(require=("docs",)), ["no instruction of the Dockerfile takes"]),
    (Budget(require=("docs",), of="context"), []),
    (Budget(forbid=("src/sub",), of="transfer"), ["no line of"]),
    (Budget(require=("gone",), of="transfer"), ["no such file exists"]),
]


@pytest.mark.parametrize(("budget", "reasons"), TRANSFERS)
def test_of_a_transfer_it_is_what_the_dockerfile_takes(
    budget: Budget, reasons: list[str], tmp_path: Path
) -> None:
    findings = found(tmp_path, "", budget)
    assert len(findings) == len(reasons)
    assert all(why in one.message for one, why in zip(findings, reasons, strict=True))


def test_a_required_file_that_arrives_empty_is_missing(tmp_path: Path) -> None:
    # The walk sends `docs/x.md`, and then Docker refuses to open it, due to the last line.
    budget = Budget(of="context", require=("docs",))
    findings = found(tmp_path, "docs\n!docs/x.md\n**/docs\n", budget)
    assert [each.message.partition(", but ")[2] for each in findings] == [
        "`docs/x.md` arrives without content"
    ]
