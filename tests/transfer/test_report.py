"""What reports and commands say about the transfer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.errors import InputError
from ctxsize.model import SourceShare
from tests.trees import build_tree, file

pytestmark = pytest.mark.usefixtures("each_walk")

ROOT = Path(__file__).parents[2]
STAGES = b"""FROM scratch AS one
ARG D=src
COPY $D /x/
FROM scratch
COPY Dockerfile docs /x/
COPY docs /y/
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    nodes = ["src/a.py", "docs/b", "docs/deep/c", file("big", size_bytes=9_000)]
    tree = build_tree(tmp_path / "context", [*nodes, file("Dockerfile", STAGES)])
    monkeypatch.chdir(tree)
    return tree


def ctxsize(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ctxsize", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_each_source_takes(context: Path) -> None:
    transfer = api.measure().transfer
    assert transfer is not None
    assert transfer.follow_paths == ("Dockerfile", "docs")
    assert (transfer.files, transfer.content_bytes) == (3, len(STAGES) + 7 + 12)
    share = SourceShare("COPY", 5, "stage-1", "docs", "docs", "copy", 2, 19)
    assert transfer.sources[1] == share
    assert [each.line for each in transfer.sources] == [5, 5, 6]
    assert not transfer.everything


def test_target_and_arguments(context: Path) -> None:
    report = api.measure(target="ONE", build_arguments={"D": "docs/deep"})
    assert report.transfer is not None
    assert report.transfer.follow_paths == ("docs/deep",)
    with pytest.raises(InputError, match=r"target stage .* could not be found"):
        api.measure(target="two")


def test_the_classic_builder_sends_everything_and_podman_nothing(context: Path) -> None:
    classic, podman = api.measure(builder="classic"), api.measure(builder="podman")
    assert classic.transfer is not None
    assert classic.transfer.everything
    assert classic.transfer.wire_bytes == classic.context.wire_bytes
    assert podman.transfer is None
    assert podman.problems == ()


def test_a_dockerfile_that_cannot_be_used(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY [ /\n")
    report = api.measure(target="")
    (problem,) = report.problems
    assert (report.transfer, problem.code) == (None, "transfer-unknown")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY x\n")
    (problem,) = api.measure(target="one").problems
    assert (problem.path, problem.line) == ("Dockerfile", 2)
    (context / "Dockerfile").unlink()
    report = api.measure()
    assert report.transfer is None
    assert [each.code for each in report.problems] == ["no-dockerfile"]


def test_nothing_is_taken(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY <<E /x\ny\nE\n")
    done = ctxsize("measure")
    assert "nothing: the Dockerfile takes nothing from the context" in done.stdout
    assert ctxsize("ls", "--transfer").stdout == ""


def test_the_instruction_that_takes_everything_is_named(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY src /s\nCOPY . /x\n")
    words = " ".join(ctxsize("measure").stdout.split())
    assert "Transfer all of it" in words
    taken = words.partition("Taken by the Dockerfile")[2].partition("Largest files")[0]
    assert taken.endswith("3 COPY . ")


def test_what_is_assumed_is_said(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM alpine\nARG V\nCOPY src$V /s\n")
    text = " ".join(ctxsize("measure").stdout.split())
    assert "! Dockerfile:3: ARG V has no value and is assumed to be empty" in text
    assert "no ONBUILD triggers in alpine" in text
    shape = json.loads(ctxsize("measure", "--format", "json", "--build-arg", "V=").stdout)
    assert [each["code"] for each in shape["transfer"]["problems"]] == ["unknown-onbuild"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("# syntax=acme/frontend:1\nFROM scratch\nCOPY src /\n", ["unknown-syntax"]),
        ("# syntax=docker/dockerfile:1\nFROM scratch\nCOPY src /\n", []),
        ("FROM alpine\nCOPY src /\n", ["unknown-onbuild"]),
        ("FROM alpine\nCOPY $HOME/src /\n", ["unknown-onbuild", "unknown-environment"]),
        ("FROM scratch\nARG V\nCOPY src$V /\n", ["unknown-argument"]),
        ("ARG V=src\nFROM scratch\nARG V\nCOPY $V /\n", []),
        # What comes from elsewhere takes nothing from the context.
        ("FROM scratch\nCOPY --from=alpine /etc /e\nCOPY src /\n", []),
        ("FROM scratch\nADD https://example.com/x.tar /x\nCOPY src /\n", []),
    ],
)
def test_what_cannot_be_known(context: Path, text: str, codes: list[str]) -> None:
    (context / "Dockerfile").write_text(text)
    transfer = api.measure().transfer
    assert transfer is not None
    assert transfer.follow_paths == ("src",)
    assert [each.code for each in transfer.problems] == codes


def test_triggers_do_not_matter_where_everything_travels(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM alpine\nCOPY . /\n")
    assert "Assumed" not in ctxsize("measure").stdout


def test_commands_take_dockers_flags(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ctxsize("ls", "--transfer", "--target", "one", "--build-arg", "D=docs/deep")
    assert listed.stdout.split() == ["docs/", "docs/deep/", "docs/deep/c"]
    monkeypatch.setenv("D", "docs")
    listed = ctxsize("ls", "--transfer", "--target", "one", "--build-arg", "D")
    assert listed.stdout.split() == ["docs/", "docs/b", "docs/deep/", "docs/deep/c"]
    wrong = ctxsize("measure", "--target", "nope")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert ctxsize("ls", "--transfer", "--all").returncode == 2
    assert ctxsize("ls", "--target", "one").returncode == 2


def test_files_that_only_the_sources_empty_are_a_problem(context: Path) -> None:
    """A source that begins with a blank is sorted before one that takes it away."""
    (context / "Dockerfile").write_text('FROM scratch\nCOPY [" docs/b", "!docs", "/x/"]\n')
    report = api.measure()
    assert report.transfer is not None
    assert (report.transfer.files, report.transfer.content_bytes) == (1, 0)
    (problem,) = (each for each in report.problems if each.code == "arrives-empty")
    assert (problem.code, problem.path, problem.count) == ("arrives-empty", "docs/b", 1)
    assert "a source of the Dockerfile begins with `!`" in problem.message
    done = ctxsize("measure")
    assert "Next: ctxsize explain --trace docs/b  shows why it arrives empty" in done.stdout
    traced = ctxsize("explain", "--trace", "docs/b").stdout
    assert "excludes entries again (`!`), and files may arrive empty" in " ".join(traced.split())
    assert ctxsize("explain", "--trace", "src/a.py").stdout.startswith("src/a.py: sent\n")


def test_the_next_step_lists_what_travels(context: Path) -> None:
    line = "Next: ctxsize ls --transfer --size --target one  lists every entry that is sent"
    assert line in ctxsize("measure", "--target", "one").stdout
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /x\n")
    assert "Next: ctxsize ls --size  lists" in ctxsize("measure").stdout


UNFOUND = {
    "COPY gone /": "the build fails: COPY gone: not found, as it is not in the context",
    "COPY src docs /x/": "the build fails: COPY src: not found, as it is ignored (.dockerignore:1)",
    "COPY src* gone* /x/": None,
    "RUN --mount=type=bind,source=src,target=/y true": (
        "the build fails: RUN src: not found, as it is ignored (.dockerignore:1)"
    ),
    "COPY docs /": None,
}


@pytest.mark.parametrize("line", UNFOUND)
def test_a_source_on_which_the_build_fails_is_told(context: Path, line: str) -> None:
    (context / ".dockerignore").write_text("src\n")
    (context / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    found = [each for each in api.measure().problems if each.code == "source-not-found"]
    assert [each.message for each in found] == [*filter(None, [UNFOUND[line]])]
    assert all((each.path, each.line) == ("Dockerfile", 2) for each in found)
    printed = ctxsize("measure").stdout
    assert ("Next: ctxsize explain --source 2  shows why" in printed) == bool(found)


def test_a_stage_that_is_not_built_fails_nothing(context: Path) -> None:
    (context / "Dockerfile").write_text(
        "FROM scratch AS a\nCOPY gone /\nFROM scratch\nCOPY src /\n"
    )
    assert api.measure().problems == ()
    assert [each.code for each in api.measure(target="a").problems] == ["source-not-found"]


def test_a_loop_that_nothing_follows_spoils_no_share(context: Path) -> None:
    """All of the context travels for one source, so the links that another names are not read."""
    (context / "[a]").symlink_to("[a]/a")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY * /x/\nCOPY . /\n")
    transfer = api.measure().transfer
    assert transfer is not None
    assert transfer.everything
    assert [each.files for each in transfer.sources] == [transfer.files, transfer.files]
    (context / "Dockerfile").write_text("FROM scratch\nCOPY * /x/\n")
    report = api.measure()
    assert report.transfer is None
    assert [each.code for each in report.problems] == ["transfer-unknown"]


@pytest.mark.parametrize("line", ["COPY link /x", "ADD link /x/", "COPY li* /x/"])
def test_a_link_to_what_is_ignored_fails_the_build(context: Path, line: str) -> None:
    """As with Docker 26.1.5 and 28.5.2."""
    (context / ".dockerignore").write_text("src\n")
    (context / "link").symlink_to("src")
    (context / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    (problem,) = api.measure().problems
    assert problem.message.endswith(": not found, as src is ignored (.dockerignore:1)")
    (context / "link").unlink()
    (context / "link").symlink_to("nowhere")
    (problem,) = api.measure().problems
    assert problem.message.endswith(": not found, as nowhere is not in the context")


@pytest.mark.parametrize("source", ["*", "s*", "src/?.py", "[s]rc", "*/a.py"])
def test_mount_knows_no_wildcards(source: str, context: Path) -> None:
    """Docker 26.1.5 and 28.5.2 send what `*` matches, and answer `"/*": not found`."""
    mount = f"RUN --mount=type=bind,source={source},target=/m true\n"
    (context / "Dockerfile").write_text(f"FROM scratch\n{mount}")
    report = api.measure(".")
    assert any("the build fails: RUN" in each.message for each in report.problems)
