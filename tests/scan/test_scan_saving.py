"""The saving that `scan` shows of a build is what `suggest` predicts for its ignore file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.model import Amount
from tests.cli.conftest import Cli, cli
from tests.trees import COPY_ALL, Node, build_tree, file

__all__ = ["cli"]
S = b"FROM scratch\n"
NODES = [
    file("a.Dockerfile", S + b"COPY src /\n"),
    file("b.Dockerfile", COPY_ALL),
    file("src/.vscode/settings.json", size_bytes=700),
    file("src/main.c", size_bytes=300),
    file(".idea/workspace.xml", size_bytes=5_000),
    "main.py",
]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_builds_that_share_an_ignore_file(cli: Cli, tmp_path: Path, order: tuple[str, str]) -> None:
    services = [
        f"  {name}: {{build: {{context: ., dockerfile: {name}.Dockerfile}}}}" for name in order
    ]
    compose = "\n".join(["services:", *services, ""]).encode()
    root = build_tree(tmp_path / "ctx", [*NODES, file("compose.yaml", compose)])
    rows = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    savings = {row["dockerfile"]: row["saving"]["content_bytes"] for row in rows}
    patterns = []
    for name in ("a.Dockerfile", "b.Dockerfile"):
        advice = json.loads(cli("suggest", "-f", name, "--json", cwd=root).out)
        saved = advice["before"]["transfer"]["content_bytes"]
        saved -= advice["after"]["transfer"]["content_bytes"]
        assert savings[name] == saved, name
        patterns.append({line for each in advice["suggestions"] for line in each["patterns"]})
    assert patterns[0] == patterns[1]
    assert {"**/.vscode", "**/.idea", "a.Dockerfile", "b.Dockerfile"} <= patterns[0]


def test_many_contexts_get_their_own_sizes(tmp_path: Path) -> None:
    """A size was kept by the identity of a context, which a later context could get."""
    nodes = list[str | Node]()
    for number in range(12):
        directory = f"s{number}"
        nodes += [
            file(f"{directory}/Dockerfile", b"FROM python:3\nCOPY . .\nRUN pip install -r a\n"),
            file(f"{directory}/a", size_bytes=97 * number),
            file(f"c{number}.yaml", f"services: {{x: {{build: {directory}}}}}\n".encode()),
        ]
    root = build_tree(tmp_path / "ctx", nodes)
    proposed = api.suggest_all(str(root), write=True)
    predicted = {
        proposal.advice.context_path: proposal.advice.after.context
        for proposal in proposed.proposals
    }
    assert len(predicted) == 12
    for context, size in predicted.items():
        assert Amount.of(api.measure(context).context.totals) == size


def test_the_most_costly_build_of_an_ignore_file_is_shown(tmp_path: Path) -> None:
    nodes: list[str | Node] = [
        file("a/Dockerfile", b"FROM x\nCOPY a/f /\n"),
        "a/f",
        file("b/Dockerfile", b"FROM x\nCOPY . .\n"),
        file(
            "Makefile",
            b"a:\n\tdocker build -f a/Dockerfile .\nb:\n\tdocker build -f b/Dockerfile .\n",
        ),
        file(".serena/cache/x.pkl", size_bytes=3_000_000),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    (proposal,) = api.suggest_all(str(root)).proposals
    assert proposal.advice.before.counted.content_bytes > 3_000_000


def test_an_ignore_file_of_a_context_inside_is_hidden_in_the_outer_one(
    cli: Cli, tmp_path: Path
) -> None:
    """It grew there by what is written into it, and the total was below zero."""
    nodes = [
        file("Dockerfile", COPY_ALL),
        file(".dockerignore", b".git\n"),
        file("sub/app/Dockerfile", COPY_ALL),
        file("sub/app/.dockerignore", b"**/bin\n**/obj\n"),
        file("sub/app/bin/a.dll", size_bytes=4_000_000),
        file("compose.yaml", b"services: {a: {build: .}, b: {build: sub/app}}\n"),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    rows = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    saved = sum(row["saving"]["content_bytes"] for row in rows)
    assert saved > 0
    head = cli("suggest", "--all", cwd=root).lines[0]
    assert head.startswith(f"Can be ignored with 6 patterns in 2 ignore files: {saved} B of 4.0 MB")
    cli("suggest", "--all", "--write", cwd=root)
    after = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    sent = [sum(row["transfer"]["content_bytes"] for row in each) for each in (rows, after)]
    assert sent[0] - sent[1] == saved
