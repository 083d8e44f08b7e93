"""`suggest` over projects of many ecosystems: what is left, what is saved, and that it is true."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import ctxsize
from ctxsize import api
from ctxsize.engine.report import Listing
from ctxsize.formats import Look, render
from ctxsize.model import Amount, Kind
from ctxsize.recommender.outcome import Advice
from tests.recommender.projects import PROJECTS, Project, sources_of
from tests.resolving import resolve
from tests.trees import COPY_ALL, Node, build_tree, file

TARGET = Path(__file__).parents[2] / "examples" / "rust-service" / "target.txt"


def plant(root: Path, project: Project) -> Path:
    return build_tree(root, [*project.nodes, *project.extra])


def sent(root: Path) -> set[str]:
    listed = Listing(resolve(str(root)))
    return {each.path for each in listed if each.kind is not Kind.DIRECTORY}


def measured(root: Path) -> tuple[Amount, Amount | None]:
    """What `measure` counts: the context, and what travels."""
    report = api.measure(str(root))
    totals, transfer = report.context.totals, report.transfer
    travels = None if transfer is None else Amount.of(transfer)
    return Amount.of(totals), travels


def suggested(root: Path, **options: bool) -> Advice:
    return api.suggest(str(root), **options)  # type: ignore[arg-type]


def test_of_suggestions_that_fail_together_the_first_ones_are_made(tmp_path: Path) -> None:
    """BuildKit takes a megabyte of patterns, and each of these paths has three thousand bytes."""
    root = build_tree(tmp_path / "ctx", [file("Dockerfile", COPY_ALL)])
    deep = os.open(root, os.O_RDONLY)
    for _ in range(15):
        os.mkdir("d" * 200, dir_fd=deep)
        deep, above = os.open("d" * 200, os.O_RDONLY, dir_fd=deep), deep
        os.close(above)
    for number in range(360):
        os.mkdir(f"{number}", dir_fd=deep)
        fd = os.open(f"{number}/pyvenv.cfg", os.O_WRONLY | os.O_CREAT, dir_fd=deep)
        os.write(fd, b"home = /usr/bin")
        os.close(fd)
    os.close(deep)
    advice = api.suggest(str(root), write=True, unsafe=True)
    failed = [each for each in advice.blocked if each.trap == "proof"]
    made = [each for each in advice.suggestions if each.rule.name == "python.othervenv"]
    assert len(made) + len(failed) == 360
    assert min(len(made), len(failed)) > 10
    assert all("BuildKit, which accepts at most 1,048,896" in each.reason for each in failed)
    assert advice.after.context == measured(root)[0]


@pytest.mark.parametrize("name", PROJECTS)
def test_one_write_leaves_the_sources(name: str, tmp_path: Path) -> None:
    project = PROJECTS[name]
    root = plant(tmp_path / "ctx", project)
    before = measured(root)
    predicted = suggested(root)
    assert (predicted.before.context, predicted.before.transfer) == before
    written = suggested(root, write=True)
    assert written.written
    assert written.after == predicted.after
    assert (written.after.context, written.after.transfer) == measured(root)
    assert sent(root) == sources_of(project)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_second_run_suggests_nothing(name: str, tmp_path: Path) -> None:
    root = plant(tmp_path / "ctx", PROJECTS[name])
    suggested(root, write=True)
    data = (root / ".dockerignore").read_bytes()
    again = suggested(root, write=True)
    assert [each for each in again.suggestions if each.safe] == []
    assert not again.written
    assert (root / ".dockerignore").read_bytes() == data


def test_the_service_of_20_gb(tmp_path: Path) -> None:
    """`target/` of 20 GB, no ignore file, `.cargo/`, IDE files, docs.

    A tenth of its 41,396 files are there; `tests/story` has them all.
    """
    root = build_tree(
        tmp_path / "ctx",
        [
            file("Dockerfile", b"FROM rust AS build\nCOPY . .\nRUN cargo build --release\n"),
            *("Cargo.toml", "Cargo.lock", "src/main.rs", "src/aggregate/mod.rs"),
            *(".idea/workspace.xml", ".vscode/settings.json", "docs/design.md", "docs/flow.svg"),
            file(".cargo/registry/index/x", size_bytes=40_000_000),
            file(".cargo/git/db/y", size_bytes=1_000_000),
        ],
    )
    in_target = 0
    for line in TARGET.read_text().splitlines():
        if line and not line.startswith("#"):
            directory, count, size = line.split()
            files = -(-int(count) // 10)
            fill(root / directory, files, int(size))
            in_target += files
    assert in_target > 4_000
    before = suggested(root)
    assert before.before.context.files == in_target + 11
    assert before.before.context.content_bytes > 20_200_000_000
    assert before.suggestions[0].patterns == ("**/target",)
    assert before.suggestions[0].size.context.files == in_target
    after = suggested(root, write=True)
    assert sent(root) == {"Cargo.toml", "Cargo.lock", "src/main.rs", "src/aggregate/mod.rs"}
    assert after.after.context == measured(root)[0]
    assert [each for each in suggested(root).suggestions if each.safe] == []


def fill(directory: Path, files: int, size_bytes: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    each, rest = divmod(size_bytes, files)
    for number in range(files):
        with (directory / f"unit-{number:05d}.o").open("wb") as made:
            os.truncate(made.fileno(), each + (rest if number == 0 else 0))


def tree(root: Path, *nodes: str | Node, dockerfile: bytes = COPY_ALL) -> Path:
    return build_tree(root, [file("Dockerfile", dockerfile), *nodes])


def repository(root: Path, *tracked: str) -> None:
    for arguments in (["init", "-q"], ["add", "-f", *tracked]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def patterns(advice: Advice, *, safe: bool = True) -> set[str]:
    return {line for each in advice.suggestions if each.safe is safe for line in each.patterns}


def blocked(advice: Advice) -> dict[str, str]:
    return {each.path: each.trap for each in advice.blocked}


CARGO = b"FROM rust AS build\nCOPY . .\nRUN cargo build\n"


def test_what_a_dockerfile_copies_by_name_stays(tmp_path: Path) -> None:
    text = CARGO + b"FROM scratch\nCOPY target/release/app /app\n"
    root = tree(tmp_path / "ctx", "Cargo.toml", "target/release/app", dockerfile=text)
    advice = suggested(root, write=True)
    assert blocked(advice) == {"target": "copied_by_name"}
    assert "target/release/app" in sent(root)


def test_so_does_what_another_dockerfile_of_the_context_copies(tmp_path: Path) -> None:
    other = file("docker/web.Dockerfile", b"FROM scratch\nCOPY web/dist /www\n")
    nodes = ("web/package.json", "web/dist/index.html", ".gitignore")
    root = tree(tmp_path / "ctx", *nodes, other, dockerfile=CARGO)
    (root / ".gitignore").write_text("dist\n")
    repository(root, ".gitignore", "Dockerfile", "web/package.json")
    assert blocked(suggested(root))["web/dist"] == "copied_by_name"
    build_tree(root, [file("docker/web.Dockerfile.dockerignore", b"")])
    assert "web/dist" not in blocked(suggested(root))


def test_a_stage_that_the_target_does_not_reach_counts_too(tmp_path: Path) -> None:
    text = b"FROM scratch AS unused\nCOPY app/node_modules /m\n" + CARGO
    root = tree(tmp_path / "ctx", "app/package.json", "app/node_modules/x", dockerfile=text)
    assert blocked(suggested(root)) == {"app/node_modules": "copied_by_name"}


def test_what_git_tracks_stays(tmp_path: Path) -> None:
    root = tree(tmp_path / "ctx", "Cargo.toml", "target/notes.md", dockerfile=CARGO)
    repository(root, "Cargo.toml", "target/notes.md")
    advice = suggested(root)
    assert {each.path: each.reason for each in advice.blocked} == {
        "target": "git tracks target/notes.md"
    }


def test_a_name_alone_is_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path / "ctx", "target/x", "build/y", "dist/z", "vendor/v", "bin/tool", "~")
    assert patterns(suggested(root)) == set()
    assert suggested(root).edit is None, "nobody commits a file that hides the Dockerfile alone"
    assert patterns(suggested(root), safe=False) == set()


def test_git_stays_where_the_version_comes_from_it(tmp_path: Path) -> None:
    scm = file("pyproject.toml", b'[build-system]\nrequires = ["setuptools-scm"]\n')
    text = b"FROM python AS b\nCOPY . .\nRUN pip install .\n"
    root = tree(tmp_path / "ctx", scm, "docs/a.md", ".venv/pyvenv.cfg", dockerfile=text)
    repository(root, "pyproject.toml", "docs/a.md", "Dockerfile")
    advice = suggested(root)
    found = blocked(advice)
    assert found[".git"] == found["docs"] == found["Dockerfile"] == "scm_version_in_build"
    assert "**/.venv" in patterns(advice)


def test_git_goes_where_nothing_asks_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "ctx", "Cargo.toml", "src/main.rs", dockerfile=CARGO)
    repository(root, "Cargo.toml", "src/main.rs")
    assert "**/.git" in patterns(suggested(root))


def test_dependencies_are_a_doubt_where_no_stage_installs_them(tmp_path: Path) -> None:
    modules = file("node_modules/.package-lock.json", size_bytes=400_000)
    advice = suggested(tree(tmp_path / "ctx", "package.json", modules))
    assert "**/node_modules" in patterns(advice, safe=False)


def test_paths_where_the_name_means_something_else_elsewhere(tmp_path: Path) -> None:
    nodes = ("a/Cargo.toml", "a/target/debug/x", "b/target/source.c")
    root = tree(tmp_path / "ctx", *nodes, dockerfile=CARGO)
    advice = suggested(root, write=True)
    assert "a/target" in patterns(advice)
    assert "b/target/source.c" in sent(root)


def test_documents_that_a_source_reads_are_not_safe(tmp_path: Path) -> None:
    source = file("src/lib.rs", b'const HELP: &str = include_str!("../docs/help.md");\n')
    root = tree(tmp_path / "ctx", "Cargo.toml", "docs/help.md", source, dockerfile=CARGO)
    advice = suggested(root)
    assert "docs" not in patterns(advice)
    doubts = {each.rule.name: each.doubts for each in advice.suggestions}
    assert doubts["docs.directory"] == ("src/lib.rs mentions it",)


def test_a_source_whose_name_is_not_known_makes_everything_doubtful(tmp_path: Path) -> None:
    text = CARGO + b"FROM scratch\nARG OUT\nCOPY $OUT /app\n"
    root = tree(tmp_path / "ctx", "Cargo.toml", "target/x", dockerfile=text)
    assert "**/target" not in patterns(suggested(root))
    known = api.suggest(str(root), build_arguments={"OUT": "target/x"})
    assert blocked(known)["target"] == "copied_by_name"


def test_unsafe_and_only(tmp_path: Path) -> None:
    nodes = ("Cargo.toml", file("data/rows.csv", size_bytes=60_000_000), "target/x")
    root = tree(tmp_path / "ctx", *nodes, dockerfile=CARGO)
    assert patterns(suggested(root), safe=False) == {"data"}
    only = api.suggest(str(root), only=["ml.data"])
    assert [each.rule.name for each in only.suggestions if each.chosen] == ["ml.data"]
    assert api.suggest(str(root), only=["data"]).edit == only.edit
    both = suggested(root, unsafe=True)
    assert all(each.chosen for each in both.suggestions)
    with pytest.raises(ctxsize.InputError, match="no suggestion has the name"):
        api.suggest(str(root), only=["rust.nothing"])


def test_large_and_unexplained_is_a_question(tmp_path: Path) -> None:
    nodes = ("Cargo.toml", file("assets/raw/film.mov", size_bytes=80_000_000), "assets/a.txt")
    root = tree(tmp_path / "ctx", *nodes, dockerfile=CARGO)
    assert [each.path for each in suggested(root).questions] == ["assets/raw/film.mov"]


def test_what_git_ignores_and_docker_would_be_sent(tmp_path: Path) -> None:
    nodes = ("Cargo.toml", file("scratch/big.bin", size_bytes=3_000_000), "scratch/small")
    root = tree(tmp_path / "ctx", *nodes, file(".gitignore", b"/scratch\n"), dockerfile=CARGO)
    repository(root, "Cargo.toml", ".gitignore")
    advice = suggested(root)
    assert advice.git_ignored is not None
    assert advice.git_ignored.files == 2
    assert [each.rule.name for each in advice.suggestions if not each.safe] == ["any.gitignored"]


def test_secrets_among_what_git_ignores_are_counted(tmp_path: Path) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
    token = file(".env", b"API_KEY=abcdefgh1234567890\n")
    nodes = ("Cargo.toml", token, file("keys/a.pem", key), "keys/readme.txt", file("own.pem", key))
    rules = file(".gitignore", b"/keys\n.env\n")
    root = tree(tmp_path / "ctx", *nodes, rules, dockerfile=CARGO)
    assert suggested(root).git_ignored_secrets is None
    repository(root, "Cargo.toml", ".gitignore", "own.pem")
    advice = suggested(root)
    assert advice.git_ignored is not None
    assert (advice.git_ignored.files, advice.git_ignored_secrets) == (3, 2)
    text = " ".join(render("text", advice, Look()).split())
    assert "that git ignores would be sent, with 2 secrets" in text
    assert json.loads(render("json", advice, Look()))["git_ignored_secrets"] == 2
    written = suggested(root, write=True)
    assert written.written
    assert suggested(root).git_ignored_secrets == 0


def test_what_is_taken_from_the_same_directory_under_another_name_stays(tmp_path: Path) -> None:
    text = CARGO + b"FROM scratch\nCOPY --from=again target/app /app\nCOPY --from=build /a /\n"
    root = tree(tmp_path / "ctx", "Cargo.toml", "target/app", dockerfile=text)
    elsewhere = {"again": str(build_tree(tmp_path / "other", ["target/app"]))}
    assert "**/target" in patterns(api.suggest(str(root), build_contexts=elsewhere))
    advice = api.suggest(str(root), build_contexts={"again": str(root)})
    assert not {each for each in patterns(advice) if "target" in each}
    assert blocked(advice)["target"] == "copied_by_name"


def test_what_a_build_of_another_context_takes_from_this_one(tmp_path: Path) -> None:
    worker = b"FROM scratch\nCOPY --from=top target/app /app\n"
    root = tree(tmp_path, "Cargo.toml", "target/app", file("w/Dockerfile", worker), "w/x")
    (root / "Dockerfile").write_bytes(CARGO)
    assert "**/target" in patterns(suggested(root))
    (root / "compose.yaml").write_text(
        "services: {w: {build: {context: w, additional_contexts: {top: .}}}}\n"
    )
    assert blocked(suggested(root))["target"] == "copied_by_name"


@pytest.mark.parametrize("name", ["src", "${BASE}"])
def test_a_stage_that_is_a_named_context_has_all_of_it(tmp_path: Path, name: str) -> None:
    worker = f"ARG BASE=src\nFROM {name}\nCMD node /server.js\n".encode()
    root = tree(
        tmp_path,
        *("package.json", file("node_modules/.package-lock.json", size_bytes=400_000)),
        file("w/Dockerfile", worker),
        dockerfile=b"FROM node\nCOPY . .\nRUN npm ci\n",
    )
    assert "**/node_modules" in patterns(suggested(root))
    (root / "compose.yaml").write_text(
        "services: {w: {build: {context: w, additional_contexts: {src: .}}}}\n"
    )
    assert "**/node_modules" in patterns(suggested(root), safe=False)


def test_the_classic_builder_and_podman(tmp_path: Path) -> None:
    for builder in ("classic", "podman"):
        root = tree(tmp_path / builder, "Cargo.toml", "target/x", dockerfile=CARGO)
        advice = api.suggest(str(root), builder=builder, write=True)
        assert advice.written
        report = api.measure(str(root), builder=builder)
        assert report.context.totals.content_bytes == advice.after.context.content_bytes
        assert not [
            each for each in api.suggest(str(root), builder=builder).suggestions if each.safe
        ]


def test_written_into_the_file_of_the_dockerfile(tmp_path: Path) -> None:
    specific = file("Dockerfile.dockerignore", b"# mine\n")
    root = tree(tmp_path / "ctx", "Cargo.toml", "target/x", specific, dockerfile=CARGO)
    suggested(root, write=True)
    assert b"**/target" in (root / "Dockerfile.dockerignore").read_bytes()
    assert not (root / ".dockerignore").exists()


def test_a_large_directory_goes_but_for_what_is_copied_by_name(tmp_path: Path) -> None:
    text = CARGO + b"FROM scratch\nCOPY target/release/app target/quarkus-* /app/\n"
    nodes = (
        *("Cargo.toml", "target/release/app", "target/quarkus-app/lib/x.jar"),
        file("target/debug/x.rlib", size_bytes=5_000_000),
    )
    root = tree(tmp_path / "ctx", *nodes, dockerfile=text)
    advice = suggested(root, write=True)
    found = next(each for each in advice.suggestions if each.rule.name == "rust.target")
    assert found.patterns == ("target", "!target/quarkus-*", "!target/release/app")
    assert found.keeps == ("target/quarkus-app", "target/release/app")
    assert {path for path in sent(root) if path.startswith("target")} == {
        "target/release/app",
        "target/quarkus-app/lib/x.jar",
    }
    assert advice.after.context == measured(root)[0]
    again = suggested(root)
    assert [each for each in again.suggestions if each.safe] == []


def test_a_dockerfile_outside_the_context_that_compose_names_counts(tmp_path: Path) -> None:
    compose = """\
services:
  app:
    build: {context: ./svc, dockerfile: ../docker/app.Dockerfile, args: {OUT: release}}
  side:
    build:
      context: ./svc
      dockerfile_inline: |
        FROM scratch
        COPY web/node_modules/x /x
"""
    outside = b"FROM scratch\nARG OUT\nCOPY target/$OUT/app /app\n"
    top = build_tree(
        tmp_path / "top",
        [
            file("compose.yaml", compose.encode()),
            file("docker/app.Dockerfile", outside),
            file("svc/Dockerfile", CARGO + b"RUN npm ci\n"),
            *("svc/Cargo.toml", "svc/target/release/app", "svc/.idea/workspace.xml"),
            *("svc/web/package.json", "svc/web/node_modules/x"),
        ],
    )
    repository(top, "compose.yaml", "docker", "svc/Dockerfile", "svc/Cargo.toml")
    advice = suggested(top / "svc")
    found = blocked(advice)
    assert found["target"] == found["web/node_modules"] == "copied_by_name"
    assert "**/.idea" in patterns(advice)


def test_a_weak_rule_does_not_stand_before_a_strong_one(tmp_path: Path) -> None:
    nodes = (file(".venv/test/pyvenv.cfg", b"home\n"), ".venv/test/lib/__pycache__/x.pyc")
    root = tree(tmp_path / "ctx", *nodes, dockerfile=CARGO)
    assert ".venv/test" in patterns(suggested(root))
