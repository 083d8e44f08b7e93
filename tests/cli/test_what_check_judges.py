"""`check` judges what a build sends, in the size that every other command shows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ctxsize.recommender.advisor import Advisor
from tests.cli.conftest import Cli
from tests.trees import build_tree, file, link

MB = 1_000_000
TWO_BUILDS = b"services:\n" + b"".join(
    b"  %s: {build: {context: ., dockerfile: %s/Dockerfile}}\n" % (name, name)
    for name in (b"a", b"b")
)
CARGO = [
    file("Cargo.toml", b'[package]\nname = "x"\n'),
    *("Cargo.lock", "src/main.rs"),
    file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# by cargo\n"),
    *(file("target/.rustc_info.json", b"{}"), file("target/debug/x", size_bytes=9 * MB)),
]
COPY_ALL = b"FROM rust:1\nCOPY . .\nRUN cargo build --release\n"


def planted(root: Path, *nodes: object, tracked: bool = False) -> Path:
    """Return a repository with these files, all of which git tracks or none."""
    root.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    build_tree(root, [*nodes])  # type: ignore[list-item]
    if tracked:
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    return root


def test_bytes_that_no_build_sends_refuse_none(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("compose.yaml", TWO_BUILDS), file("b/node_modules/x.js", size_bytes=60 * MB)]
    for name in ("a", "b"):
        nodes += [file(f"{name}/Dockerfile", b"FROM x\nCOPY %s/x /x\n" % name.encode())]
        nodes += [file(f"{name}/x", b"x\n")]
    root = planted(tmp_path / "r", *nodes)
    kept = cli("check", "--all", "--max", "50MB", cwd=root)
    assert (kept.code, kept.lines) == (
        0,
        [f"ok . {name}/Dockerfile: 2 B of 50.0 MB (transfer)" for name in ("a", "b")],
    )
    assert "4 B would be sent" in cli(cwd=root).out
    refused = cli("check", "--all", "--max", "50MB", "--of", "context", cwd=root)
    assert refused.code == 1
    assert "CTX401 the context has 60.0 MB, 10.0 MB over its budget of 50.0 MB" in refused.out


def test_nobody_calls_sent_what_lies_in_the_context(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM x\nCOPY f /\n"), file("f", b"\n")]
    nodes += [file(".dockerignore", b".git\n"), file("big.bin", size_bytes=60 * MB)]
    root = planted(tmp_path / "r", *nodes)
    assert cli(cwd=root).lines[0].startswith("Fine: 1 B in 1 file would be sent")
    (head, *_) = cli("lint", cwd=root).lines
    assert head.startswith(".dockerignore: 1 pattern, 60.0 MB in 4 files in the context")
    assert cli("check", "--max", "50MB", cwd=root).lines == ["ok .: 1 B of 50.0 MB (transfer)"]


def test_the_largest_parts_are_those_that_travel(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM x\nCOPY src /\n"), file("src/data/a", size_bytes=3 * MB)]
    root = build_tree(tmp_path / "r", [*nodes, file("huge.bin", size_bytes=9 * MB)])
    refused = cli("check", "--max", "1MB", cwd=root)
    assert refused.code == 1
    assert "CTX401 the build sends 3.0 MB, 2.0 MB over its budget of 1.0 MB" in refused.out
    assert "src/data/a" in refused.out
    assert "huge.bin" not in refused.out


def test_only_what_travels_has_grown(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM x\nCOPY src /\n"), file("src/a", size_bytes=2000)]
    root = build_tree(tmp_path / "r", [*nodes, file("b", size_bytes=2000)])
    baseline = ["check", "--baseline", "../b.json"]
    assert cli(*baseline, "--update-baseline", cwd=root).code == 0
    build_tree(root, [file("b", size_bytes=9 * MB)])
    assert cli(*baseline, cwd=root).code == 0
    build_tree(root, [file("src/c", size_bytes=MB)])
    grown = cli(*baseline, cwd=root)
    assert grown.code == 1
    assert "CTX404 the transfer grew by 1.0 MB since the baseline" in grown.out
    (rows,) = grown.out.split("\n\n")[2:3]
    assert rows.startswith("Grown since the baseline")
    assert " src/c" in rows
    assert " b" not in rows.split("\n", 2)[2]


def test_the_context_is_judged_where_the_transfer_is_not_known(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", [file("Dockerfile", b"FROM x\nCOPY f /\n"), "f", "large"])
    build_tree(root, [file("large", size_bytes=2 * MB)])
    refused = cli("check", "--max", "1MB", "--builder", "podman", cwd=root)
    assert "CTX401 the context has 2.0 MB, 1.0 MB over its budget of 1.0 MB" in refused.out
    classic = cli("check", "--max", "1MB", "--builder", "classic", cwd=root)
    assert "CTX401 the build sends 2.0 MB, 1.0 MB over its budget of 1.0 MB" in classic.out
    assert cli("check", "--max", "1MB", cwd=root).code == 0


def test_what_is_required_or_forbidden_is_what_is_sent(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", [file("Dockerfile", b"FROM x\nCOPY f /\n"), "f", ".env"])
    assert cli("check", "--forbid", "**/.env", cwd=root).code == 0
    assert cli("check", "--forbid", "**/.env", "--of", "context", cwd=root).code == 1
    missing = cli("check", "--require", ".env", cwd=root)
    assert "no instruction of the Dockerfile takes `.env`" in " ".join(missing.out.split())


def test_budgets_of_init_follow_what_is_sent(cli: Cli, tmp_path: Path) -> None:
    """Also those of a table, which names no target."""
    dockerfile = b"FROM x AS small\nCOPY f /\nFROM x\nCOPY big /\n"
    compose = b"services: {a: {build: {context: ., target: small}}}\n"
    nodes = [file("Dockerfile", dockerfile), file("compose.yaml", compose), "f"]
    nodes += [file("big", size_bytes=8 * MB), file("huge", size_bytes=90 * MB)]
    root = planted(tmp_path / "r", *nodes)
    assert cli("init", cwd=root).code == 0
    assert 'max = "11MB"' in (root / "ctxsize.toml").read_text()
    assert cli("check", cwd=root).code == 0
    assert cli("check", "--all", cwd=root).code == 0
    (root / "ctxsize.toml").unlink()
    (root / "Dockerfile").write_bytes(b"FROM x\nCOPY f /\n")
    (root / "compose.yaml").unlink()
    assert cli("init", cwd=root).code == 0
    assert 'max = "1MB"' in (root / "ctxsize.toml").read_text()


def test_builds_that_share_a_file_share_its_proof(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command stands once, and is the one for all builds."""
    nodes = [file(f"{name}.Dockerfile", COPY_ALL) for name in ("a", "b", "c")]
    lines = [f"docker build -f {name}.Dockerfile .\n" for name in ("a", "b", "c")]
    nodes += [*CARGO, file("build.sh", "".join(lines).encode())]
    root = planted(tmp_path / "r", *nodes)
    proofs = []
    advise = Advisor.advise
    monkeypatch.setattr(
        Advisor, "advise", lambda *given, **named: proofs.append(1) or advise(*given, **named)
    )
    refused = cli("check", "--all", "--max", "1MB", cwd=root)
    assert (refused.code, len(proofs)) == (1, 1)
    assert refused.out.count("Fix: ") == 1
    assert "Fix: ctxsize suggest --all --write  saves 9.0 MB in 8 files\n" in refused.out
    shape = json.loads(cli("check", "--all", "--max", "1MB", "--json", cwd=root).out)
    rows = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    saved = [check["remedy"]["saves_bytes"] for check in shape["checks"]]
    assert saved == [row["saving"]["content_bytes"] for row in rows]
    above = cli("check", "--all", "--max", "1MB", "r", cwd=tmp_path)
    assert "Fix: ctxsize suggest --all --write r  saves 9.0 MB" in above.out
    assert cli("suggest", "--all", "--write", "r", cwd=tmp_path).code == 0
    assert cli("check", "--all", "--max", "1MB", cwd=root).code == 0


@pytest.mark.parametrize("others", [[], ["b"]])
def test_printed_commands_replace_a_link(cli: Cli, tmp_path: Path, others: list[str]) -> None:
    nodes = [*CARGO, file("a.Dockerfile", COPY_ALL), file(".gitignore", b"x\n")]
    lines = ["docker build -f a.Dockerfile .\n"]
    for name in others:
        nodes.append(file(f"{name}.Dockerfile", COPY_ALL))
        lines.append(f"docker build -f {name}.Dockerfile .\n")
    nodes += [file("build.sh", "".join(lines).encode()), link(".dockerignore", ".gitignore")]
    root = planted(tmp_path / "r", *nodes)
    refused = cli("check", "--all", "--max", "1MB", cwd=root)
    words = "--all --write --replace-link" if others else "--write --replace-link -f a.Dockerfile"
    assert f"Fix: ctxsize suggest {words}\n" in refused.out.replace("  saves", "\n")
    (step,) = [line for line in cli("scan", cwd=root).lines if line.startswith("Next: ")]
    assert "ctxsize suggest" in step
    assert " --write --replace-link" in step
    command = step.removeprefix("Next: ctxsize ").partition("  ")[0]
    assert cli(*command.split(), cwd=root).code == 0


def test_a_build_that_cannot_be_measured_is_refused_and_the_others_are_judged(
    cli: Cli, tmp_path: Path
) -> None:
    compose = b"services: {a: {build: a}, b: {build: {context: b, dockerfile: gone/Dockerfile}}}\n"
    nodes = [file("a/Dockerfile", COPY_ALL), file("a/x", size_bytes=2 * MB)]
    root = planted(tmp_path / "r", *nodes, file("compose.yaml", compose), "b/x")
    refused = cli("check", "--all", "--max", "1MB", cwd=root)
    assert refused.code == 2
    assert "Refused: a" in refused.lines
    assert any(line.startswith("Refused b") for line in refused.lines)
    assert refused.lines[-1] == "2 of 2 contexts refused: a, b"
    passing = cli("check", "--all", "--max", "9MB", "--json", cwd=root)
    shape = json.loads(passing.out)
    assert (passing.code, shape["passes"]) == (2, False)
    assert [check["passes"] for check in shape["checks"]] == [True]
    (unchecked,) = shape["unchecked"]
    assert unchecked["name"] == "b"
    assert unchecked["error"] in passing.err
    assert cli("check", "--all", "--max", "9MB", "--exit-zero", cwd=root).code == 2


NOTHING = "(what the build does not need)"


def by_hand(out: str) -> str:
    """Return what a person is asked about; `NOTHING` if no part is named."""
    text = " ".join(out.split())
    if ": add what the build does not need to " in text:
        return NOTHING
    return text.partition("if the build does not need ")[2].partition(", add it to ")[0]


def test_nobody_is_asked_about_the_program_itself(cli: Cli, tmp_path: Path) -> None:
    dockerfile = b"FROM node\nCOPY . .\n"
    nodes = [file("package.json", b"{}"), file("Dockerfile", dockerfile)]
    nodes += [file("apps/big.js", size_bytes=5 * MB)]
    root = planted(tmp_path / "r", *nodes, tracked=True)
    program = cli("check", "--max", "1MB", cwd=root)
    assert by_hand(program.out) == NOTHING
    build_tree(root, [file("notes/a.xyz", size_bytes=2 * MB)])
    assert by_hand(cli("check", "--max", "1MB", cwd=root).out) == "notes/a.xyz"


def test_nobody_is_asked_about_what_a_copy_names(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM x\nCOPY src /s\n"), file("src/a.xyz", size_bytes=MB)]
    nodes += [file("src/b.xyz", size_bytes=MB)]
    root = planted(tmp_path / "r", *nodes)
    assert by_hand(cli("check", "--max", "1MB", cwd=root).out) == NOTHING


def test_nobody_is_asked_about_the_repository_that_the_build_reads(
    cli: Cli, tmp_path: Path
) -> None:
    makefile = b"VERSION := $(shell git describe --tags)\n\nall:\n\tcc -DV=$(VERSION) main.c\n"
    nodes = [file("Dockerfile", b"FROM alpine\nRUN apk add git make\nCOPY . .\nRUN make\n")]
    nodes += [file("Makefile", makefile), "main.c"]
    root = planted(tmp_path / "r", *nodes, tracked=True)
    build_tree(root, [file(".git/objects/pack/pack-1.pack", size_bytes=20 * MB)])
    assert by_hand(cli("check", "--max", "1MB", cwd=root).out) == NOTHING
    assert "explained by no rule" not in cli("suggest", cwd=root).out
