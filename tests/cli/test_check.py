"""`ctxsize check`: green in a line, red with reasons, and never a pass by mistake."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.cli.conftest import Cli, unprivileged
from tests.formats.golden import held
from tests.formats.test_schema import closed
from tests.trees import COPY_ALL, build_tree, file

MB = 1_000_000
RUST = [
    file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build --release\n"),
    file("Cargo.toml", b'[package]\nname = "x"\n'),
    file("src/main.rs", b"fn main() {}\n"),
]
GROWN = [
    file("target/debug/x", size_bytes=60 * MB),
    file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n"),
]
REPORTS = ("text", "json", "markdown", "github", "sarif", "junit", "gitlab")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "small", RUST)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "large", [*RUST, *GROWN])


def test_green_is_one_line(cli: Cli, small: Path) -> None:
    result = cli("check", "--max", "50MB", "--max-files", "10", cwd=small)
    assert (result.code, result.err) == (0, "")
    assert result.out == "ok .: 79 B of 50.0 MB, 3 files of 10 files (transfer)\n"


def test_red_is_the_refusal_with_what_helps(cli: Cli, large: Path) -> None:
    result = cli("check", "--max", "50MB", cwd=large)
    assert (result.code, result.err) == (1, "")
    assert len(result.lines) <= 20
    held("check-refused.txt", result.out)


@pytest.mark.parametrize("builder", ["buildkit", "classic", "podman"])
def test_what_is_refused_is_never_fine(cli: Cli, small: Path, builder: str) -> None:
    arguments = ["check", "--max", "10B", "--builder", builder]
    assert cli("measure", "--builder", builder, cwd=small).out.startswith("Fine: 79 B")
    result = cli(*arguments, cwd=small)
    assert (result.code, result.lines[0]) == (1, "Refused: .")
    assert "Fine" not in result.out
    shape = json.loads(cli(*arguments, "--format", "json", cwd=small).out)
    assert shape["checks"][0]["report"]["verdict"]["level"] == "refused"
    assert "🟢" not in cli(*arguments, "--format", "markdown", cwd=small).out
    kept = json.loads(cli("check", "--max", "1MB", "--format", "json", cwd=small).out)
    assert kept["checks"][0]["report"]["verdict"]["level"] == "fine"


@pytest.mark.parametrize("format_name", REPORTS)
def test_every_format_has_the_answer(cli: Cli, large: Path, format_name: str) -> None:
    result = cli("check", "--max", "50MB", "--format", format_name, cwd=large)
    assert (result.code, result.err) == (1, "")
    assert "CTX401" in result.out or format_name == "text"
    if format_name == "json":
        shape = json.loads(result.out)
        jsonschema.validate(shape, schema("check"))
        assert shape["checks"][0]["remedy"]["enough"] is True
        assert (
            shape["checks"][0]["limits"][0]["over"]
            == shape["checks"][0]["limits"][0]["actual"] - 50 * MB
        )


def test_markdown_says_what_text_says(cli: Cli, large: Path) -> None:
    arguments = ["check", "--max", "50MB", "--format", "markdown"]
    held("check-refused.md", cli(*arguments, cwd=large).out)


def test_the_schema_knows_every_key(cli: Cli, small: Path) -> None:
    shape = json.loads(cli("check", "--max", "1GB", "--format", "json", cwd=small).out)
    known = closed(schema("check"))
    jsonschema.validate(shape, known)


def test_exit_zero_says_the_same_and_exits_0(cli: Cli, large: Path) -> None:
    refused = cli("check", "--max", "50MB", cwd=large)
    adopted = cli("check", "--max", "50MB", "--exit-zero", cwd=large)
    assert (adopted.code, adopted.out) == (0, refused.out)
    assert cli("check", "--exit-zero", cwd=large).code == 2


LIMITS = [
    # options, exit code, what is said
    (["--max", "60MB"], 1, "CTX401 the build sends 60.0 MB, 123 B over its budget of 60.0 MB"),
    (["--max", "60000122"], 1, "1 B over its budget"),
    (["--max", "60000123"], 0, ""),
    (["--max", "1GiB"], 0, "ok .: 60.0 MB of 1.1 GB (transfer)"),
    (["--max-files", "4"], 1, "CTX402 the build sends 5 files, 1 file over its budget of 4"),
    (["--max-files", "5"], 0, "5 files of 5 files"),
    (
        ["--min", "1GB"],
        1,
        "CTX403 the build sends 60.0 MB, 940.0 MB under its minimum of 1.0 GB",
    ),
    (["--min-files", "6"], 1, "CTX403 the build sends 5 files, 1 file under its minimum of 6"),
    (["--min", "1kB", "--max", "1GB"], 0, "60.0 MB at least 1.0 kB"),
]


def test_a_size_without_a_unit_must_be_large(cli: Cli, large: Path) -> None:
    said = "--max: 50 has no unit, and 50 bytes would be tiny (write 50B or 50MB)"
    for arguments, env in ((["--max", "50"], {}), ([], {"CTXSIZE_MAX": "50"})):
        result = cli("check", *arguments, cwd=large, env=env)
        assert (result.code, result.out, said in result.err) == (2, "", True)
    assert cli("check", "--max", "0", cwd=large).code == 1


@pytest.mark.parametrize(("options", "code", "said"), LIMITS)
def test_each_limit_decides_the_exit_code(
    cli: Cli, large: Path, options: list[str], code: int, said: str
) -> None:
    result = cli("check", *options, cwd=large)
    assert result.code == code
    assert said in re.sub(r"\n    ", " ", result.out)


def test_a_suggestion_that_adds_bytes_is_no_help(cli: Cli, tmp_path: Path) -> None:
    dockerfile = file("Dockerfile", b"FROM scratch\nCOPY src /\n")
    build_tree(tmp_path, [dockerfile, file(".dockerignore", b"dist\n"), ".env", "src/a"])
    result = cli("check", "--max", "1B", str(tmp_path))
    assert result.code == 1
    assert "over its budget of 1 B" in " ".join(result.out.split())
    assert "saves" not in result.out


def test_of_the_transfer(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM scratch\nCOPY src /\n"), file("src/a", size_bytes=5)]
    context = build_tree(tmp_path / "ctx", [*nodes, file("data", size_bytes=9 * MB)])
    assert cli("check", "--max", "1MB", "--of", "context", cwd=context).code == 1
    for options in ([], ["--of", "transfer"]):
        assert cli("check", "--max", "1MB", *options, cwd=context).code == 0
    refused = cli("check", "--max", "1B", "--of", "transfer", "--format", "github", cwd=context)
    assert refused.out.startswith("::error file=Dockerfile,line=2,title=CTX401 over-budget::")


def test_of_a_transfer_that_nobody_knows(cli: Cli, tmp_path: Path) -> None:
    result = cli(
        "check", "--max", "1MB", "--of", "transfer", ".", cwd=build_tree(tmp_path / "c", ["a"])
    )
    assert (result.code, result.out) == (2, "")
    assert "the transfer is not known" in result.err


ERRORS = [
    ([], ["ctxsize: error: . has no budget (--max 50MB, "]),
    (["--max", "x"], ["--max: not a size: 'x'"]),
    (["--growth", "y"], ["--growth: neither a size"]),
    (["--baseline", "nope.json"], ["nope.json: no such baseline"]),
    (["--baseline", "Cargo.toml"], ["Cargo.toml: is no baseline"]),
    (["--update-baseline"], ["--update-baseline needs a baseline"]),
    (["nope", "--max", "1B"], ["nope: cannot read the context"]),
    (["--max-files", "-1"], ["--max-files"]),
]


@pytest.mark.parametrize(("options", "messages"), ERRORS)
def test_errors_are_exit_2(cli: Cli, small: Path, options: list[str], messages: list[str]) -> None:
    result = cli("check", *options, cwd=small)
    assert (result.code, result.out) == (2, "")
    lines = result.err.splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith("ctxsize: error: ")
        assert message in line


# --- Configuration

CONFIG = """
max-files = 100
[contexts.api]
max = "1kB"
[contexts.web]
path = "front/web"
max = "1kB"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    nodes = [file("api/Dockerfile", COPY_ALL), file("front/web/Dockerfile", COPY_ALL), ".git/HEAD"]
    root = build_tree(tmp_path / "repo", nodes)
    (root / "ctxsize.toml").write_text(CONFIG)
    return root


def test_all_contexts_of_the_configuration(cli: Cli, repository: Path) -> None:
    green = cli("check", cwd=repository)
    assert (green.code, len(green.lines)) == (0, 2)
    build_tree(repository / "front/web", [file("dump", size_bytes=2_000)])
    red = cli("check", cwd=repository)
    assert red.code == 1
    assert red.lines[-2:] == [
        "ok api: 22 B of 1.0 kB, 1 file of 100 files (transfer)",
        "1 of 2 contexts refused: web",
    ]
    assert "Refused: web" in red.out
    # From below, and by its path.
    assert cli("check", cwd=repository / "api").code == 1
    assert cli("check", "front/web", cwd=repository).code == 1
    assert cli("check", "api", cwd=repository).code == 0
    assert cli("check", "web", cwd=repository / "front").code == 1
    # The command line wins.
    assert cli("check", "front/web", "--max", "1MB", cwd=repository).code == 0


def test_named_contexts_and_platforms_of_the_configuration(cli: Cli, repository: Path) -> None:
    (repository / "ctxsize.toml").write_text(
        '[contexts.api]\nmax = "1kB"\nof = "transfer"\nbuild-contexts = { lib = "front" }\n'
        'platforms = ["linux/arm64"]\n'
    )
    (repository / "api/Dockerfile").write_text("FROM scratch\nCOPY --from=lib web /\n")
    shape = json.loads(cli("check", "--format", "json", cwd=repository / "api").out)
    (named,) = shape["checks"][0]["report"]["named_contexts"]
    assert (named["name"], named["value"], named["used"]) == ("lib", "../front", True)


def test_wildcards_name_each_context(cli: Cli, repository: Path) -> None:
    (repository / "ctxsize.toml").write_text('[contexts."*"]\nmax = "1kB"\n')
    result = cli("check", cwd=repository)
    names = [line.partition(":")[0] for line in result.lines if line.startswith("ok ")]
    # front itself has no Dockerfile, front/web has one.
    assert (result.code, names) == (1, ["ok api"])
    assert result.lines[0] == "Refused: front"


def test_every_mistake_of_the_configuration_is_told(cli: Cli, repository: Path) -> None:
    (repository / "ctxsize.toml").write_text("maxx = 1\n[contexts.a]\nof = 3\n")
    result = cli("check", cwd=repository)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 2)
    (repository / "ctxsize.toml").write_text(
        '[contexts.gone]\nmax = "1B"\n[contexts."x*"]\nmax = "1B"\n[contexts.api]\n'
    )
    result = cli("check", cwd=repository)
    assert (result.code, result.out) == (2, "")
    messages = ("no directory 'gone' in", "no directory 'x*' in", "api has no budget (--max 50MB")
    for line, message in zip(result.err.splitlines(), messages, strict=True):
        assert message in line


# --- Ratchet


def test_growth_is_refused_until_it_is_accepted(cli: Cli, small: Path) -> None:
    baseline = ["check", "--baseline", "b.json"]
    wrote = cli(*baseline, "--update-baseline", cwd=small)
    assert (wrote.code, wrote.err) == (0, "ctxsize: note: wrote b.json\n")
    # It is a part of the context itself, and true of itself.
    assert cli(*baseline, "--growth", "0%", cwd=small).code == 0
    build_tree(small, [file("dump.bin", size_bytes=5 * MB)])
    red = cli(*baseline, cwd=small)
    assert red.code == 1
    assert "CTX404 the transfer grew by 5.0 MB since the baseline" in red.out
    grown = red.out.partition("Grown since the baseline")[2]
    assert re.search(r"\+5\.0 MB +added +dump\.bin", grown)
    assert "--update-baseline" in red.out
    assert cli(*baseline, "--growth", "6MB", cwd=small).code == 0
    assert cli(*baseline, "--update-baseline", cwd=small).code == 0
    assert cli(*baseline, cwd=small).code == 0


@pytest.mark.parametrize(
    ("full", "count", "rows"),
    [*(((), 3, 3), ((), 8, 2)), *((("-v",), *each) for each in ((5, 5), (6, 6), (7, 7), (8, 5)))],
)
def test_one_or_two_more_that_grew_are_shown(
    cli: Cli, small: Path, full: tuple[str, ...], count: int, rows: int
) -> None:
    """If they fit into the 20 lines."""
    assert cli("check", "--baseline", "b.json", "--update-baseline", cwd=small).code == 0
    build_tree(small, [file(f"dump{at}", size_bytes=5 * MB + at) for at in range(count)])
    red = cli("check", "--baseline", "b.json", *full, cwd=small)
    grown = red.out.partition("Grown since the baseline")[2].partition("\n\n")[0]
    assert len(re.findall(r"\+5\.0 MB", grown)) == rows
    assert (f"and {count - rows} more paths" in grown) == (rows < count)
    assert full or len(red.lines) <= 20


def test_a_baseline_that_could_shrink_is_told(cli: Cli, large: Path) -> None:
    baseline = ["check", "--baseline", "../b.json"]
    cli(*baseline, "--update-baseline", cwd=large)
    (large / "target/debug/x").write_bytes(b"")
    result = cli(*baseline, cwd=large)
    assert result.code == 0
    assert "its baseline of 60.0 MB can be lowered to 123 B" in result.out
    lost = cli(*baseline, "--shrink", "50%", cwd=large)
    assert lost.code == 1
    assert "CTX405 the transfer shrank by 60.0 MB since the baseline" in lost.out


def test_a_context_that_is_not_recorded_does_not_pass(cli: Cli, repository: Path) -> None:
    cli("check", "api", "--baseline", "b.json", "--update-baseline", cwd=repository)
    result = cli("check", "--baseline", "b.json", cwd=repository)
    assert result.code == 1
    assert "CTX407 web is not in the baseline" in result.out
    assert "\nFix: add --update-baseline\n" in result.out
    # The others stay as they are when one is recorded.
    cli("check", "front/web", "--baseline", "b.json", "--update-baseline", cwd=repository)
    assert set(json.loads((repository / "b.json").read_text())["contexts"]) == {"api", "web"}


def test_a_baseline_of_another_builder_is_an_error(cli: Cli, small: Path) -> None:
    cli("check", "--baseline", "../b.json", "--update-baseline", cwd=small)
    result = cli("check", "--baseline", "../b.json", "--builder", "classic", cwd=small)
    assert (result.code, result.out) == (2, "")
    assert "was recorded for buildkit, not for classic" in result.err


def test_a_corrupt_baseline_is_never_overwritten_nor_passed(cli: Cli, small: Path) -> None:
    (small / "b.json").write_text("<<<<<<< HEAD\n")
    for more in ([], ["--update-baseline"], ["--exit-zero"]):
        result = cli("check", "--baseline", "b.json", *more, cwd=small)
        assert (result.code, result.out) == (2, "")
    assert (small / "b.json").read_text() == "<<<<<<< HEAD\n"


def test_an_unreadable_tree_is_exit_2_with_what_docker_says(
    cli: Cli, readable_by_all: Path
) -> None:
    context = build_tree(readable_by_all / "ctx", ["a/b", file("Dockerfile", COPY_ALL)])
    (context / "a").chmod(0)
    with unprivileged():
        result = cli("check", "--max", "1GB", cwd=context)
    (context / "a").chmod(0o755)
    assert (result.code, result.out) == (2, "")
    assert "BuildKit stops" in result.err


def test_every_build_of_a_repository(cli: Cli, tmp_path: Path) -> None:
    compose = (
        b"services:\n  api:\n    build: api\n  test:\n    build: {context: api, target: test}\n"
    )
    dockerfile = b"FROM scratch AS app\nCOPY . /\nFROM app AS test\nFROM app\n"
    nodes = [
        file("compose.yaml", compose),
        file("api/Dockerfile", dockerfile),
        file("api/x", size_bytes=3 * MB),
        *(file(f"web/{each.path}", each.content) for each in RUST),
        file("ctxsize.toml", b'max = "1MB"\n[contexts.web]\nmax = "40B"\n'),
    ]
    root = build_tree(tmp_path / "repository", nodes)
    result = cli("check", "--all", "--format", "json", cwd=root)
    checks = {each["name"]: each for each in json.loads(result.out)["checks"]}
    assert result.code == 1
    assert {name: each["passes"] for name, each in checks.items()} == {
        "api": False,
        "api test": False,
        "web": False,
    }
    assert checks["web"]["limits"][0]["allowed"] == 40
    assert cli("check", "--all", "--max", "4MB", cwd=root).code == 0
    assert cli("check", "--all", str(root / "web"), cwd=tmp_path).code == 1


def test_a_repository_without_builds_is_no_pass(cli: Cli, tmp_path: Path) -> None:
    result = cli("check", "--all", "--max", "1MB", cwd=build_tree(tmp_path / "none", ["a"]))
    assert (result.code, result.out) == (2, "")
    assert "no build was found" in result.err
    (tmp_path / "none" / "compose.yaml").write_text("services: [")
    (tmp_path / "none" / "Dockerfile").write_text("FROM scratch\n")
    result = cli("check", "--all", "--max", "1MB", cwd=tmp_path / "none")
    assert result.code == 0
    assert "warning: compose.yaml:1: this file was skipped" in result.err


def test_options_of_one_build_are_not_for_all(cli: Cli, small: Path) -> None:
    for option in (["--target", "x"], ["-f", "Dockerfile"], ["--platform", "linux/arm64"]):
        result = cli("check", "--all", "--max", "1MB", *option, cwd=small)
        assert result.code == 2
        assert "--all" in result.err


def test_many_refusals_are_lines(cli: Cli, tmp_path: Path) -> None:
    """From the fourth one on, and not wider than the terminal."""
    nodes = [file(f"s{n:02}{'x' * 50}/Dockerfile", COPY_ALL) for n in range(15)]
    build_tree(tmp_path, nodes)
    brief = cli("check", "--all", "--max", "1B", cwd=tmp_path)
    assert sum(each.startswith("Refused: ") for each in brief.lines) == 3
    assert sum(each.startswith("Refused s") for each in brief.lines) == 10
    assert f"Refused s03{'x' * 50}: 22 B of 1 B" in brief.lines
    assert "  and 2 more: -v" in brief.lines
    assert [each for each in brief.lines if len(each) > 80 and not each.startswith("Fix")] == []
    full = cli("check", "--all", "--max", "1B", "-v", cwd=tmp_path)
    assert sum(each.startswith("Refused: ") for each in full.lines) == 15
    passing = cli("check", "--all", "--max", "1MB", "--max-files", "9", cwd=tmp_path)
    assert (passing.code, max(map(len, passing.lines)) <= 80) == (0, True)


def test_what_to_ignore_by_hand_is_what_the_remedy_leaves(cli: Cli, tmp_path: Path) -> None:
    long = f"data/{'x' * 40}/y"
    nodes = [*RUST, file("target/x", size_bytes=60 * MB), file(f"{long}/z", size_bytes=40 * MB)]
    out = cli("check", "--max", "1MB", cwd=build_tree(tmp_path / "ctx", nodes)).out
    assert "which is not enough" in out
    assert f"if the build does not need {long}/z," in " ".join(out.split())


ASSERTED = [*RUST, file(".dockerignore", b"src\n"), file(".env", b"A=b\n")]
ASSERTIONS = ["--require", "src/**", "--require", "Cargo.toml", "--forbid", "**/.env"]


def test_broken_assertions_refuse_and_say_what_helps(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path, ASSERTED)
    result = cli("check", *ASSERTIONS, cwd=context)
    assert (result.code, result.err) == (1, "")
    assert result.lines == [
        "Refused: .",
        "  CTX409 `src/**` is required, but line 1 of .dockerignore (`src`) ignores",
        "    `src/main.rs`",
        "  CTX410 `**/.env` is forbidden, but no line of .dockerignore ignores `.env`",
        "",
        "Fix: add an exception below line 1 of .dockerignore, or change it",
        "Fix: add `**/.env` at the end of .dockerignore",
    ]
    (context / ".dockerignore").write_text("**/.env\n")
    kept = cli("check", *ASSERTIONS, cwd=context)
    assert (kept.code, kept.out) == (0, "ok .: 3 assertions\n")


@pytest.mark.parametrize("format_name", REPORTS)
def test_every_format_has_the_assertions(cli: Cli, tmp_path: Path, format_name: str) -> None:
    context = build_tree(tmp_path, ASSERTED)
    result = cli("check", *ASSERTIONS, "--format", format_name, cwd=context)
    assert (result.code, result.err) == (1, "")
    assert result.out.count("CTX409") >= 1 <= result.out.count("CTX410")
    if format_name == "json":
        shape = json.loads(result.out)
        jsonschema.validate(shape, closed(schema("check")))
        (one,) = shape["checks"]
        assert (one["assertions"], one["limits"], one["policy"]) == (3, [], False)


def test_a_wrong_pattern_of_an_option_is_an_error(cli: Cli, small: Path) -> None:
    result = cli("check", "--forbid", "!a", cwd=small)
    assert (result.code, result.out) == (2, "")
    assert "--forbid: '!a': it begins with ! (" in result.err


def test_names_that_terminals_obey_are_made_visible(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path, [*RUST, file("a\x1b[31m\n.env", b"x")])
    for name in REPORTS:
        result = cli("check", "--forbid", "*.env", "--format", name, cwd=context)
        assert result.code == 1
        assert "\x1b[31m" not in result.out


def test_a_policy_holds_every_build_that_is_found(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('forbid = ["**/.env"]\n')
    context = build_tree(tmp_path / "repository", [*RUST, "api/.env", "web/x"])
    for name in ("api", "web"):
        (context / name / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (context / "ctxsize.toml").write_text('[contexts.web]\nmax = "1MB"\n')
    options, names = ("--policy", "../policy.toml"), ["web", "web (policy)"]
    assert cli("check", cwd=context).code == 0
    result = cli("check", *options, cwd=context)
    assert result.code == 1
    assert result.lines[0] == "Refused: . (policy)"
    assert "Refused: api (policy)" in result.lines
    assert "ok web (policy): 1 assertion" in result.lines
    by_variable = cli("check", cwd=context, env={"CTXSIZE_POLICY": "../policy.toml"})
    assert (by_variable.code, by_variable.out) == (1, result.out)
    shape = json.loads(cli("check", *options, "web", "--json", cwd=context).out)
    jsonschema.validate(shape, closed(schema("check")))
    assert [each["name"] for each in shape["checks"]] == names
    (context / "before.json").write_text(json.dumps(shape))
    assert "(policy)" not in cli("diff", "before.json", "before.json", cwd=context).out


@pytest.mark.parametrize("options", [[], ["--platform", "linux/amd64"], ["--all"]])
def test_a_policy_asks_the_builder_that_runs(cli: Cli, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "policy.toml").write_text('forbid = ["**/.env"]\n')
    nodes = [*("web/.env", ".git/HEAD"), file("web/Dockerfile", b"FROM scratch\nCOPY . /\n")]
    nodes += [file("web/.dockerignore", b"*\n"), file("web/.containerignore", b"\n")]
    context = build_tree(tmp_path / "c", [*nodes, file("build.sh", b"podman build web\n")])
    options = ["--policy", "../policy.toml", *options]
    result = cli("check", *options, cwd=context)
    assert "Refused: web (policy)" in result.lines
    result = cli("check", *options, "--builder", "buildkit", cwd=context)
    assert "ok web (policy): 1 assertion" in result.lines


def test_a_policy_does_not_pass_by_what_is_not_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('max = "1MB"\n')
    dockerfile = file("Dockerfile", b"FROM scratch\n")
    context = build_tree(tmp_path / "c", [dockerfile, file("compose.yaml", b"services: [\n")])
    result = cli("check", "--policy", "../policy.toml", cwd=context)
    assert (result.code, result.out) == (2, "")
    assert "ctxsize: error: compose.yaml:" in result.err
    assert cli("check", ".", "--policy", "../policy.toml", cwd=context).code == 0
    (context / "compose.yaml").unlink()
    (context / "build.sh").write_text("docker build -f Dockerfile $CONTEXT\n")
    result = cli("check", "--policy", "../policy.toml", cwd=context)
    assert result.code == 0
    assert "build.sh:1 (command) builds it with a context that is not known" in result.err
    assert cli("check", cwd=context, env={"CTXSIZE_POLICY": ""}).code == 2


def test_what_the_builder_always_sends_is_not_to_be_ignored(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path, [file("Dockerfile", b"FROM scratch\n"), ".dockerignore"])
    (context / ".dockerignore").write_text("*\n")
    result = cli("check", ".", "--builder", "classic", "--forbid", "Dockerfile", cwd=context)
    assert "Fix: drop the pattern, or use the builder buildkit" in result.lines


def test_an_error_quotes_no_policy(cli: Cli, small: Path) -> None:
    (small / "policy").write_text("root:hunter2:19000:0:99999:7:::\n")
    result = cli("check", "--policy", "policy", cwd=small)
    assert (result.code, result.out) == (2, "")
    assert result.err == "ctxsize: error: policy:1: is not TOML\n"


ELSEWHERE = [
    ("node_modules/x", {}),
    ("bower_components/x", {}),
    ("vendor/x", {"vendor/modules.txt": "# x\n"}),
    ("ignored/x", {".gitignore": "ignored\n"}),
    ("cache/x", {"cache/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"}),
    ("environment/x", {"environment/pyvenv.cfg": "home = /usr\n"}),
]


@pytest.mark.parametrize(("place", "more"), ELSEWHERE)
@pytest.mark.parametrize("options", [[], ["--all"], ["--builder", "podman"]])
def test_a_policy_holds_where_scan_does_not_look(
    place: str, more: dict[str, str], options: list[str], cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text('forbid = ["**/.env"]\n')
    nodes = [file(name, text.encode()) for name, text in more.items()]
    nodes += [file("Dockerfile", b"FROM scratch\n"), file(f"{place}/.env", b"x")]
    nodes += [file(f"{place}/Dockerfile", b"FROM scratch\nCOPY . /\n")]
    root = build_tree(tmp_path / "r", nodes)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".dockerignore").write_text("*\n")
    assert place not in cli("scan", cwd=root).out
    result = cli("check", *options, "--policy", "../policy.toml", cwd=root)
    assert result.code == 1
    assert f"Refused: {place} (policy)" in result.lines
    assert cli("check", "--all", "--max", "1MB", cwd=root).code == 0
