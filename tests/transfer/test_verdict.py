"""The verdict of `measure`: what it knows of a context by names, sizes and `.gitignore`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine import directories
from ctxsize.formats.wording import level, reasons
from ctxsize.globs import is_glob
from ctxsize.knowledge.rules import SAFE_FROM, Category, EntryType, Marker, Rule, all_rules
from ctxsize.model import Report
from tests.trees import COPY_ALL, Node, build_tree, fifo, file, link

pytestmark = pytest.mark.usefixtures("each_walk")

MB = 1_000_000
ALL = file("Dockerfile", COPY_ALL)
SOURCES = [file("Dockerfile", b"FROM scratch\nCOPY src /src\nCOPY *.json /\n"), "src/index.js"]
MODULES: list[str | Node] = ["package.json", file("node_modules/a/index.js", size_bytes=90_000)]
TARGET: list[str | Node] = ["Cargo.toml", file("target/debug/app", size_bytes=20_000 * MB)]
GIT: list[str | Node] = [".git/HEAD", ".git/objects/ab/x", ".git/refs/heads/main"]
BLOB = file("data/blob.bin", size_bytes=40 * MB)
BUILDERS = ("buildkit", "classic", "podman")


def copying(*sources: str) -> Node:
    lines = "".join(f"COPY {each} /\n" for each in sources)
    return file("Dockerfile", b"FROM scratch\n" + lines.encode())


def ignoring(text: bytes) -> Node:
    return file(".dockerignore", text)


WORTH_A_LOOK: dict[str, tuple[list[str | Node], dict[str, tuple[str, ...]]]] = {
    "a Rust service": ([ALL, *TARGET], {"size": (), "unneeded": ("target",)}),
    "a tagged target": (
        [ALL, "target/CACHEDIR.TAG", file("target/a", size_bytes=5_000)],
        {"unneeded": ("target",)},
    ),
    "a Node project": ([ALL, *MODULES], {"unneeded": ("node_modules",)}),
    "packages of a workspace": (
        [ALL, "a/package.json", "a/node_modules/x/i.js", "b/package.json", "b/node_modules/y/i.js"],
        {"unneeded": ("a/node_modules", "b/node_modules")},
    ),
    "markers inside": (
        [ALL, "vendor/autoload.php", "composer.json", file("vendor/a/b", size_bytes=1_000)],
        {"unneeded": ("vendor",)},
    ),
    "markers by their ending": (
        [ALL, "app.csproj", "obj/project.assets.json", file("obj/x.dll", size_bytes=1_000)],
        {"unneeded": ("obj",)},
    ),
    "no Dockerfile": (MODULES, {"unneeded": ("node_modules",), "problems": ()}),
    "a repository": (
        [ALL, *GIT, file(".git/objects/pack/p", size_bytes=2 * MB), file("a", size_bytes=40 * MB)],
        {"unneeded": (".git",), "large-file": ("a",)},
    ),
    "an ignore file that forgets it": (
        [ALL, ignoring(b"*.log\n"), *MODULES],
        {"unneeded": ("node_modules",)},
    ),
    "an allow-list that lets it in": (
        [ALL, ignoring(b"*\n!app\n"), "app/package.json", file("app/node_modules/i", b"x" * 900)],
        {"unneeded": ("app/node_modules",)},
    ),
    "what a directory that is taken holds": (
        [copying("app"), "app/package.json", file("app/node_modules/a/i.js", size_bytes=9_000)],
        {"unneeded": ("app/node_modules",)},
    ),
    "a blob": ([ALL, BLOB], {"large-file": ("data/blob.bin",)}),
    "a blob that git ignores": (
        [ALL, BLOB, file(".gitignore", b"# data\n*.py[cod]\n*.bin\n")],
        {"git-ignored": ("data/blob.bin",)},
    ),
    "a directory that git ignores": (
        [ALL, BLOB, file(".gitignore", b"/data/\n")],
        {"git-ignored": ("data",)},
    ),
    "a deep directory that git ignores": (
        [ALL, file("services/web/src/gen/a", size_bytes=9_000), file(".gitignore", b"gen/\n")],
        {"git-ignored": ("services/web/src/gen",)},
    ),
    "a .gitignore that is not sent": (
        [ALL, ignoring(b".gitignore\n"), file(".gitignore", b"/data\n"), BLOB],
        {"git-ignored": ("data",)},
    ),
    "small, but most of it": (
        [ALL, file(".gitignore", b"out/\n"), file("out/a", size_bytes=900), "a.py"],
        {"git-ignored": ("out",)},
    ),
    ".env": ([ALL, ".env"], {"secret": (".env",)}),
    ".env of production": (
        [ALL, "deploy/.env.production"],
        {"secret": ("deploy/.env.production",)},
    ),
    "a key": ([ALL, "keys/id_rsa", "keys/id_rsa.pub"], {"secret": ("keys/id_rsa",)}),
    "a private key": ([ALL, "tls/server.pem"], {"secret": ("tls/server.pem",)}),
    "credentials": ([ALL, ".aws/credentials"], {"secret": (".aws",)}),
    "a secret by its path": ([ALL, "config/master.key"], {"secret": ("config/master.key",)}),
    "a secret that is taken by name": ([copying(".env"), ".env"], {"secret": (".env",)}),
}

FINE: dict[str, list[str | Node]] = {
    "a small project": [ALL, "package.json", file("package-lock.json", size_bytes=600_000)],
    "all is hidden": [ALL, ignoring(b"**/node_modules\n.env\ntarget\n"), *MODULES, *TARGET, ".env"],
    "templates": [ALL, ".env.example", ".env.sample", "id_rsa.pub", "config/.env.template"],
    "certificates": [ALL, "ca.pem", "tls/fullchain.pem", "public.pem"],
    "keys of tests": [ALL, "tests/server.key", "src/test/resources/app.pem", "a/testdata/b.p12"],
    "an empty .env": [ALL, file(".env", b"")],
    "a target without its markers": [ALL, file("target/index.html", size_bytes=9_000)],
    "a target that is sources": [ALL, "Cargo.toml", file("src/target/mod.rs", size_bytes=9_000)],
    "build that is sources": [ALL, "package.json", file("build/webpack.js", size_bytes=9_000)],
    "vendor that is sources": [ALL, "go.mod", file("vendor/a/b.go", size_bytes=9_000)],
    "a small .git": [ALL, *GIT, file("a.py", size_bytes=9_000)],
    "a .git that is a file": [ALL, file(".git", b"gitdir: ../../.git/modules/a\n")],
    "a target that is taken by name": [
        copying("target/debug/app"),
        *TARGET[:1],
        "target/debug/app",
    ],
    "modules that are taken by name": [copying("node_modules", "package.json"), *MODULES],
    "modules that are taken with all": [copying(".", "node_modules/a"), *MODULES],
    "a program that is taken by a pattern": [
        copying("build/*.jar"),
        file("build/app.jar", size_bytes=40 * MB),
    ],
    "an author's exception": [ALL, ignoring(b"**/*\n!node_modules\n!**/*.json\n"), *MODULES],
    "what git tracks against its rule": [
        ALL,
        file(".gitignore", b"dist/\n!dist/\n"),
        file("dist/a", size_bytes=9_000),
    ],
    "dist that is taken by name": [
        copying("dist"),
        file(".gitignore", b"dist/\n"),
        file("dist/a", size_bytes=9_000),
    ],
    "a medium blob": [ALL, file("logo.psd", size_bytes=5 * MB)],
    "a blob among others": [ALL, *(file(f"{n}.bin", size_bytes=12 * MB) for n in range(3))],
    "a .gitignore that is no file": [ALL, ".gitignore/x", file("data/x", size_bytes=9_000)],
}


def told(report: Report) -> dict[str, tuple[str, ...]]:
    return {each.kind: each.paths for each in reasons(report)}


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", WORTH_A_LOOK)
def test_verdict_names_the_reasons(case: str, builder: str, tmp_path: Path) -> None:
    nodes, expected = WORTH_A_LOOK[case]
    report = api.measure(str(build_tree(tmp_path / "c", nodes)), builder=builder)
    assert told(report) == expected
    assert level(report) == ("too-big" if "size" in expected else "worth-a-look")


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", FINE)
def test_clean_context_stays_fine(case: str, builder: str, tmp_path: Path) -> None:
    report = api.measure(str(build_tree(tmp_path / "c", FINE[case])), builder=builder)
    assert (told(report), level(report)) == ({}, "fine")


def test_what_does_not_travel_is_no_reason(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "c", [*SOURCES, *MODULES, ".env", BLOB])
    assert told(api.measure(str(root))) == {}
    assert told(api.measure(str(root), builder="podman")) == {}
    sent = told(api.measure(str(root), builder="classic"))
    assert sent == {"large-file": ("data/blob.bin",), "secret": (".env",)}


def test_podman_copies_what_the_dockerfile_takes(tmp_path: Path) -> None:
    nodes = [*MODULES, ".env", "a/id_rsa", "b/x"]
    root = build_tree(tmp_path / "c", nodes)
    whole = {"unneeded": ("node_modules",), "secret": ("a/id_rsa", ".env")}
    for text, expected in (
        ("FROM scratch\n", {}),
        ("FROM scratch\nCOPY a* b /\n", {"secret": ("a/id_rsa",)}),
        ("FROM scratch\nCOPY a/id_rsa /\n", {"secret": ("a/id_rsa",)}),
        ("FROM scratch\nRUN --mount=target=/s make\n", whole),
        ("FROM scratch\nCOPY [broken\n", {**whole, "problems": ()}),  # Buildah wants a second one
    ):
        (root / "Dockerfile").write_text(text)
        found = told(api.measure(str(root), builder="podman"))
        assert found == expected, text


def test_named_contexts_count(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY --from=lib . /\nCOPY --from=one x /\n"
    nodes = [file("app/Dockerfile", text), *(f"lib/{each}" for each in ("package.json", ".env"))]
    nodes += [file("lib/node_modules/i.js", size_bytes=9_000), "one/x", "one/.env"]
    root = build_tree(tmp_path / "c", nodes)
    contexts = {name: f"{root}/{name}" for name in ("lib", "one")}
    report = api.measure(f"{root}/app", build_contexts=contexts)
    paths = {"unneeded": (f"{root}/lib/node_modules",), "secret": (f"{root}/lib/.env",)}
    assert told(report) == paths


HOSTILE = {
    "a FIFO": fifo(".gitignore"),
    "a link": link(".gitignore", "/dev/zero"),
    "sparse": file(".gitignore", size_bytes=3_000 * MB),
    "stars": file(
        ".gitignore", b"*a*a*a*a*a*a*a*a*a*b\n**/**/**/**/a/**/*b\n" + b"**/" * 9 + b"a" * 200
    ),
    "a lone backslash": file(".gitignore", b"data\\\n\\\n!\n/\n[\n"),
    "many lines": file(".gitignore", b"*.a*b\nx\n" * 100_000),
    "many patterns": file(".gitignore", b"".join(b"a*%x\na%x*\n" % (n, n) for n in range(60_000))),
    "no UTF-8": file(".gitignore", b"\xff\n\x00\n"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_gitignore_ends_in_no_claim(case: str, tmp_path: Path) -> None:
    nodes = [ALL, HOSTILE[case], file("a" * 200 + "/" + "a" * 200, size_bytes=9_000)]
    assert "git-ignored" not in told(api.measure(str(build_tree(tmp_path / "c", nodes))))


# What the tables say is what the rules say.

SAFE = {Category.VCS, Category.DEPS, Category.CACHE, Category.ARTEFACT}
LIKELY = 0.6


def words(marker: Marker) -> set[str]:
    """The names that `marker` wants in the directory, or beside it."""
    match marker:
        case Marker("tagged"):
            return {"CACHEDIR.TAG"}
        case Marker("inside" | "inside_all", names):
            return {*names}
        case Marker("beside" | "beside_all", names):
            return {f"../{each}" for each in names}
    return {word for part in marker.parts for word in words(part)}


def is_sure(rule: Rule) -> bool:
    return rule.category in SAFE and rule.confidence >= SAFE_FROM and not rule.never


def test_unneeded_names_are_those_of_sure_rules() -> None:
    expected: dict[str, set[str]] = {}
    for rule in all_rules().values():
        if rule.kind is EntryType.DIRECTORY and is_sure(rule):
            for name in rule.find:
                expected.setdefault(name, set()).update(words(rule.marker))
    assert expected.keys() >= directories.UNNEEDED | directories.PROVED.keys()
    for name, text in directories.PROVED.items():
        assert expected[name] >= {*text.split()}, name


def test_secret_names_are_those_of_rules() -> None:
    found: dict[EntryType, set[str]] = {kind: set() for kind in EntryType}
    for rule in all_rules().values():
        told_by_name = not rule.only_proved and not rule.never and rule.confidence >= LIKELY
        if rule.category is Category.SECRET and told_by_name:
            found[rule.kind] |= {*rule.find}
    names = found[EntryType.FILE]
    literal = {each.removesuffix("*") for each in names if not is_glob(each.removesuffix("*"))}
    starts = {each for each in literal if each.endswith(".")}
    ends = {each[1:] for each in names if re.fullmatch(r"\*\.[a-z0-9]+", each)}
    assert set(directories.SECRETS) == literal - starts
    assert {directories.SECRET_START} == starts
    assert set(directories.SECRET_ENDS) == ends
    assert set(directories.SECRET_FOLDERS) == found[EntryType.DIRECTORY]


def test_every_unneeded_name_is_worth_a_look(tmp_path: Path) -> None:
    """Plants each directory of the tables, with each of the names that show what it is."""
    known = {**dict.fromkeys(directories.UNNEEDED, "x"), **directories.PROVED}
    for number, (name, text) in enumerate(known.items()):
        for at, word in enumerate(text.split()):
            base, root = f"{number}-{at}/a/b", tmp_path / f"{number}-{at}"
            path = os.path.normpath(f"{base}/{name}/{word}")
            build_tree(root, [path, file(f"{base}/{name}/z-data", size_bytes=5_000)])
            report = api.measure(str(root))
            assert f"{base}/{name}" in told(report).get("unneeded", ()), (name, word)


@pytest.mark.parametrize(("ignored", "found"), [(b"nothing\n", True), (b"src\n", False)])
def test_the_verdict_is_no_milder_than_a_source_that_is_not_found(
    tmp_path: Path, *, ignored: bytes, found: bool
) -> None:
    root = build_tree(tmp_path, [copying("src"), "src/index.js", ignoring(ignored)])
    report = api.measure(str(root))
    assert level(report) == ("fine" if found else "build-fails")
    (root / "src/index.js").unlink()
    (root / "src").rmdir()
    assert level(api.measure(str(root))) == "build-fails"
