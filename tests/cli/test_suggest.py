"""`ctxsize suggest` as it is typed: what it prints, what it writes, and how it exits."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ctxsize.units import parse_size
from tests.cli.conftest import Cli
from tests.recommender.projects import PROJECTS, TAG
from tests.recommender.test_suggest import plant, repository
from tests.trees import COPY_ALL, Node, build_tree, file

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
CARGO = b"FROM rust AS build\nCOPY . .\nRUN cargo build\n"


@pytest.fixture
def rust(tmp_path: Path) -> Path:
    return plant(tmp_path / "ctx", PROJECTS["rust"])


def test_plain_suggest_writes_nothing(cli: Cli, rust: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in rust.rglob("*")}
    result = cli("suggest", cwd=rust)
    assert result.code == 0
    assert "**/target" in result.out
    assert "Cargo's build output" in result.out
    assert "Next: ctxsize suggest --write" in result.out
    assert {path: path.stat().st_mtime_ns for path in rust.rglob("*")} == before


def test_write_then_nothing(cli: Cli, rust: Path) -> None:
    first = cli("suggest", "--write", cwd=rust)
    assert (first.code, first.err) == (0, "ctxsize: note: wrote .dockerignore\n")
    assert "Ignored with 7 patterns: 5.1 MB of 5.1 MB in 14 files" in first.out
    second = cli("suggest", "--write", cwd=rust)
    assert second.code == 0
    assert second.out.startswith("Nothing safe to add")
    assert second.err == ""


def test_check_exits_1_until_the_rules_are_written(cli: Cli, rust: Path) -> None:
    assert cli("suggest", "--check", cwd=rust).code == 1
    assert cli("suggest", "--write", cwd=rust).code == 0
    assert cli("suggest", "--check", cwd=rust).code == 0


def settings(size_bytes: int) -> Node:
    """A file that is safe to ignore."""
    return file(".vscode/settings.json", size_bytes=size_bytes)


VIDEO = file("video.mp4", size_bytes=900_000_000)
COMMENTS = file(".dockerignore", b"#" * 20_000)
MUCH: dict[str, tuple[list[str | Node], int]] = {
    "1 % of the context": ([file("main.go", size_bytes=9_900), settings(101)], 1),
    "less than 1 % of the context": ([file("main.go", size_bytes=9_900), settings(99)], 0),
    "1 MB of a large context": ([VIDEO, settings(1_000_000)], 1),
    "less than 1 MB of it": ([VIDEO, settings(999_999)], 0),
    "a secret": ([VIDEO, file("a.pem", KEY)], 1),
    "what only builders read": (["a", COMMENTS], 0),
    "what needs a confirmation": (["a", "mkdocs.yml", file("docs/x.md", size_bytes=900_000)], 0),
    "nothing": (["a"], 0),
}
"""Nodes beside a Dockerfile, and the exit code of `suggest --check`."""


@pytest.mark.parametrize("case", MUCH)
def test_check_fails_for_what_matters(cli: Cli, tmp_path: Path, case: str) -> None:
    nodes, code = MUCH[case]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", COPY_ALL), *nodes])
    result = cli("suggest", "--check", cwd=root)
    assert result.code == code, result.out


def test_files_of_builders_come_last(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL + b"#" * 9_000), file(".vscode/settings.json", b"{}")]
    root = build_tree(tmp_path / "ctx", nodes)
    lines = cli("suggest", cwd=root).lines
    assert [line.split()[3] for line in lines[-2:]] == ["**/.vscode", "Dockerfile"]
    suggestions = json.loads(cli("suggest", "--json", cwd=root).out)["suggestions"]
    assert [each["patterns"] for each in suggestions][:2] == [["**/.vscode"], ["Dockerfile"]]


UPLOADS = ["cloudbuild.yaml", "cloudbuild-dev.yml", "fly.toml", ".bedrock_agentcore.yaml"]


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_needs_the_files_of_builders(cli: Cli, tmp_path: Path, name: str) -> None:
    nodes = [file("Dockerfile", COPY_ALL), file(".dockerignore", b"a\n"), name]
    root = build_tree(tmp_path / "ctx", nodes)
    result = cli("suggest", cwd=root)
    assert result.lines[0] == "Nothing safe to add"
    told = " ".join(cli("suggest", "--explain", "all", cwd=root).out.split())
    for path in ("Dockerfile", ".dockerignore"):
        assert f"{path} Not suggested, for uploaded: the upload of {name} needs it" in told


DUMPS = {
    "dump.sql": "a dump",
    "shop.sql.gz": "a dump",
    "core.12345": "a dump",
    "db.dump": "a dump",
    "backup.tar.gz": "an archive",
    "all.zip": "an archive",
}


def test_an_archive_at_the_top_is_shown_with_its_size(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL), "main.py", file("db/kept.sql", size_bytes=300_000)]
    nodes += [file("seed.sql", size_bytes=300_000)]
    root = build_tree(tmp_path / "ctx", nodes)
    repository(root, "Dockerfile", "main.py", "seed.sql")
    for number, name in enumerate(DUMPS):
        (root / name).write_bytes(bytes(400_000 + 1_000 * number))
    result = cli("suggest", cwd=root)
    title = "Needs your confirmation: --unsafe, or --only PATTERN"
    shown = result.lines[result.lines.index(title) + 2 :]
    assert [line.split()[:4] for line in shown] == [
        [f"{400 + number}.0", "kB", "1", name] for number, name in reversed([*enumerate(DUMPS)])
    ]
    full = " ".join(cli("suggest", "-v", cwd=root).out.split())
    assert "git does not track it, so CI builds without it" in full
    (root / "Dockerfile").write_bytes(COPY_ALL + b"COPY all.zip /\n")
    assert "all.zip" not in cli("suggest", cwd=root).out


def test_diff_shows_the_lines_and_writes_nothing(cli: Cli, rust: Path) -> None:
    result = cli("suggest", "--diff", cwd=rust)
    assert result.code == 0
    assert result.lines[:2] == ["--- /dev/null", "+++ .dockerignore"]
    assert "+**/target" in result.lines
    assert not (rust / ".dockerignore").exists()


def test_only_names_what_is_to_be_added(cli: Cli, rust: Path) -> None:
    assert cli("suggest", "--write", "--only", "rust.target", cwd=rust).code == 0
    lines = (rust / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["**/target"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "rust.nothing"], "no suggestion has the name 'rust.nothing'"),
        (["--only", "go.bin"], "ctxsize suggest --explain says what is not suggested"),
        (["--explain", "rust.targe"], "docs/ecosystems.md lists them"),
        (["--write", "--check"], "--write cannot be combined with --diff or --check"),
        (["nowhere"], "nowhere: cannot read the context"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    arguments: list[str], said: str, cli: Cli, rust: Path
) -> None:
    result = cli("suggest", *arguments, cwd=rust)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_explain_says_what_blocked_a_rule(cli: Cli, tmp_path: Path) -> None:
    text = CARGO + b"FROM scratch\nCOPY target/release/app /app\n"
    root = build_tree(
        tmp_path / "ctx", [file("Dockerfile", text), "Cargo.toml", "target/release/app"]
    )
    result = cli("suggest", "--explain", "rust.target", cwd=root)
    reason = "Not suggested, for copied_by_name: COPY target/release/app (Dockerfile:5)"
    assert reason in " ".join(result.out.split())
    everything = cli("suggest", "--explain", "all", cwd=root)
    assert "rust.target; evidence: Cargo.toml beside it" in everything.out
    nothing = cli("suggest", "--explain", "go.bin", cwd=root)
    assert "nothing that is sent has this name with its evidence" in nothing.out


def test_json_has_what_programs_need(cli: Cli, rust: Path) -> None:
    shape = json.loads(cli("suggest", "--format", "json", cwd=rust).out)
    first = shape["suggestions"][0]
    assert (first["rule"], first["patterns"], first["safe"]) == ("rust.target", ["**/target"], True)
    assert shape["saving"]["content_bytes"] == (
        shape["before"]["transfer"]["content_bytes"] - shape["after"]["transfer"]["content_bytes"]
    )


def test_names_are_no_terminal_codes(cli: Cli, tmp_path: Path) -> None:
    odd = "ev\x1b[31mil\n"
    nodes = ["Cargo.toml", f"{odd}/Cargo.toml", f"{odd}/target/x", "target/source.c"]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", CARGO), *nodes])
    result = cli("suggest", "--unsafe", cwd=root)
    assert result.code == 0
    assert "\x1b" not in result.out


def test_a_name_that_no_pattern_matches_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    nodes = ["b/target/source.c", f"{odd}/Cargo.toml", f"{odd}/target/x"]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", CARGO), *nodes])
    assert cli("suggest", "--write", cwd=root).code == 0
    assert (root / odd / "target/x").exists()


def test_a_directory_in_the_way(cli: Cli, rust: Path) -> None:
    (rust / ".dockerignore").mkdir()
    result = cli("suggest", "--write", cwd=rust)
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_what_this_build_leaves_behind_anyway(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY target/app /app\n"
    nodes = ["Cargo.toml", "target/app", file("target/debug/x", size_bytes=3_000_000)]
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", text), *nodes])
    evidence = " ".join(cli("suggest", "-v", cwd=root).out.split())
    assert "rust.target: Cargo's build output: it grows" in evidence
    assert "Not transferred by this build" in evidence
    result = cli("suggest", "--write", cwd=root)
    assert "(3.0 MB) 1 target !target/app Cargo's build output" in " ".join(result.out.split())
    assert "(in brackets: not transferred by this build)" in result.out


PLATFORMS = b"FROM node\nARG TARGETARCH\nCOPY src-$TARGETARCH /src\nRUN cd /src && npm ci\n"


@pytest.mark.parametrize("first", ["amd64", "arm64"])
def test_sizes_are_those_of_all_platforms(cli: Cli, tmp_path: Path, first: str) -> None:
    where = build_tree(
        tmp_path / "ctx",
        [
            file("Dockerfile", PLATFORMS),
            file("src-amd64/a.rs", b"a" * 300),
            file("src-arm64/a.rs", b"a" * 500),
            file("src-arm64/node_modules/x/index.js", size_bytes=2_000_000),
            file("src-arm64/package.json", b"{}"),
            file("src-arm64/package-lock.json", b"{}"),
        ],
    )
    both = [first, *{"amd64", "arm64"} - {first}]
    options = ["--format", "json", "--platform", ",".join(f"linux/{each}" for each in both)]
    told = json.loads(cli("suggest", *options, cwd=where).out)
    measured = json.loads(cli("measure", *options, cwd=where).out)
    transfers = [measured["transfer"], *measured["more_transfers"]]
    assert len(transfers) == 2
    assert told["before"]["transfer"]["content_bytes"] == 2_000_804
    assert sum(each["content_bytes"] for each in transfers) == 2_000_804
    assert told["after"]["transfer"]["content_bytes"] == 804
    written = json.loads(cli("suggest", "--write", *options, cwd=where).out)
    assert written["after"]["transfer"]["content_bytes"] == 804


SUPPRESSED = """[[suppress]]
code = "CTX511"
path = "app/own.pem"
reason = "a key for tests"
"""


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ("", ["CTX501", "CTX511", "CTX511"]),
        (SUPPRESSED, ["CTX501", "CTX511"]),
        (
            SUPPRESSED.replace("own.pem", "other.pem"),
            ["CTX501", "CTX511", "CTX511"],
        ),
        ('ignore = ["CTX511"]', ["CTX501"]),
        ('select = ["CTX511"]', ["CTX511", "CTX511"]),
        ('ignore = ["CTX5"]', []),
    ],
)
def test_the_configuration_accepts_findings(
    cli: Cli, tmp_path: Path, config: str, left: list[str]
) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
    root = build_tree(
        tmp_path / "repository",
        [
            file("ctxsize.toml", config.encode()),
            file("app/Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n"),
            file("app/.dockerignore", b"Dockerfile\n.dockerignore\n"),
            *(file("app/own.pem", key), file("app/next.pem", key)),
            *("app/Cargo.toml", "app/target/x", "app/src/main.rs"),
        ],
    )
    result = cli("suggest", "--check", "--format", "json", "app", cwd=root)
    told = json.loads(result.out)
    assert sorted(each["code"] for each in told["findings"]) == left
    assert result.code == 1
    assert any("**/target" in each["patterns"] for each in told["suggestions"])


def test_a_broken_configuration_is_told_and_accepts_nothing(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [file("ctxsize.toml", b"ignore = ["), "Cargo.toml"])
    result = cli("suggest", ".", "--format", "json", cwd=root)
    assert result.code == 0
    (problem,) = json.loads(result.out)["problems"]
    assert problem["code"] == "config"
    assert "ctxsize.toml" in problem["message"]


def test_nothing_travels_to_podman(cli: Cli, rust: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("target\n")
    for options in ([], ["--like", "../other"], ["--write"]):
        result = cli("suggest", "--builder", "podman", *options, cwd=rust)
        assert "  Context " in result.out
        assert "  Transfer " not in result.out


def test_a_suggestion_is_one_line_and_its_evidence_is_behind_v(cli: Cli, rust: Path) -> None:
    result = cli("suggest", cwd=rust)
    rows = result.lines[result.lines.index("Safe to add") + 2 :]
    assert [row.split()[:4] for row in rows[:2]] == [
        ["3.0", "MB", "2", "**/target"],
        ["2.0", "MB", "3", ".cargo-shared-target"],
    ]
    assert rows[0].endswith("**/target             Cargo's build output")
    assert max(map(len, result.lines)) <= 80
    assert "Evidence" not in result.out
    full = cli("suggest", "-v", cwd=rust).out
    assert result.lines == full.splitlines()[: len(result.lines)]
    assert "Evidence: target: a valid CACHEDIR.TAG in it" in full
    markdown = cli("suggest", "--format", "markdown", cwd=rust).out
    assert "<summary>Evidence</summary>" in markdown
    assert "| `**/target`" in markdown
    assert "Cargo's build output |" in re.sub(" +", " ", markdown)


def test_an_ignore_file_yet_to_be_made_has_no_size(cli: Cli, rust: Path, tmp_path: Path) -> None:
    result = cli("suggest", cwd=rust)
    assert "104 B      1  Dockerfile            a file that only builders" in result.out
    assert " 0 B " not in result.out
    assert ".dockerignore" in cli("suggest", "-q", cwd=rust).lines
    alone = build_tree(tmp_path / "alone", ["Cargo.toml", file("target/x", size_bytes=900)])
    result = cli("suggest", "--unsafe", cwd=alone)
    assert not any(line.split()[-1:] == [".dockerignore"] for line in result.lines)


SMALL: list[str | Node] = [
    file("Dockerfile", CARGO),
    *("Cargo.toml", "src/main.rs", "src/main.rs.bk", "docs/index.md", ".github/workflows/a.yml"),
    *(".idea/workspace.xml", ".vscode/settings.json", ".circleci/config.yml", ".eslintcache"),
    file("target/CACHEDIR.TAG", TAG),
    file("target/debug/x", size_bytes=40_000_000),
    file(".npmrc", b"//r.example.org/:_authToken=x\n"),
]


def test_few_trifles_are_shown_and_every_secret(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", SMALL)
    short, full = cli("suggest", cwd=root).lines, cli("suggest", "-v", cwd=root).lines
    at = short.index("Safe to add")
    assert short[at + 2].split()[:4] == ["40.0", "MB", "2", "**/target"]
    (rest,) = (line for line in short if "small ones" in line)
    found = re.fullmatch(r"  and (\d+) more small ones, \d+ B: -v", rest)
    assert found
    every = full[full.index("Safe to add") + 2 : full.index("Evidence") - 1]
    assert len(every) == int(found[1]) + short.index(rest) - at - 2
    assert any(" .npmrc " in line for line in short)
    assert " Dockerfile " in every[-1]  # a file of builders, whatever its size
    rows = [re.findall(r"[\d.]+ [kM]?B", line)[0] for line in every[:-1]]
    assert rows == sorted(rows, key=parse_size, reverse=True)


def test_the_doubt_stands_beside_what_is_unsafe(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL), "mkdocs.yml", file("docs/x.md", size_bytes=900_000)]
    root = build_tree(tmp_path / "ctx", nodes)
    result = cli("suggest", cwd=root)
    at = result.lines.index("Needs your confirmation: --unsafe, or --only PATTERN")
    assert result.lines[at + 1].split() == ["size", "files", "pattern", "doubt"]
    assert result.lines[at + 2].endswith("docs     mkdocs.yml builds a web site from it")
    assert cli("suggest", "--only", "docs", "-q", cwd=root).out == "docs\n"


def test_a_shown_pattern_can_be_chosen(cli: Cli, rust: Path) -> None:
    assert cli("suggest", "--only", "**/target", "-q", cwd=rust).out == "**/target\n"
    assert cli("suggest", "--only", "**/absent", cwd=rust).code == 2


def test_no_name_of_many_patterns_is_cut(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL), "go.mod", "main.go"]
    nodes += [
        file(f"c{n}/a_long_name_of_a_directory_{n}/pyvenv.cfg", b"home = /usr\n") for n in range(40)
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    for line in cli("suggest", "--unsafe", cwd=root, columns=100).lines:
        assert "…" not in line or "…/" in line, line


def test_secrets_that_the_patterns_ignore_are_counted(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL), *(file(f"{n}/id_rsa", KEY) for n in range(60))]
    root = build_tree(tmp_path / "ctx", nodes)
    short, full = cli("suggest", cwd=root).lines, cli("suggest", "-v", cwd=root).lines
    assert "  60 secrets, all ignored by these patterns" in short
    assert not any("a secret is in the context" in line for line in short)
    assert sum("a secret is in the context" in line for line in full) == 60
    other = cli("suggest", "--only", "Dockerfile", cwd=root).lines
    assert sum(line.startswith("  ! a secret is in the context: ") for line in other) == 4


def test_what_git_ignores_is_named_with_the_command(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", COPY_ALL), file(".gitignore", b"*.bin\nout/\n"), "a.bin"]
    root = build_tree(tmp_path / "ctx", [*nodes, file("out/x", size_bytes=5_000)])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    text = " ".join(cli("suggest", cwd=root).out.split())
    assert "5.0 kB in 2 files that git ignores would be sent; the largest is out: " in text
    assert "out: ctxsize suggest --from-gitignore" in text
    written = cli("suggest", "--from-gitignore", "--write", cwd=root)
    assert written.code == 0
    assert "that git ignores" not in cli("suggest", cwd=root).out


def test_quiet_prints_the_patterns_as_they_are_written(cli: Cli, rust: Path) -> None:
    quiet = cli("suggest", "-q", cwd=rust)
    assert cli("suggest", "--write", cwd=rust).code == 0
    lines = (rust / ".dockerignore").read_text().splitlines()
    assert sorted(quiet.lines) == sorted(each for each in lines if each[:1] not in ("", "#"))
    assert cli("suggest", "-q", cwd=rust).out == ""


def test_the_head_names_no_sum_of_which_nothing_is_sent(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        file("Dockerfile", b"FROM x AS b\nFROM node\nCOPY --from=b /x /x\n"),
        file("Dockerfile.base", COPY_ALL),
        file("Makefile", b"a:\n\tdocker build .\nb:\n\tdocker build -f Dockerfile.base .\n"),
        file(".serena/cache/x.pkl", size_bytes=3_000_000),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    head, *_ = cli("suggest", cwd=root).lines
    assert re.match(
        "Can be ignored with 3 patterns: 0 B, as this build sends nothing of 3.0 MB", head
    )
