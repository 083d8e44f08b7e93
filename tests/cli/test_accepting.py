"""`[[suppress]]`: what is accepted is told by no command, and what accepts nothing is told."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from ctxsize.config import Config, Suppression
from ctxsize.findings import Finding, Location, Severity
from ctxsize.guard.accepting import Wanted
from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, build_tree, file

MB = 1_000_000


def table(code: str, **keys: str) -> str:
    lines = [f'{key} = "{value}"' for key, value in {"code": code, **keys}.items()]
    return "\n".join(["[[suppress]]", *lines, 'reason = "known"', ""])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Too large a context, with packages in two places, and a file that git ignores."""
    return build_tree(
        tmp_path / "repository",
        [
            file("app/Dockerfile", b"FROM rust AS build\nCOPY . .\nCOPY gone /\nRUN cargo build\n"),
            file("app/.dockerignore", b"Dockerfile\n.dockerignore\n*.log\n.gitignore\n"),
            file("app/Cargo.toml", b"[package]\n"),
            *(file(f"app/{path}", size_bytes=2 * MB) for path in ("target/x", "data.bin")),
            "other/notes.txt",
            file("lib/Dockerfile", b"FROM rust AS build\nCOPY . .\nRUN cargo build\n"),
            file("lib/.dockerignore", b"**/target\n"),
            file("lib/Cargo.toml", b"[package]\n"),
            file("app/.gitignore", b"*.bin\n"),
        ],
    )


def configured(root: Path, *tables: str, head: str = "") -> Path:
    (root / "ctxsize.toml").write_text(head + "".join(tables))
    return root


def codes(cli: Cli, root: Path, *arguments: str) -> list[str]:
    """The codes of what a command finds, as GitLab shows them."""
    result = cli(*arguments, "--format", "gitlab", cwd=root)
    assert all(each.startswith("ctxsize: note: accepted: ") for each in result.err.splitlines())
    return [each["check_name"] for each in json.loads(result.out)]


CHECK = ("check", "app", "--max", "1MB")
IGNORED = ("suggest", "--from-gitignore", "app")
ADDED = ("suggest", "app")
MEASURED = ("measure", "app")
ACCEPTED = [
    (CHECK, "CTX401", {}),
    (CHECK, "CTX401", {"path": "app"}),
    (CHECK, "CTX401", {"path": "a*"}),
    (CHECK, "CTX401", {"path": "app/.dockerignore"}),
    (CHECK, "CTX401", {"path": "app/Dockerfile"}),
    (CHECK, "CTX411", {"path": "app/Dockerfile"}),
    (IGNORED, "CTX503", {}),
    (IGNORED, "CTX503", {"path": "app/.dockerignore", "pattern": "**/*.bin"}),
    (ADDED, "CTX501", {}),
    (ADDED, "CTX501", {"pattern": "**/target"}),
    (ADDED, "CTX501", {"path": "app/.dockerignore", "pattern": " **/target "}),
    (MEASURED, "CTX018", {"path": "app/Dockerfile", "pattern": "COPY gone /"}),
    (("scan", "."), "CTX301", {"path": "compose.yaml"}),
    (("advise", "."), "CTX210", {"path": "lib/Dockerfile", "pattern": "RUN cargo build"}),
]


@pytest.mark.parametrize(("command", "code", "keys"), ACCEPTED)
def test_an_accepted_finding_is_not_shown(
    command: tuple[str, ...], code: str, keys: dict[str, str], cli: Cli, root: Path
) -> None:
    (root / "compose.yaml").write_text("services: {x: {build: other}}")
    (root / "other/Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "other/.idea").mkdir()
    (root / "other/.idea/workspace.xml").write_bytes(bytes(20_000))
    before = codes(cli, root, *command)
    if command[0] == "scan":  # the finding is about the Dockerfile
        keys = {"path": "other/Dockerfile"}
    assert code in before
    after = codes(cli, configured(root, table(code, **keys)), *command)
    assert after == [each for each in before if each != code]


NOT_ACCEPTED = [
    (CHECK, "CTX401", {"path": "other"}),
    (IGNORED, "CTX503", {"pattern": "*.txt"}),
    (ADDED, "CTX501", {"pattern": "target"}),
    (MEASURED, "CTX018", {"pattern": "COPY . ."}),
]


@pytest.mark.parametrize(("command", "code", "keys"), NOT_ACCEPTED)
def test_an_acceptance_of_something_else_hides_nothing(
    command: tuple[str, ...], code: str, keys: dict[str, str], cli: Cli, root: Path
) -> None:
    before = codes(cli, root, *command)
    assert code in before
    after = codes(cli, configured(root, table(code, **keys)), *command)
    assert [each for each in after if each != "CTX129"] == before


def test_what_adds_several_lines_is_accepted_if_all_are(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "repository",
        [
            file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n"),
            *("a/Cargo.toml", "b/Cargo.toml", "c/target/source.c"),
            *(file(f"{name}/target/x", size_bytes=2 * MB) for name in "ab"),
            file(".dockerignore", b"Dockerfile\n.dockerignore\nctxsize.toml\n"),
        ],
    )
    one, two = (table("CTX501", pattern=f"{name}/target") for name in "ab")
    assert codes(cli, root, "suggest") == ["CTX501"]
    assert codes(cli, configured(root, one), "suggest") == ["CTX501"]
    assert codes(cli, configured(root, one, two), "suggest") == []


def test_an_accepted_budget_passes_and_says_so(cli: Cli, root: Path) -> None:
    accepted = table("CTX401", path="app") + table("CTX018")
    head = '[contexts.app]\nmax = "1MB"\nmax-files = 1\n'
    result = cli("check", cwd=configured(root, accepted, head=head))
    assert result.code == 1
    assert "  CTX402 the build sends 3 files" in result.out
    assert "  CTX401 " not in result.out
    assert "   accepted: app: the build sends 4.0 MB, 3.0 MB over its budget" in result.out
    assert "(known)" in result.out
    passing = configured(root, accepted, head=head.replace("max-files = 1", ""))
    result = cli("check", cwd=passing)
    assert result.code == 0
    assert result.lines[0] == "ok app: 4.0 MB of 1.0 MB (transfer)"
    assert "accepted: app: the build sends 4.0 MB" in result.lines[1]
    told = json.loads(cli("check", "--format", "json", cwd=passing).out)
    (check,) = told["checks"]
    assert check["passes"]
    assert check["findings"] == []
    assert [(each["code"], each["reason"]) for each in check["accepted"]] == [("CTX401", "known")]
    markdown = cli("check", "--format", "markdown", cwd=passing).out
    assert "- accepted: app: the build sends 4.0 MB" in markdown
    said = "note: accepted: app: the build sends 4.0 MB, 3.0 MB over its budget of 1.0 MB (known)"
    for name in ("markdown", "github", "junit", "sarif", "gitlab"):
        assert said in cli("check", "--format", name, cwd=passing).err
    assert said in cli("check", "--format", "text=a.txt", cwd=passing).err
    assert said not in cli("check", "--format", "github=a.txt", "--format", "text", cwd=passing).err


def test_select_turns_no_budget_off(cli: Cli, root: Path) -> None:
    configured(root, head='select = ["CTX1"]\nignore = ["CTX4"]\n')
    assert cli(*CHECK, cwd=root).code == 1


UNUSED = [
    (("check",), "CTX402", {}, True),
    (("check",), "CTX402", {"path": "nowhere"}, True),
    (("check",), "CTX101", {}, False),
    (CHECK, "CTX402", {}, False),
    (CHECK, "CTX402", {"path": "app"}, False),
    (ADDED, "CTX510", {}, False),
    (ADDED, "CTX511", {"path": "app/key.pem"}, False),
    (("suggest", "-f", "app/Dockerfile", "."), "CTX511", {"path": "app/key.pem"}, True),
    (ADDED, "CTX503", {"path": "app/.dockerignore"}, False),
    ((*ADDED, "--target", "build"), "CTX511", {"path": "app/key.pem"}, False),
    (IGNORED, "CTX503", {"path": "app/.dockerignore", "pattern": "x"}, False),
    (("advise", "."), "CTX210", {}, False),
    (("advise", "."), "CTX222", {}, True),
    (("advise", "app"), "CTX222", {}, False),
    (("advise", "app"), "CTX222", {"path": "app/Dockerfile"}, False),
    (("scan", "."), "CTX310", {}, True),
    (("scan", "app"), "CTX310", {}, False),
    (("scan", "app"), "CTX310", {"path": "app/Dockerfile"}, False),
    (MEASURED, "CTX001", {"path": "app/x"}, False),
]


@pytest.mark.parametrize(("command", "code", "keys", "told"), UNUSED)
def test_an_acceptance_that_fits_nothing_is_a_finding(
    command: tuple[str, ...], code: str, keys: dict[str, str], told: bool, cli: Cli, root: Path
) -> None:
    configured(root, table(code, **keys), head='[contexts.app]\nmax = "1MB"\n')
    assert ("CTX129" in codes(cli, root, *command)) is told
    text = cli(*command, cwd=root).out
    assert ("suppress[1] suppresses nothing: no" in " ".join(text.split())) is told


def test_nothing_hides_that_a_total_is_a_lower_bound(root: Path) -> None:
    from dataclasses import replace

    from ctxsize import api
    from ctxsize.guard.accepting import without_accepted
    from ctxsize.model import Effect, Problem

    report = api.measure(str(root / "app"))
    changed = Problem("changed-during-walk", "x vanished", "x", effect=Effect.LOWER_BOUND)
    report = replace(report, problems=(*report.problems, changed))
    tables = [Suppression(f"CTX{number:03}", "known") for number in range(40)]
    config = Config(suppress=tuple(tables))
    assert without_accepted(report, config).problems == (changed,)


def test_a_configuration_that_cannot_be_read_accepts_nothing(cli: Cli, root: Path) -> None:
    configured(root, head="max = [\n")
    for command in (MEASURED, ADDED, IGNORED, ("scan", ".")):
        result = cli(*command, "--format", "json", cwd=root)
        assert result.code in (0, 1), result.err
        assert "the configuration cannot be read, so no finding is accepted" in result.out
    assert cli(*CHECK, cwd=root).code == 2


def test_where_nothing_is_wrong_no_configuration_is_read(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "clean", [file("Dockerfile", COPY_ALL)])
    (root / "ctxsize.toml").write_text("max = [\n")
    assert json.loads(cli("measure", "--format", "json", cwd=root).out)["problems"] == []


SECRETS = [
    (table("CTX511"), []),
    (table("CTX511", path="app/.env"), ["keys/id_rsa"]),
    (table("CTX511", path="app/keys/*"), [".env"]),
    ('ignore = ["CTX511"]\n', []),
    ('ignore = ["CTX5"]\n', []),
    ('select = ["CTX1"]\n', []),  # as `suggest` reads it
    (table("CTX511", path="other/.env"), ["keys/id_rsa", ".env"]),
    (table("CTX510"), ["keys/id_rsa", ".env"]),
]


@pytest.mark.parametrize(("text", "left"), SECRETS)
def test_an_accepted_secret_is_no_reason(text: str, left: list[str], cli: Cli, root: Path) -> None:
    build_tree(root / "app", [file("keys/id_rsa", b"k" * 50), file(".env", b"A=b\n")])
    (root / "ctxsize.toml").write_text(text)
    shape = json.loads(cli("app", "--format", "json", cwd=root).out)
    secrets = [each for each in shape["suggest"]["findings"] if each["code"] == "CTX511"]
    paths = [path.removeprefix("app/") for each in secrets for path in each["evidence"]]
    assert sorted(paths) == sorted(left)
    verdict = cli("app", "-q", cwd=root).out
    assert ("secret" in verdict) is bool(left)


def test_an_acceptance_ends_after_its_day() -> None:
    finding = Finding("CTX101", Severity.WARNING, "it is so", Location("api/.dockerignore", 1))
    table = Suppression("CTX101", "known", expires="2027-01-31")
    for day, reason in ((date(2027, 1, 31), "known"), (date(2027, 2, 1), None)):
        wanted = Wanted(Config(suppress=(table,)), today=day)
        judged, found = wanted.judged(finding)
        assert found == reason
        note = "" if reason else " (its acceptance expired on 2027-01-31)"
        assert judged.message == f"it is so{note}"
        assert wanted.unused(["CTX101"], ".") == ()
    lasting = Suppression("CTX101", "for good")
    wanted = Wanted(Config(suppress=(table, lasting)), today=date(2028, 1, 1))
    assert wanted.judged(finding) == (finding, "for good")


EXPIRED = [
    (CHECK, "CTX401", {}),
    (CHECK, "CTX411", {}),
    (ADDED, "CTX501", {}),
    (("advise", "."), "CTX210", {"path": "lib/Dockerfile", "pattern": "RUN cargo build"}),
]


@pytest.mark.parametrize(("command", "code", "keys"), EXPIRED)
def test_an_expired_acceptance_is_noted(
    command: tuple[str, ...], code: str, keys: dict[str, str], cli: Cli, root: Path
) -> None:
    before = codes(cli, root, *command)
    assert code in before
    assert (
        codes(cli, configured(root, table(code, expires="2020-02-29", **keys)), *command) == before
    )
    said = cli(*command, "--format", "github", cwd=root).out
    assert said.count("(its acceptance expired on 2020-02-29)") == 1
    later = codes(cli, configured(root, table(code, expires="9999-12-31", **keys)), *command)
    assert later == [each for each in before if each != code]


def test_an_inherited_acceptance_may_accept_nothing(cli: Cli, root: Path) -> None:
    (root / "org.toml").write_text(table("CTX402") + table("CTX401"))
    configured(root, head='extends = "org.toml"\n[contexts.app]\nmax = "1MB"\n')
    assert codes(cli, root, "check") == ["CTX411"]
    (root / "org.toml").write_text("")
    assert codes(cli, root, "check") == ["CTX401", "CTX411"]
