"""The laws of rewrites, over every case: each mends what it is for; the rest are snippets."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.advice import advise as run
from ctxsize.config import Config, load
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.findings import Edit, Finding
from ctxsize.formats.wording import details
from ctxsize.repository import discover
from tests.advice.cases import CASES, MOUNT, Case, inline
from tests.trees import build_tree, file

APT = "FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n"

ALL = [(code, name) for code, cases in CASES.items() for name in cases]
FOUND = [(code, name) for code, name in ALL if CASES[code][name].found]
SHOWN = ("CTX202", "CTX211", "CTX212", "CTX223")
"""Codes whose findings never come with a rewrite."""


def kind(finding: Finding) -> tuple[str, str, str]:
    """What a finding says, whatever line it is at."""
    message = re.sub(r"\d+", "N", finding.message)
    return finding.code, finding.location.path, message


def before(edit: Edit) -> bytes | None:
    path = Path(edit.path)
    return path.read_bytes() if path.exists() else None


def findings(root: Path) -> list[Finding]:
    return list(advise(discover(str(root))).findings)


@contextmanager
def applied(edits: tuple[Edit, ...]) -> Iterator[None]:
    """The files as `edits` make them, and afterwards as they were."""
    for edit in edits:
        Path(edit.path).write_bytes(edit.after)
    yield
    for edit in edits:
        if edit.before is None:
            Path(edit.path).unlink()
        else:
            Path(edit.path).write_bytes(edit.before)


def is_snippet(finding: Finding) -> bool:
    """Return whether the help shows what to write."""
    return bool(re.search(r"`[^`]+`|RUN --mount=type=cache,", finding.help))


SNIPPETS = {
    ("CTX202", "npm"): "copy `package.json package-lock.json` to the same place and run `npm ci` "
    "before `COPY . .`",
    ("CTX202", "a heredoc"): "copy `package.json package-lock.json` to the same place and run "
    "`npm ci` before `COPY . /a/`",
    ("CTX202", "go"): "copy `go.mod` to the same place and run `go mod download` before `COPY . .`",
    ("CTX202", "a directory that it makes"): "ignore `node_modules`, then copy `package.json "
    "package-lock.json` to the same place and run `npm ci` before `COPY . .`",
    ("CTX223", "several"): "`RUN --mount=type=cache,target=/root/.cache/pip "
    "--mount=type=cache,target=/root/.npm pip install -r r.txt && npm ci`",
    ("CTX223", "workspaces"): "`RUN --mount=type=cache,"
    "target=/root/.yarn/berry/cache yarn install --immutable`; "
    "the image does not include the mount, so add it to later RUNs too, and copy out of it "
    "what CMD or another stage needs",
    ("CTX223", "another directory behind the copy"): "`RUN --mount=type=cache,target=/go/pkg/mod "
    "--mount=type=cache,target=/root/.cache/go-build go mod download`; the image does not include "
    "the mount, so add it to later RUNs too, and copy out of it what CMD or another stage needs",
    ("CTX202", "poetry in the same RUN"): "copy `pyproject.toml poetry.lock` to the same place "
    "and run `poetry install --only main --no-root` before `COPY . .`",
    ("CTX223", "a directory with blanks"): "`RUN --mount=type=cache,target=/root/.npm npm ci`",
    ("CTX223", "no cache"): "`RUN --mount=type=cache,target=/root/.cache/pip pip install "
    "--no-cache-dir     -r r.txt`, without --no-cache-dir",
    ("CTX223", "thrown away"): "`RUN --mount=type=cache,target=/usr/local/share/.cache/yarn "
    "yarn install --frozen-lockfile`",
    ("CTX223", "thrown away at the end"): "`RUN --mount=type=cache,target=/root/.npm "
    "set -e; npm ci; npm -v`",
    ("CTX223", "thrown away by rm"): "`RUN --mount=type=cache,target=/root/.npm "
    "npm ci && rm -rf /root/.npm /tmp/a`",
    ("CTX223", "thrown away before"): "`RUN --mount=type=cache,target=/root/.npm "
    "npm cache clean --force && npm ci`, without npm cache clean --force",
    ("CTX223", "poetry, with environments below its caches"): "`RUN "
    "--mount=type=cache,target=/root/.cache/pypoetry/cache "
    "--mount=type=cache,target=/root/.cache/pypoetry/artifacts poetry install`",
    ("CTX223", "poetry's caches, moved"): "`RUN --mount=type=cache,target=/c/cache "
    "--mount=type=cache,target=/c/artifacts poetry install`",
    ("CTX223", "a heredoc"): "`RUN --mount=type=cache,target=/root/.npm …`",
    ("CTX223", "for several platforms, by a user"): "`RUN --mount=type=cache,"
    "id=python-3-slim-$TARGETARCH-pip,target=/home/app/.cache/pip,mode=0777 "
    "pip install -r r.txt`, with ARG TARGETARCH above",
    ("CTX211", "profile"): "cook the dependencies in /app the same way: "
    "`cargo chef cook --release --recipe-path /app/recipe.json`",
    ("CTX211", "flags"): "cook the dependencies in /app the same way: "
    "`RUSTFLAGS='-C x' cargo chef cook --release --recipe-path /app/recipe.json`",
    ("CTX211", "directory"): "cook the dependencies in /src the same way: "
    "`cargo chef cook --release --recipe-path /app/recipe.json`",
    ("CTX212", "a binary"): "copy it out in the RUN of line 4, for instance with `&& mkdir -p /out "
    "&& cp -a /app/target/debug/a /out/`, and take it from there: `COPY --from=b /out/a …`",
    ("CTX222", "another home"): "mount it at /home/node/.npm: "
    "`--mount=type=cache,target=/home/node/.npm,mode=0777`",
    ("CTX222", "no cache by a variable of the command"): "remove UV_NO_CACHE, or write "
    "`UV_NO_CACHE=false uv …` here",
    ("CTX222", "emptied among others"): "do not let `apt-get clean` delete it: "
    "the image does not include the mount anyway",
    ("CTX222", "emptied, in a script"): "do not let "
    "`rm -rf /var/cache/apt/archives` delete it: the image does not include the mount anyway",
}


EVIDENCE = {
    "a variable": "PIP_CACHE_DIR sets it",
    "CARGO_HOME": "CARGO_HOME sets it",
    "GOMODCACHE": "GOMODCACHE sets it",
    "another home": "the default of npm for node",
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_mount_elsewhere_is_shown_by_what_moves_the_cache(name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES["CTX222"][name].nodes)
    (found,) = [each for each in findings(root) if each.code == "CTX222"]
    assert found.evidence == (EVIDENCE[name],)


@pytest.mark.parametrize(("code", "name"), SNIPPETS)
def test_a_snippet_is_what_this_dockerfile_needs(code: str, name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    found = [each for each in findings(root) if each.code == code]
    assert SNIPPETS[code, name] == found[0].help
    assert found[0].fix is None


def rewrites(code: str) -> dict[str, list[bool]]:
    """Return whether each rewrite of a code is certain, for the cases that have one."""
    kept: dict[str, list[bool]] = {}
    for name, case in CASES[code].items():
        with tempfile.TemporaryDirectory() as directory:
            root = build_tree(Path(directory) / "repository", case.nodes)
            found = [each.fix.certain for each in findings(root) if each.code == code and each.fix]
        kept |= {name: found} if found else {}
    return kept


@pytest.mark.parametrize(("code", "name"), ALL)
def test_every_finding_brings_a_rewrite_or_a_snippet(code: str, name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    for each in findings(root):
        assert each.fix.edits if each.fix else is_snippet(each), each


@pytest.mark.parametrize("code", SHOWN)
def test_what_moves_instructions_or_changes_a_script_is_shown_and_never_done(code: str) -> None:
    assert rewrites(code) == {}


def test_of_cargo_only_the_whole_pattern_is_a_rewrite() -> None:
    simple = ("its result", "its result in the same RUN", "arguments, and a comment")
    assert rewrites("CTX210") == {name: [False] for name in simple}


def test_of_unused_caches_only_an_option_is_dropped() -> None:
    assert rewrites("CTX222") == {
        name: [True]
        for name in ("no cache", "no cache, twice", "no cache, in words", "no cache, in a script")
    }


def test_copies_in_a_row_become_one_where_the_image_stays_the_same() -> None:
    shown = {"with a comment between", "with a comment inside", "directories with another mode"}
    found = {name: [False] for name, case in CASES["CTX203"].items() if case.found}
    found |= {"frontends": [False] * 6}
    assert rewrites("CTX203") == {name: each for name, each in found.items() if name not in shown}


def test_a_copy_that_is_not_rewritten_is_shown_as_a_whole(tmp_path: Path) -> None:
    nodes = CASES["CTX203"]["with a comment inside"].nodes
    every = findings(build_tree(tmp_path / "repository", nodes))
    (found,) = [each for each in every if each.code == "CTX203"]
    wanted = "package.json api/package.json web/package.json ui/kit/package.json ./"
    assert f"`COPY --parents {wanted}`" in found.help


def fixed(tmp_path: Path, code: str, name: str) -> tuple[str, Finding]:
    """Return the Dockerfile with the only fix of a code, and its finding."""
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    (found,) = [each for each in findings(root) if each.code == code]
    assert found.fix is not None
    return found.fix.edits[0].after.decode(), found


def test_equal_mounts_of_a_file_are_locked_together(tmp_path: Path) -> None:
    after, found = fixed(tmp_path, "CTX221", "apt, in several RUNs")
    assert after.count(",sharing=locked") == 3
    assert "(line 2, 3, 5)" in found.message


def test_an_architecture_without_its_arg_is_shown_and_not_written(tmp_path: Path) -> None:
    nodes = CASES["CTX220"]["platforms, by an architecture without its ARG"].nodes
    found = findings(build_tree(tmp_path / "repository", nodes))
    (collision,) = [each for each in found if each.code == "CTX220"]
    assert "share the cache `a-`" in collision.message
    assert collision.help.endswith(", with ARG TARGETARCH above")
    assert collision.fix is None


def test_equal_findings_of_a_file_are_one(tmp_path: Path) -> None:
    case = CASES["CTX223"]["the same in several stages"]
    root = build_tree(tmp_path / "repository", case.nodes)
    (found,) = [each for each in findings(root) if each.code == "CTX223"]
    assert [each.line for each in found.more_locations] == [6]
    assert ("|", "also on line 6") in [*details(found)]


def test_an_accepted_place_hides_no_other(tmp_path: Path) -> None:
    case = CASES["CTX223"]["the same in several stages"]
    root = build_tree(tmp_path / "repository", case.nodes)
    text = (root / "Dockerfile").read_text().replace("RUN npm ci\nFROM", "RUN npm ci # here\nFROM")
    (root / "Dockerfile").write_text(text)
    (root / "ctxsize.toml").write_text(
        '[[suppress]]\ncode = "CTX223"\npattern = "RUN npm ci # here"\nreason = "seldom built"\n'
    )
    (found,) = run(discover(str(root)), load(str(root))).findings
    assert (found.code, found.location.line) == ("CTX223", 6)


def test_a_dockerfile_inside_another_file_is_not_rewritten(tmp_path: Path) -> None:
    lines = (
        *APT.splitlines(),
        "RUN --mount=type=cache,target=/root/.cache/pip \\",
    )
    text = inline(*lines, "    pip install --no-cache-dir a", *APT.splitlines())
    found = findings(build_tree(tmp_path / "repository", [text, file(".dockerignore", b"x\n")]))
    assert {each.code for each in found} == {"CTX221", "CTX222"}
    assert all(each.fix is None and is_snippet(each) for each in found)


NEEDED_LATER = {
    "go run": "FROM golang:1\nCOPY go.mod .\nRUN go mod download\nCOPY a.go .\n"
    'CMD ["go", "run", "."]\n',
    "go run after everything": "FROM golang:1\nCOPY . .\nRUN go mod download\nCMD go run .\n",
    "go test, offline, in a later stage": "FROM golang:1 AS a\nCOPY go.mod .\n"
    "RUN go mod download\nFROM a\nCOPY a.go .\nRUN --network=none go test ./...\n",
    "a mount for Go elsewhere": "FROM golang:1\nCOPY go.mod .\n"
    + MOUNT.format("/x/pkg/mod", "go mod download")
    + "CMD go run .\n",
    "cargo run": 'FROM rust:1\nCOPY Cargo.toml .\nRUN cargo fetch\nENTRYPOINT ["cargo", "run"]\n',
    "cargo run, built before": "FROM rust:1\nWORKDIR /app\nCOPY . .\nRUN cargo build\n"
    'CMD ["cargo", "run", "--offline"]\n',
    "a script, in a stage on the build": "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
    "RUN cargo build\nFROM b\nENTRYPOINT ./run.sh\n",
    "cargo's home, copied": "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"
    "RUN cargo build\nFROM rust:1\nCOPY --from=b /usr/local/cargo /usr/local/cargo\n",
    "dotnet run": "FROM sdk\nCOPY a.csproj .\nRUN dotnet restore\nCMD dotnet run --no-restore\n",
    "mvn": "FROM maven\nCOPY pom.xml .\nRUN mvn dependency:go-offline\nCMD mvn -o test\n",
    "gradle, copied by another stage": "FROM gradle AS a\nCOPY build.gradle .\n"
    "RUN gradle dependencies\nFROM gradle\nCOPY --from=a /root/.gradle /root/.gradle\n",
    "poetry's environments": "FROM python:3\nCOPY pyproject.toml .\nRUN poetry install\n"
    'CMD ["poetry", "run", "a"]\n',
    "a mount for Poetry elsewhere": "FROM python:3\nCOPY pyproject.toml .\n"
    + MOUNT.format("/x/poetry", "poetry install")
    + "CMD poetry run a\n",
    "Plug'n'Play": "FROM node:22\nCOPY package.json .yarnrc.yml ./\nRUN yarn install\n"
    "CMD yarn start\n",
    "a check of health": "FROM golang:1\nCOPY go.mod .\nRUN go mod download\n"
    "HEALTHCHECK CMD go run ./check\nCMD ./a\n",
}


@pytest.mark.parametrize("name", NEEDED_LATER)
def test_no_edit_moves_into_a_cache_what_is_needed_later(name: str, tmp_path: Path) -> None:
    # The sources come first, so that the install is one to speak of.
    before = NEEDED_LATER[name].replace("\nCOPY ", "\nCOPY . /sources/\nCOPY ", 1)
    nodes = [file("Dockerfile", before.encode()), file(".dockerignore", b".git\n")]
    others = ("go.mod", "a.go", "Cargo.toml", "a.csproj", "pom.xml", "build.gradle")
    root = build_tree(
        tmp_path / "r", [*nodes, *others, "pyproject.toml", "package.json", ".yarnrc.yml"]
    )
    advice = run(discover(str(root)), unsafe=True, config=Config())
    for edit in advice.edits:
        after = edit.after.decode()
        added = [e for e in re.findall(r"--mount=\S+", after) if e not in before]
        assert added == [], after
    assert {each.code for each in (*advice.findings, *advice.mended)} & {
        *("CTX202", "CTX210", "CTX222", "CTX223")
    }


@pytest.mark.parametrize(("code", "name"), ALL)
def test_a_rewrite_mends_its_finding_and_brings_no_graver_one(
    code: str, name: str, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    found = findings(root)
    for finding in found:
        if finding.fix is None:
            continue
        for edit in finding.fix.edits:
            assert edit.before == before(edit)
            assert edit.after != edit.before
            if Path(edit.path).name.endswith("Dockerfile"):
                parse_dockerfile(edit.after)
        with applied(finding.fix.edits):
            after = findings(root)
        shown = "\n".join(each.after.decode() for each in finding.fix.edits)
        assert (
            Counter(map(kind, after))[kind(finding)] < Counter(map(kind, found))[kind(finding)]
        ), shown
        graver = {kind(each) for each in after} - {kind(each) for each in found}
        assert not {each for each in graver if each[0] != "CTX223"}, shown


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize(("code", "name"), FOUND)
def test_fixes_end_and_applied_twice_change_nothing(
    code: str, name: str, unsafe: bool, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    advice = run(discover(str(root)), fix=True, unsafe=unsafe, config=Config())
    left = [each for each in advice.findings if each.fix and (unsafe or each.fix.certain)]
    assert not left, left
    with applied(advice.edits):
        again = run(discover(str(root)), fix=True, unsafe=unsafe, config=Config())
    assert again.edits == ()
    assert list(map(kind, again.findings)) == list(map(kind, advice.findings))


@pytest.mark.parametrize(("code", "name"), FOUND)
def test_line_ends_stay_what_they_are(code: str, name: str, tmp_path: Path) -> None:
    case: Case = CASES[code][name]
    root = build_tree(tmp_path / "repository", case.nodes)
    unix = run(discover(str(root)), unsafe=True, config=Config()).edits
    for path in root.rglob("*Dockerfile*"):
        if not path.name.endswith("ignore"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    windows = run(discover(str(root)), unsafe=True, config=Config()).edits
    for one, other in zip(unix, windows, strict=True):
        if Path(one.path).name.endswith("Dockerfile"):
            assert other.after == one.after.replace(b"\n", b"\r\n")
