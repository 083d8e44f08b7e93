"""Each trap has a case in which it speaks and one in which it is silent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.recommender.traps import TRAPS
from tests.recommender.test_suggest import repository
from tests.trees import Node, build_tree, file

BUILD = "FROM base.invalid/x AS b\nCOPY . .\nRUN {}\n"


@dataclass(frozen=True)
class Case:
    """A context, what git tracks of it, and the path about which the trap speaks."""

    path: str
    nodes: tuple[str | Node, ...]
    command: str = "make"
    more: str = ""
    tracked: tuple[str, ...] | None = None


NODE = ("package.json", "node_modules/.package-lock.json")
RUST = ("Cargo.toml", "target/x")
DATA = ("services/data/x.csv", file("services/data/rows.csv", size_bytes=60_000_000))
SCM = file("pyproject.toml", b'requires = ["setuptools_scm"]\n')
VITE = file("package.json", b'{"devDependencies": {"vite": "6"}}')
WORKSPACE = file("Cargo.toml", b'[workspace]\nmembers = ["e2e"]\n')
E2E = ("e2e/x.rs", file("e2e/big.bin", size_bytes=9_000_000))
BROWSER = ("playwright.config.ts", "package.json", "e2e/tsconfig.json", *E2E)
TERRAFORM = ("main.tf", ".terraform/providers/aws")
CRATE = (
    file("Cargo.toml", b"[package]\n"),
    file("src/lib.rs", b'#![doc = include_str!("../README.md")]\n'),
    "README.md",
)
SPEAKS = {
    "copied_by_name": Case("target", RUST, more="COPY target/x /\n"),
    "author_exception": Case("target", (*RUST, file(".dockerignore", b"target\n!target/x\n"))),
    "unknown_source": Case("target", RUST, more="ARG WHAT\nCOPY $WHAT /\n"),
    "tracked": Case("target", RUST, tracked=("target/x",)),
    "matches_manifest": Case("composer.lock", ("composer.json", "composer.lock")),
    "scm_version_in_build": Case(".git", (SCM,), tracked=("pyproject.toml",)),
    "mentioned": Case("e2e", (WORKSPACE, *E2E)),
    "test_stage": Case("e2e", E2E, command="pytest"),
    "no_install_step": Case("node_modules", NODE, command="true"),
    "prebuilt_pipeline": Case("target", RUST, command="apk add build-base python3 make"),
    "env_at_build": Case(".env", (VITE, file(".env", b"VITE_URL=x\n"))),
    "read_by_build": Case(".npmrc", (file(".npmrc", b"_authToken=x\n"),), command="npm ci"),
    "site_generator": Case("docs", ("docs/index.md", "mkdocs.yml")),
    "not_initialised": Case(".terraform", TERRAFORM, "apk add terraform", "CMD ./run.sh\n"),
    "named_by_source": Case("README.md", CRATE, "cargo build"),
    "own_package": Case("e2e", (*BROWSER, "e2e/package.json"), "npm ci"),
    "uploaded": Case("Dockerfile", ("fly.toml",)),
}
SILENT = {
    "copied_by_name": Case("target", RUST, more="FROM scratch\nCOPY --from=b /app/target/x /\n"),
    "author_exception": Case("target", (*RUST, file(".dockerignore", b"*\n!*\n"))),
    "unknown_source": Case("target", RUST, more="ARG WHAT=Cargo.toml\nCOPY $WHAT /\n"),
    "tracked": Case("target", RUST, tracked=("Cargo.toml",)),
    "matches_manifest": Case("docker-compose.yml", (file("docker-compose.yml", b"services:\n"),)),
    "scm_version_in_build": Case(
        ".git", (file("pyproject.toml", b"[project]\n"),), tracked=("pyproject.toml",)
    ),
    "mentioned": Case("e2e", (file("Cargo.toml", b"[package]\n"), *E2E)),
    "test_stage": Case("e2e", E2E, command="npm run build"),
    "no_install_step": Case("node_modules", NODE, command="npm ci"),
    "prebuilt_pipeline": Case("target", RUST, command="cargo build"),
    "env_at_build": Case(".env", (file("package.json", b"{}"), file(".env", b"A=x\n"))),
    "read_by_build": Case(".npmrc", (file(".npmrc", b"_authToken=x\n"),), command="make"),
    "site_generator": Case("docs", ("docs/index.md",)),
    "not_initialised": Case(".terraform", TERRAFORM, command="apk add tofu && tofu init"),
    "named_by_source": Case("README.md", CRATE),
    "own_package": Case("e2e", BROWSER, "npm ci"),
    "uploaded": Case("Dockerfile", ("deploy/fly.toml",)),
}


RUN_SH = (".github/workflows/x.yml", file("run.sh", b"cat .github/workflows/x.yml\n"))

MENTIONED = {
    "by a script": Case(".github", RUN_SH, command="sh run.sh"),
    "by a manifest": Case("docs", ("docs/a.md", file("pyproject.toml", b'readme = "docs/a.md"\n'))),
    **{
        f"by the workspace of a {name}": Case("e2e", (file(name, text), *E2E))
        for name, text in {
            "settings.gradle": b"include ':e2e'\n",
            "pnpm-workspace.yaml": b"packages:\n  - e2e\n",
            "go.work": b"use ./e2e",
            "pom.xml": b"<modules><module>e2e</module></modules>\n",
            "all.sln": b'Project("{F}") = "Tests", "e2e\\Tests\\Tests.csproj"\n',
            "package.json": b'{"workspaces": ["e2e"]}\n',
        }.items()
    },
}
NOT_MENTIONED = {
    "by a script": Case(".github", (".github/workflows/x.yml", file("run.sh", b"make\n"))),
    "by a script that no RUN runs": Case(".github", RUN_SH),
    "by a manifest": Case("docs", ("docs/a.md", file("pyproject.toml", b'readme = "README.md"\n'))),
}


def spoken(case: Case, root: Path) -> set[str]:
    """The traps that speak about the path of `case`."""
    from ctxsize.api import plan_for
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.advisor import Advisor

    text = (BUILD.format(case.command) + case.more).encode()
    build_tree(root, [file("Dockerfile", text), *case.nodes])
    if case.tracked is not None:
        repository(root, *case.tracked)
    found = Advisor(Snapshot.take(plan_for(str(root)))).found
    return {each.trap for match in found for each in match.objections if match.path == case.path}


@pytest.mark.parametrize("name", TRAPS)
def test_each_trap_is_seen(name: str, tmp_path: Path) -> None:
    assert name in spoken(SPEAKS[name], tmp_path / "ctx")


ALSO = [
    ("not_initialised", SPEAKS["not_initialised"], True),
    ("not_initialised", Case(".terraform", TERRAFORM, "true", "CMD terraform plan\n"), True),
    ("not_initialised", Case(".terraform", TERRAFORM), False),
    ("tracked", Case("target", (*RUST, file(".git/HEAD", b"nonsense"))), True),
    ("tracked", Case("target", RUST), False),
    ("read_by_build", Case("server.key", (file("server.key", b"key: value\n"),)), True),
    ("read_by_build", Case("id_rsa", (file("id_rsa", b"key: value\n"),)), False),
]


@pytest.mark.parametrize(("name", "case", "speaks"), ALSO)
def test_a_trap_of_two_reasons(name: str, case: Case, speaks: bool, tmp_path: Path) -> None:
    assert (name in spoken(case, tmp_path / "ctx")) is speaks


@pytest.mark.parametrize("name", TRAPS)
def test_no_trap_is_seen_where_there_is_none(name: str, tmp_path: Path) -> None:
    assert name not in spoken(SILENT[name], tmp_path / "ctx")


@pytest.mark.parametrize("name", MENTIONED)
def test_a_mention_is_seen(name: str, tmp_path: Path) -> None:
    assert "mentioned" in spoken(MENTIONED[name], tmp_path / "ctx")


@pytest.mark.parametrize("name", NOT_MENTIONED)
def test_no_mention_is_seen_where_there_is_none(name: str, tmp_path: Path) -> None:
    assert "mentioned" not in spoken(NOT_MENTIONED[name], tmp_path / "ctx")


def test_what_a_trap_forbids_is_not_in_any_edit(tmp_path: Path) -> None:
    for name, case in SPEAKS.items():
        root = tmp_path / name
        text = (BUILD.format(case.command) + case.more).encode()
        build_tree(root, [file("Dockerfile", text), *case.nodes])
        if case.tracked is not None:
            repository(root, *case.tracked)
        advice = api.suggest(str(root))
        chosen = {path for each in advice.suggestions if each.chosen for path in each.paths}
        assert case.path not in chosen, name


TAG = file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n")
BUILD_SH = file("build.sh", b"#!/bin/sh\nmvn -q package\n")
JAR = ("pom.xml", "src/A.java", "target/maven-archiver/pom.properties", "target/app.jar", BUILD_SH)
NEXT = ("package.json", "next.config.js", ".next/BUILD_ID", ".next/build-manifest.json")
GEMS = ("Gemfile", "Gemfile.lock", "vendor/bundle/ruby/3.3.0/gems/x.rb")
BUILT = [
    ("target", (*RUST, TAG), "npm ci && cp target/x /", "cargo build && cp target/x /"),
    ("target", (*RUST, TAG), "apt-get install -y build-essential make", "cargo build --release"),
    ("target", JAR, "pip install awscli", "mvn package"),
    ("target", JAR, "apt-get install -y maven make", "mvn package"),
    ("target", JAR, "./build.sh", "mvn package"),
    ("target", JAR, "./unknown.sh", "./mvnw -B verify"),
    (".next", NEXT, "npm ci --omit=dev", "npm ci && npm run build"),
    (".next", NEXT, "yarn install --frozen-lockfile", "yarn && yarn build"),
]


def is_safe(root: Path, nodes: tuple[str | Node, ...], command: str, path: str) -> bool:
    build_tree(root, [*nodes, file("Dockerfile", BUILD.format(command).encode())])
    return any(each.safe for each in api.suggest(str(root)).suggestions if path in each.paths)


@pytest.mark.parametrize(("path", "nodes", "other", "own"), BUILT)
def test_what_no_command_of_its_own_builds_may_be_needed(
    path: str, nodes: tuple[str | Node, ...], other: str, own: str, tmp_path: Path
) -> None:
    assert not is_safe(tmp_path / "other", nodes, other, path)
    assert is_safe(tmp_path / "own", nodes, own, path)


def test_gems_are_installed_by_bundle_install(tmp_path: Path) -> None:
    assert not is_safe(tmp_path / "a", GEMS, "bundle exec rake assets", "vendor/bundle")
    assert is_safe(tmp_path / "b", GEMS, "bundle install", "vendor/bundle")


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
    found = {each.rule.name: each.safe for each in api.suggest(str(root)).suggestions}
    assert found["terraform.state"] == safe
