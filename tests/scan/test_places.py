"""What `scan` says of each place where builds are: a tree, the command, the words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.cli.app import run
from tests.trees import Node, build_tree, file

BUILD = b"FROM scratch\nCOPY . /\n"
APP = file("app/docker/image", BUILD)  # no name that gives it away


def written(path: str, text: str) -> Node:
    return file(path, text.encode())


STORIES: dict[str, tuple[list[str | Node], str]] = {
    # case: (the tree, words on the screen)
    "a Compose file of any name": (
        [
            written(
                "stack.yml",
                "services:\n  a:\n    build: {context: app, dockerfile: docker/image}\n",
            ),
            APP,
        ],
        "1 build",
    ),
    "a dollar sign that Compose leaves": (
        [
            written(
                "compose.yaml",
                "services:\n  a:\n    build:\n      context: app\n      dockerfile: docker/image\n"
                "      args: {COMMIT: $(git rev-parse HEAD)}\n",
            ),
            APP,
        ],
        "1 build",
    ),
    "a script without an ending": (
        [written("bin/image", "#!/bin/sh\ndocker build -f app/docker/image app\n"), APP],
        "1 build",
    ),
    "Bamboo": (
        [
            written(
                "bamboo-specs/bamboo.yml",
                "Image:\n  tasks:\n  - script: [docker build -f app/docker/image app]\n",
            ),
            APP,
        ],
        "1 build",
    ),
    "fly": ([written("fly.toml", '[build]\ndockerfile = "app/docker/image"\n'), APP], "1 build"),
    "wrangler": (
        [
            written(
                "wrangler.jsonc",
                '{"containers": [{"image": "./app/docker/image", "image_build_context": "app"}]}',
            ),
            APP,
        ],
        "1 build",
    ),
    "mise": (
        [written("mise.toml", '[tasks.a]\nrun = "docker build -f app/docker/image app"\n'), APP],
        "1 build",
    ),
    "Maven": (
        [
            written(
                "app/pom.xml",
                "<project><plugin><artifactId>dockerfile-maven-plugin</artifactId>"
                "<configuration><dockerfile>docker/image</dockerfile></configuration></plugin>"
                "</project>",
            ),
            APP,
        ],
        "1 build",
    ),
    "Gradle": (
        [
            written(
                "app/build.gradle", "exec { commandLine 'docker', 'build', '-fdocker/image', '.' }"
            ),
            APP,
        ],
        "1 build",
    ),
    "goreleaser": (
        [written(".goreleaser.yml", "dockers: [{image_templates: [a]}]\n"), "Dockerfile"],
        "note: Dockerfile: no directory here is its context: goreleaser sends the binaries and "
        "`extra_files` alone (.goreleaser.yml:1 (tool))",
    ),
    "an action pinned by a commit": (
        [
            written(
                ".github/workflows/image.yml",
                "jobs:\n  a:\n    steps:\n      - run: npm run build > made.txt && cp a b\n"
                f"      - uses: docker/bake-action@{'0a' * 20} # v6.10.0\n",
            ),
            "Dockerfile",
        ],
        "the job `a` builds from git",
    ),
    "left out": (
        [file("testdata/Dockerfile", BUILD), file("app/Dockerfile", BUILD)],
        "note: 1 Dockerfile in fixtures was left out; name a directory to measure it",
    ),
}


@pytest.mark.parametrize("case", STORIES)
def test_scan_says_so(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tree, words = STORIES[case]
    build_tree(tmp_path, tree)
    monkeypatch.chdir(tmp_path)
    run(["scan"])
    assert words in " ".join(capsys.readouterr().out.split())
