"""CTX511 names the command that adds the secret to the ignore file; here it is tried."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.cli.app import run
from tests.trees import COPY_ALL, Node, build_tree, file

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
NPMRC = file(".npmrc", b"//registry.example.org/:_authToken=not-a-real-one\n")
DOCKERFILE = file("Dockerfile", COPY_ALL)
NPM = file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci\n")

SECRETS: dict[str, tuple[list[str | Node], list[str]]] = {
    "safe": ([DOCKERFILE, file("id_rsa", KEY)], []),
    "with blanks": ([DOCKERFILE, file("my keys/id_rsa", KEY)], []),
    "read by a command": ([NPM, NPMRC], ["--only"]),
    "only its name": ([DOCKERFILE, file("credentials.json", b"{}")], []),
    "of a doubtful build": (
        [
            file("Dockerfile", b"FROM a\nARG KEY\nCOPY . .\nCOPY $KEY /root/.ssh/key\n"),
            file("id_rsa", KEY),
        ],
        ["--only"],
    ),
    "a directory": ([DOCKERFILE, file(".ssh/id_rsa", KEY), file(".ssh/config")], []),
}


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("name", SECRETS)
def test_the_named_command_adds_the_secret(
    name: str, elsewhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, options = SECRETS[name]
    context = build_tree(tmp_path / "con text", nodes)
    monkeypatch.chdir(tmp_path if elsewhere else context)
    at = "con text" if elsewhere else "."
    found = [each for each in api.suggest(at).findings if each.code == "CTX511"]
    assert found or name == "only its name"
    for finding in found:
        command = shlex.split(finding.help.partition("ctxsize ")[2])
        assert {*options} <= {*command}
        assert command[-1] == "--write"
        assert run(command) == 0
        assert finding.evidence[0] not in {each.path for each in api.ls(at)}


def test_a_secret_that_no_suggestion_covers_names_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = build_tree(tmp_path / "c", [DOCKERFILE, file("id_rsa", KEY)])
    monkeypatch.setattr("ctxsize.recommender.advisor.suggestions", lambda *_: [])
    (finding,) = [each for each in api.suggest(str(context)).findings if each.code == "CTX511"]
    assert finding.help == "add it to the ignore file by hand, if no build reads it"
