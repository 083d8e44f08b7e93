"""What commands really run."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.recommender.running import carried_out, run_text
from ctxsize.shell import commands
from tests.oracles.trees import build_tree, file

RUN = {
    "npm ci": "npm ci",
    "/usr/bin/npm ci": "npm ci",
    "npx --yes next build": "next build",
    "sh ./gradlew build": "gradlew build",
    "timeout -k 5 10m mvn package": "mvn package",
    "python3.12 -m pip install .": "pip install .",
    "bundle exec rails assets:precompile": "rails assets:precompile",
    "poetry run python setup.py build": "setup.py build",
    "corepack pnpm exec vite build": "vite build",
    "env A=1 sudo -u me make": "make",
    "echo mvn package": "echo mvn package",
    "A=1": "",
}
FILES = {
    "/s/a.sh": "#!/bin/sh\ncd b && ./c.sh\nmake all X=1\n",
    "/s/b/c.sh": "mvn package\n. ../../end.sh\n",
    "/s/loop.sh": "./loop.sh\n" * 1000,
    "/s/x.py": "make\n",
    "/s/app": "\x7fELF\nmake\n",
    "/s/tool": "#!/usr/bin/env python\nmake\n",
    "/s/huge.sh": "make\n" * 100_000,
    "/s/Makefile": "MVN := ./mvnw\n.PHONY: all\nall: jar\njar: v\n\t@$(MVN) package \\\n  -q\n"
    "v:\n\techo v\nother:\n\tfalse\n",
    "/s/justfile": "default:\n  just build\nbuild p='x': fetch\n  gradle jar\nfetch:\n  true\n",
}


def find(path: str) -> str | None:
    return FILES.get(posixpath.normpath(path))


CARRIED_OUT = {
    "make": ["make", "echo v", "./mvnw package -q"],
    "make v": ["make v", "echo v"],
    "make V=1 other": ["make V=1 other", "false"],
    "make -C /s v": ["make -C /s v", "echo v"],
    "make -C /t": ["make -C /t"],
    "just build": ["just build", "true", "gradle jar"],
    "just": ["just", "just build", "true", "gradle jar"],
    "./b/c.sh": ["./b/c.sh", "mvn package", ". ../../end.sh"],
    "./x.py": ["./x.py"],
    "./app": ["./app"],
    "./tool": ["./tool"],
    "./huge.sh": ["./huge.sh"],
    "./unknown.sh": ["./unknown.sh"],
}


@pytest.mark.parametrize("text", RUN)
def test_launchers_are_not_what_is_run(text: str) -> None:
    assert [run_text(each) for each in commands(text)] == [RUN[text]]


@pytest.mark.parametrize("text", CARRIED_OUT)
def test_scripts_are_followed(text: str) -> None:
    (command,) = commands(text)
    found = [" ".join(each.words) for _, each in carried_out("/s", command, find)]
    assert found == CARRIED_OUT[text]


def test_commands_of_a_script_stand_where_it_runs_them() -> None:
    (command,) = commands("sh a.sh")
    found = [(at, " ".join(each.words)) for at, each in carried_out("/s", command, find)]
    assert found[:4] == [
        ("/s", "sh a.sh"),
        ("/s/b", "cd b"),
        ("/s/b", "./c.sh"),
        ("/s/b", "mvn package"),
    ]


def test_scripts_that_run_each_other_come_to_an_end() -> None:
    (command,) = commands("./loop.sh")
    assert len([*carried_out("/s", command, find)]) == 1001


@pytest.mark.parametrize(
    ("commands", "safe"),
    [
        ("RUN terraform init && terraform validate", True),
        ("RUN terraform -chdir=. init", True),
        ("RUN ./deploy.sh", True),
        ("RUN terraform validate", False),
        ('ENTRYPOINT ["terraform", "plan"]', False),
    ],
)
def test_what_terraform_fetched_is_kept_where_nothing_fetches_it(
    commands: str, safe: bool, tmp_path: Path
) -> None:
    dockerfile = file("Dockerfile", f"FROM x\nCOPY . .\n{commands}\n".encode())
    root = build_tree(tmp_path / "ctx", [dockerfile, "main.tf", ".terraform/providers/aws"])
    found = {each.rule: each.safe for each in api.suggest(str(root)).suggestions}
    assert found["terraform.state"] == safe
