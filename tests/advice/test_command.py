"""`ctxsize advise` as it is typed: exit codes, fixes, diffs, selection, the schema."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from ctxsize import api
from ctxsize.cli.app import run
from ctxsize.errors import InputError
from ctxsize.formats import Look, render
from ctxsize.formats.json import schema
from tests.advice.cases import CASES, NODE
from tests.trees import build_tree, file

APT = b"FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n" * 2
CARGO = (
    b"FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\n"
    b"FROM scratch\nCOPY --from=b /app/target/release/a /a\n"
)
EARLY = b"FROM node:22\nWORKDIR /a\nCOPY . .\nRUN npm ci\n"


def repository(root: Path, dockerfile: bytes) -> Path:
    return build_tree(root, [file("Dockerfile", dockerfile), file(".dockerignore", b"x\n"), *NODE])


@pytest.mark.parametrize(
    ("dockerfile", "options", "code"),
    [
        (b"FROM scratch\n", [], 0),
        (EARLY, [], 1),
        (EARLY, ["--exit-zero"], 0),
        (EARLY, ["--select", "CTX210"], 0),
        (EARLY, ["--ignore", "CTX2"], 0),
        (EARLY, ["--severity", "error"], 0),
        (EARLY, ["--select", "CTX999"], 2),
        (EARLY, ["--diff"], 1),
        (b"FROM scratch\nCOPPY\n", [], 2),
    ],
)
def test_the_exit_code_is_1_only_with_findings_that_count(
    dockerfile: bytes, options: list[str], code: int, tmp_path: Path
) -> None:
    root = repository(tmp_path / "r", dockerfile)
    assert run(["advise", str(root), *options]) == code


def test_fix_writes_what_is_certain_and_nothing_else(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", APT + EARLY)
    run(["advise", str(root), "--fix"])
    locked = APT.replace(b"/var/lib/apt ", b"/var/lib/apt,sharing=locked ")
    assert (root / "Dockerfile").read_bytes() == locked + EARLY
    run(["advise", str(root), "--fix"])
    assert (root / "Dockerfile").read_bytes() == locked + EARLY


def test_unsafe_fixes_do_the_rest(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", CARGO + EARLY)
    run(["advise", str(root), "--fix"])
    assert (root / "Dockerfile").read_bytes() == CARGO + EARLY
    run(["advise", str(root), "--unsafe-fixes"])
    text = (root / "Dockerfile").read_bytes()
    assert b"cargo chef cook" in text
    assert text.endswith(EARLY)


def test_the_diff_applies(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository(tmp_path / "r", CARGO))
    run(["advise", "--diff", "--select", "CTX210"])
    diff = capfd.readouterr().out
    assert Path("Dockerfile").read_bytes() == CARGO
    subprocess.run(["git", "apply", "-p0"], input=diff.encode(), check=True)
    assert api.advise(select=["CTX210"]).findings == ()


def test_what_the_configuration_accepts_is_not_told(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", EARLY)
    (root / "ctxsize.toml").write_text(
        'ignore = ["CTX223"]\n[[suppress]]\ncode = "CTX202"\npath = "Dockerfile"\n'
        'reason = "small"\n'
    )
    assert api.advise(str(root)).findings == ()


@pytest.mark.parametrize("code", CASES)
def test_json_follows_the_schema(code: str, tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema("advise"))
    for number, case in enumerate(CASES[code].values()):
        root = build_tree(tmp_path / str(number), case.nodes)
        advice = api.advise(str(root), fix=bool(number % 2))
        validator.validate(json.loads(render("json", advice, Look())))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("RUN cargo build", "RUN cargo build"),
        *(
            (line, line)
            for line in (
                "RUN curl https://r.example.org/npm && cargo build",
                "RUN --mount=type=cache,target=/x mkdir -p /y && cargo build",
                "RUN set -eux; pip install flask==2.0 && cargo build --profile=dist",
            )
        ),
        ("RUN A=hunter2 cargo build", "RUN A=… cargo build"),
        ('RUN A=\'a b\' B="c \\" d" C=e\\ f cargo build', "RUN A=… B=… C=… cargo build"),
        ("RUN (A=hunter2 cargo build;B=hunter3 true)", "RUN (A=… cargo build;B=… true)"),
        ("RUN cargo build && A=x y", "RUN cargo build && A=… y"),
        *(
            (f"RUN {command} cargo build", None)
            for command in (
                "curl https://me:pa@r.example.org &&",
                "npm config set //r/:_authToken=x &&",
                "NPM_TOKEN=x",
                "PASSWORD=x",
                "--mount=type=secret,id=n",
                "HF_PAT=ghp_abc",
                "mysql -phunter2 &&",
                "DB_PASS=x",
                "PASSPHRASE=x",
                "MYSQL_PW=x",
                "SIGNING_KEY=x",
                "STRIPE_KEY=x",
                "curl -u a:b x &&",
                "curl -sSu a:b x &&",
                "curl -H 'X-A: b' x &&",
                "login glpat-abc &&",
                "login sk-abc &&",
                "login AKIAABCDEF &&",
                "login xoxb-1 &&",
                "login 0123456789abcdef0123456789abcdef &&",
            )
        ),
    ],
)
def test_an_excerpt_shows_no_secret(line: str, shown: str | None, tmp_path: Path) -> None:
    root = repository(tmp_path / "r", f"FROM rust:1\nCOPY . .\n{line}\n".encode())
    (finding,) = api.advise(str(root), select=["CTX210"]).findings
    assert (finding.location.line, finding.location.text) == (3, shown)
    text = render("text", api.advise(str(root)), Look(width=200, full=True))
    assert (f"    3 | {shown}\n" in text) is (shown is not None)
    at = finding.location
    if at.column and at.end_column and shown:
        assert shown[at.column - 1 : at.end_column - 1] == line[at.column - 1 : at.end_column - 1]


@pytest.mark.parametrize(
    "text", ["(", "--user", "--user=", "-u ", "A=", "://", "a b=", "&", "=", "'"]
)
def test_a_long_line_takes_no_time(text: str, tmp_path: Path) -> None:
    for line in (text * (60_000 // len(text)), text + text[-1:] * 60_000):
        dockerfile = f"FROM rust:1\nCOPY . .\nRUN cargo build # {line}\n".encode()
        root = repository(tmp_path / "r", dockerfile)
        started = time.process_time()
        assert api.advise(str(root), select=["CTX210"]).findings
        assert time.process_time() - started < 5
        shutil.rmtree(root)


def test_an_excerpt_shows_no_value_of_a_hidden_build_argument(tmp_path: Path) -> None:
    cache = "RUN --mount=type=cache,target=/root/.cache/pip"
    compose = 'services:\n  a:\n    build:\n      args: {V: "${MYV}"}\n      context: .\n'
    text = (
        f"FROM python:3\n{cache} W=hunter99x pip install --no-cache-dir w\n"
        f"{cache} echo hunter99x && pip install --no-cache-dir w\n"
    )
    texts = {".env": "MYV=hunter99x\n", "compose.yaml": compose, "Dockerfile": text}
    nodes = [file(name, each.encode()) for name, each in texts.items()]
    outcome = api.advise(str(build_tree(tmp_path / "r", nodes)))
    assert {each.location.line for each in outcome.findings} >= {2, 3}
    assert not any("hunter99x" in (each.location.text or "") for each in outcome.findings)
    assert "hunter99x" not in render("text", outcome, Look(full=True))


@pytest.mark.parametrize(
    ("dockerfile", "code", "marked"),
    [
        (CARGO, "CTX210", "cargo build --release"),
        (b"FROM rust:1\nCOPY . .\nRUN true && \\\n  cargo build\n", "CTX210", None),
        (APT, "CTX221", "/var/lib/apt"),
    ],
)
def test_what_the_message_quotes_is_marked(
    dockerfile: bytes, code: str, marked: str | None, tmp_path: Path
) -> None:
    root = repository(tmp_path / "r", dockerfile)
    at = api.advise(str(root), select=[code]).findings[0].location
    assert at.text is not None
    if marked is None:
        assert (at.column, at.end_column) == (None, None)
    else:
        assert at.column is not None
        assert at.end_column is not None
        assert at.text[at.column - 1 : at.end_column - 1] == marked


def test_no_such_root() -> None:
    with pytest.raises(InputError):
        api.advise("/does/not/exist")
