"""Which builds a repository has: tables of a tree and the builds that it tells of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctxsize.errors import InputError
from ctxsize.repository import Discovery, discover
from tests.hostile.limits import processor_seconds
from tests.trees import Node, build_tree, file, link

BUILD = b"FROM scratch\nCOPY . /\n"
STAGES = b"FROM scratch AS dev\nCOPY . /\nFROM scratch\nCOPY . /\n"


def told(root: Path, **options: dict[str, str]) -> list[tuple[str, ...]]:
    """Context, Dockerfile, target and how it was found, with paths relative to the root."""
    discovery = discover(str(root), **options)
    return [
        (
            os.path.relpath(each.build.context, root),
            os.path.relpath(each.build.dockerfile or "", root) if each.build.dockerfile else "",
            each.build.target,
            "+".join(place.how for place in each.places),
        )
        for each in discovery.builds
    ]


def workflow(text: str, path: str = ".github/workflows/ci.yml") -> Node:
    return file(path, f"on: push\njobs:\n  build:\n{text}".encode())


def steps(text: str) -> str:
    return f"    steps:\n      - uses: docker/build-push-action@v6\n{text}"


CASES: dict[str, tuple[list[str | Node], list[tuple[str, ...]]]] = {
    "nothing": (["src/main.c"], []),
    "a Dockerfile": (["Dockerfile"], [(".", "Dockerfile", "", "dockerfile")]),
    "conventional names": (
        [
            file("Containerfile", BUILD),
            file("Dockerfile.prod", BUILD),
            file("dev.Dockerfile", BUILD),
            file("a/dockerfile", BUILD),
            file("a/DOCKERFILE-ci", BUILD),
        ],
        [
            (".", "Containerfile", "", "dockerfile"),
            (".", "Dockerfile.prod", "", "dockerfile"),
            (".", "dev.Dockerfile", "", "dockerfile"),
            ("a", "a/DOCKERFILE-ci", "", "dockerfile"),
            ("a", "a/dockerfile", "", "dockerfile"),
        ],
    ),
    "a template": ([file("Dockerfile.linux", b"{{ARG x}}\nFROM {{image}}\n")], []),
    "names that only look so": (
        [
            "Dockerfile.dockerignore",
            "Dockerfile.md",
            "Dockerfile.j2",
            "dockerfile_parser.py",
            "Dockerfile~",
            "not-a-dockerfile-at-all",
        ],
        [],
    ),
    "a context above its Dockerfile": (
        [file("docker/Dockerfile", b"FROM scratch\nCOPY src /src\n"), "src/a"],
        [(".", "docker/Dockerfile", "", "dockerfile")],
    ),
    "the nearest context that holds all": (
        [file("a/b/Dockerfile", b"FROM scratch\nCOPY x y /\n"), "a/b/x", "a/x", "a/y", "x", "y"],
        [("a", "a/b/Dockerfile", "", "dockerfile")],
    ),
    "no context holds all": (
        [file("a/Dockerfile", b"FROM scratch\nCOPY made-by-ci /\n")],
        [("a", "a/Dockerfile", "", "dockerfile")],
    ),
    "the same build from several places": (
        [
            file("compose.yaml", b"services:\n  a:\n    build: app\n"),
            file("app/Dockerfile", BUILD),
            file("Makefile", b"image:\n\tdocker build -t x app\n"),
            workflow(steps("        with:\n          context: ./app\n")),
        ],
        [("app", "app/Dockerfile", "", "compose+workflow+command")],
    ),
    "what is not looked into": (
        [
            file("node_modules/x/Dockerfile", BUILD),
            file("venv/pyvenv.cfg", b"home = /usr\n"),
            file("venv/Dockerfile", BUILD),
            file("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"),
            file("cache/x/Dockerfile", BUILD),
            file("vendor/modules.txt", b"# x\n"),
            file("vendor/x/Dockerfile", BUILD),
            file("docs/modules.txt", b"x\n"),
            file("docs/Dockerfile", BUILD),
            link("self", "."),
        ],
        [("docs", "docs/Dockerfile", "", "dockerfile")],
    ),
    "workflow with file and target": (
        [
            workflow(
                steps(
                    "        with:\n          context: .\n          file: deploy/Dockerfile\n"
                    "          target: dev\n"
                )
            ),
            file("deploy/Dockerfile", STAGES),
        ],
        [(".", "deploy/Dockerfile", "dev", "workflow")],
    ),
    "a workflow of a repository below": (
        [
            workflow(
                steps("        with:\n          context: ./app\n"),
                "sub/.github/workflows/build.go.yml",
            ),
            file("sub/app/Dockerfile", BUILD),
        ],
        [("sub/app", "sub/app/Dockerfile", "", "workflow")],
    ),
    "workflow with a matrix": (
        [
            workflow(
                "    strategy:\n      matrix:\n        svc: [a, b]\n        include:\n"
                "          - {svc: c, file: c/other}\n"
                + steps(
                    "        with:\n          context: ${{ matrix.svc }}\n"
                    "          file: ${{ matrix.svc }}/Dockerfile\n"
                )
            ),
            file("a/Dockerfile", BUILD),
            file("b/Dockerfile", BUILD),
            file("c/Dockerfile", BUILD),
        ],
        [(each, f"{each}/Dockerfile", "", "workflow") for each in "abc"],
    ),
    "workflow with a matrix of two axes": (
        [
            workflow(
                "    strategy:\n      matrix:\n        svc: [a]\n        go: [1]\n"
                "        include:\n          - {svc: b}\n          - {go: 1, os: x}\n"
                + steps("        with:\n          context: ${{ matrix.svc }}\n")
            ),
            file("a/Dockerfile", BUILD),
            file("b/Dockerfile", BUILD),
        ],
        [(each, f"{each}/Dockerfile", "", "workflow") for each in "ab"],
    ),
    "workflow that runs docker": (
        [
            workflow(
                "    steps:\n      - run: |\n          cd app\n          docker buildx \\\n"
                "            build \\\n"
                "            --push --platform linux/amd64,linux/arm64 .\n"
            ),
            file("app/Dockerfile", BUILD),
        ],
        [("app", "app/Dockerfile", "", "workflow")],
    ),
    "commands": (
        [
            file(
                "Makefile",
                b"FILE := docker/app.Dockerfile\na:\n\t@docker build -f $(FILE) --target dev .\n"
                b"b:\n\tcd sub && podman build -t x .\nc:\n\tdocker build -t $(X) $(UNKNOWN)\n",
            ),
            file("docker/app.Dockerfile", STAGES),
            file("sub/Dockerfile", BUILD),
            file("scripts/build.sh", b"#!/bin/sh\nDIR=other\ndocker build --pull -t x $DIR\n"),
            file("other/Dockerfile", BUILD),
            file("package.json", b'{"scripts": {"image": "docker build -t web web"}}'),
            file("web/Dockerfile", BUILD),
        ],
        [
            (".", "docker/app.Dockerfile", "dev", "command"),
            ("other", "other/Dockerfile", "", "command"),
            ("sub", "sub/Dockerfile", "", "command"),
            ("web", "web/Dockerfile", "", "command"),
        ],
    ),
    "compose for a purpose": (
        [
            file("compose.yaml", b"services:\n  a:\n    build: app\n"),
            file("compose.dev.yaml", b"services:\n  a:\n    build:\n      target: dev\n"),
            file("app/Dockerfile", STAGES),
        ],
        [("app", "app/Dockerfile", "", "compose"), ("app", "app/Dockerfile", "dev", "compose")],
    ),
    "remote contexts": (
        [
            file(
                "compose.yaml",
                b"services:\n  a:\n    build: https://github.com/x/y.git\n"
                b"  b:\n    build: git@github.com:x/y.git\n",
            ),
            file("docker-bake.hcl", b'target "a" {\n  context = "https://github.com/x/y.git"\n}\n'),
        ],
        [],
    ),
    "bake run at the root": (
        [
            file("build/docker-bake.hcl", b'target "app" {\n  context = "app"\n}\n'),
            file("app/Dockerfile", BUILD),
        ],
        [("app", "app/Dockerfile", "", "bake")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_builds_of_each_layout_are_found(case: str, tmp_path: Path) -> None:
    nodes, expected = CASES[case]
    root = build_tree(tmp_path / "repository", nodes)
    assert told(root) == expected


def problems(discovery: Discovery, root: Path) -> list[tuple[str, str, int | None]]:
    return [
        (each.code, os.path.relpath(each.path or "", root), each.line)
        for each in discovery.problems
    ]


BROKEN: dict[str, tuple[Node, tuple[str, str, int | None]]] = {
    "yaml": (
        file("compose.yaml", b"services:\n  a: [\n"),
        ("yaml", "compose.yaml", 3),
    ),
    "a tab": (
        file("compose.yaml", b"services:\n\ta: b\n"),
        ("yaml", "compose.yaml", 2),
    ),
    "no mapping": (file("compose.yaml", b"- a\n"), ("yaml", "compose.yaml", None)),
    "bytes": (file("compose.yaml", b"\xff\xfe"), ("unread", "compose.yaml", None)),
    "deep": (file("compose.yaml", b"[" * 5000), ("yaml", "compose.yaml", None)),
    "hcl": (
        file("docker-bake.hcl", b'target "a" {\n  context = \n}\n'),
        ("bake", "docker-bake.hcl", 2),
    ),
    "json": (file("docker-bake.json", b'{\n"target":\n'), ("bake", "docker-bake.json", 3)),
    "unknown value": (
        file("docker-bake.hcl", b'\ntarget "a" {\n  context = timestamp()\n}\n'),
        ("bake", "docker-bake.hcl", 2),
    ),
    "required variable": (
        file("compose.yaml", b"services:\n  a:\n    build:\n      target: ${T:?say which}\n"),
        ("variable", "compose.yaml", 2),
    ),
    "extends itself": (
        file("compose.yaml", b"services:\n  a:\n    extends: b\n  b:\n    extends: a\n"),
        ("extends", "compose.yaml", 2),
    ),
    "includes itself": (
        file("compose.yaml", b"include: [compose.yaml]\nservices: {}\n"),
        ("include", "compose.yaml", 1),
    ),
    "no such context": (
        file("compose.yaml", b"services:\n  a:\n    build: gone\n"),
        ("no-context", "compose.yaml", 3),
    ),
    "workflow": (
        file(".github/workflows/a.yml", b"jobs: {a: }]\n"),
        ("yaml", ".github/workflows/a.yml", 1),
    ),
    "expression": (
        workflow(steps("        with:\n          context: ${{ inputs.dir }}\n")),
        ("expression", ".github/workflows/ci.yml", 5),
    ),
    "Dockerfile": (
        file("Dockerfile", b"FROM scratch\nCOPPY a b\n"),
        ("dockerfile", "Dockerfile", 2),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_not_understood_is_told_and_the_search_goes_on(
    case: str, tmp_path: Path
) -> None:
    node, expected = BROKEN[case]
    root = build_tree(tmp_path / "repository", [node, file("fine/Dockerfile", BUILD)])
    discovery = discover(str(root))
    assert expected in problems(discovery, root)
    assert str(root / "fine") in {each.build.context for each in discovery.builds}


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    layers = [b"x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"]
    layers += [
        b"x%d: &x%d [%s]\n" % (n, n, b", ".join([b"*x%d" % (n - 1)] * 10)) for n in range(1, 30)
    ]
    text = b"".join(layers) + b"services:\n  a:\n    build: .\n"
    root = build_tree(tmp_path / "repository", ["Dockerfile", file("compose.yaml", text)])
    assert told(root) == [(".", "Dockerfile", "", "dockerfile")]
    (problem,) = discover(str(root)).problems
    assert problem.message == "this file was skipped: it has more than 500,000 values"


def test_what_git_ignores_is_not_looked_into(tmp_path: Path) -> None:
    nodes = [
        file("out/Dockerfile", BUILD),
        file(".gitignore", b"/out\n"),
        file("a/Dockerfile", BUILD),
    ]
    root = build_tree(tmp_path / "repository", nodes)
    subprocess.run(["git", "init", "-q", root], check=True)
    assert told(root) == [("a", "a/Dockerfile", "", "dockerfile")]


def test_a_git_context_is_a_finding(tmp_path: Path) -> None:
    action = "      - uses: docker/build-push-action@v6\n"
    text = steps("      - run: npm run build\n") + f"{action}        with: {{push: true}}\n{action}"
    root = build_tree(tmp_path / "repository", [workflow(text), "Dockerfile"])
    found = discover(str(root)).findings
    assert [(each.code, each.location.line) for each in found] == [("CTX310", 7), ("CTX310", 9)]
    assert found[0].message.endswith(
        "builds from git, which lacks what `npm run build` (line 6) makes"
    )


def test_the_environment_decides_only_if_it_is_given(tmp_path: Path) -> None:
    nodes = [
        file("compose.yaml", b"services:\n  a:\n    build: ${DIR:-a}\n"),
        file("a/Dockerfile", BUILD),
        file("b/Dockerfile", BUILD),
    ]
    root = build_tree(tmp_path / "repository", nodes)
    assert ("b", "b/Dockerfile", "", "compose") in told(root, environment={"DIR": "b"})
    assert ("a", "a/Dockerfile", "", "compose") in told(root)


def test_a_directory_that_is_missing_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no such directory"):
        discover("/does/not/exist")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker-bake.json", '{"target": {"x": {"context": "%s"}}}'),
        ("compose.yaml", "services: {x: {build: %s}}"),
        ("Makefile", "x:\n\tdocker build %s\n"),
        (
            ".devcontainer.json",
            '{"build": {"dockerfile": "Dockerfile", "context": "%s"}}',
        ),
        (
            ".github/workflows/x.yml",
            "on: push\njobs:\n  x:\n" + steps("        with:\n          context: %s\n"),
        ),
    ],
)
def test_a_context_with_a_name_that_no_file_can_have(name: str, text: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path, ["Dockerfile", file(name, (text % ("x" * 300)).encode())])
    assert [each[0] for each in told(root)] in ([], ["."])


def test_platforms_that_services_pass_on_do_not_add_up_without_end(tmp_path: Path) -> None:
    service = "  s{0}:\n    extends: s{1}\n    build: {{context: ., platforms: [{2}]}}\n"
    own = (", ".join(f"p{number}-{at}" for at in range(9)) for number in range(4_000))
    text = "services:\n" + "".join(
        service.format(n, max(n - 1, 0), each) for n, each in enumerate(own)
    )
    text = text.replace("    extends: s0\n", "", 1)
    root = build_tree(tmp_path / "r", [file("compose.yaml", text.encode()), "Dockerfile"])
    with processor_seconds(30):
        found = discover(str(root))
    assert sum(len(each.places) for each in found.builds) == 4_000
