"""What no build needs, though its rule alone does not prove that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ctxsize import api
from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, file

NPM = """\
FROM node AS base
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build
FROM node
COPY --from=base /app/dist /app
"""
DIST = (
    file("package.json", b'{"scripts": {"build": "vite build"}}'),
    file("package-lock.json", b"{}"),
    file(".gitignore", b"dist\n"),
    file(".dockerignore", b".git\n**/node_modules\n"),
    file("Dockerfile", NPM.encode()),
)


def safe(root: Path, **options: object) -> set[str]:
    advice = api.suggest(str(root), **options)  # type: ignore[arg-type]
    return {line for each in advice.suggestions if each.safe for line in each.patterns}


def cloned(root: Path, *nodes: Node) -> Path:
    build_tree(root, nodes)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True, capture_output=True)
    return root


def test_what_is_foreseen_is_not_doubted_once_it_exists(cli: Cli, tmp_path: Path) -> None:
    fresh = cloned(tmp_path / "fresh", *DIST)
    assert "**/dist" in safe(fresh)
    built = cloned(tmp_path / "built", *DIST, file("dist/index.mjs", size_bytes=3_000_000))
    assert "**/dist" in safe(built)
    assert "the build sends dist/, the built files of a" in cli("lint", cwd=built).out
    told = cli("suggest", cwd=built).out
    assert "3.0 MB      1  **/dist        the built files of a package" in told
    told = " ".join(cli("suggest", "-v", cwd=built).out.split())
    assert "git ignores it, and npm run build makes it" in told


def test_and_what_is_doubted_is_not_foreseen(tmp_path: Path) -> None:
    """Next makes no `dist`, and without a line of a .gitignore its name may be that of sources."""
    for name, more in {
        "next": (file("next.config.js", b""),),
        "tracked": (file(".gitignore", b""),),
    }.items():
        nodes = {node.path: node for node in (*DIST, *more)}.values()
        assert "**/dist" not in safe(cloned(tmp_path / name, *nodes))
        built = file("dist/index.mjs", size_bytes=3_000_000)
        root = cloned(tmp_path / f"{name}-built", *nodes, built)
        assert "**/dist" not in safe(root)


BUILD = "FROM rust AS b\nWORKDIR /q\nCOPY . .\nRUN ./build.sh\nFROM debian\nCOPY --from=b /q/ /x\n"
LOCAL = (
    file(".gitignore", b"/data.ms\n*.log\nout\n.env\n"),
    file("build.sh", b"cat out/* > it\n"),
    file("data.ms/data.mdb", size_bytes=2_000_000),
    file("server.log", size_bytes=2_000_000),
    file("out/y", size_bytes=2_000_000),
    file("note.bin", size_bytes=2_000_000),  # git does not ignore it
)
IGNORED = {"data.ms", "server.log", "out"}
CHECKOUT = "- uses: actions/checkout@v4"
SETUP = "- uses: docker/setup-buildx-action@v3\n- uses: docker/login-action@v3"
MAKE = "- run: make"
PRINTS = (
    '- run: |\n    suffix() {\n      echo "$1"\n    }\n    echo "A=$(suffix x)" >> "$GITHUB_OUTPUT"'
)
ACTION = "- uses: docker/build-push-action@v6\n  with:\n    context: ."
OF_GIT = "- uses: docker/build-push-action@v6\n  with:\n    push: true"
EXPORTS = "    file: other/Dockerfile\n    outputs: type=local,dest=out"
COMMAND = "- run: |\n    docker build -t x .\n    docker push x"


def workflow(*steps: str) -> bytes:
    lines = "\n".join(steps).splitlines()
    return "".join(
        ["jobs:\n  image:\n    steps:\n", *(f"      {line}\n" for line in lines)]
    ).encode()


def ci(root: Path, *steps: str, dockerfile: str = BUILD) -> Path:
    path = ".github/workflows/image.yml"
    nodes = (*LOCAL, file("Dockerfile", dockerfile.encode()), file(path, workflow(*steps)))
    return cloned(root, *nodes)


ALONE = {
    "an action": (CHECKOUT, SETUP, ACTION),
    "an action that builds from git": (OF_GIT,),
    "from git, with the name of its file": (
        CHECKOUT,
        "- run: make",
        OF_GIT,
        "    file: Dockerfile",
    ),
    "a command": (CHECKOUT, COMMAND),
    "behind steps that only print": (CHECKOUT, PRINTS, ACTION),
    "behind another build": (CHECKOUT, ACTION, "    file: other/Dockerfile", ACTION),
}


@pytest.mark.parametrize("case", ALONE)
def test_what_git_ignores_is_unneeded_where_ci_builds_a_checkout_alone(
    cli: Cli, case: str, tmp_path: Path
) -> None:
    root = ci(tmp_path, *ALONE[case])
    assert safe(root) >= IGNORED
    assert "note.bin" not in safe(root)
    told = cli("suggest", "-v", cwd=root).out
    assert "git ignores it, so .github/workflows/image.yml:" in " ".join(told.split())


NOT_ALONE = {
    "without a checkout": (SETUP, ACTION),
    "a command makes files": (CHECKOUT, MAKE, ACTION),
    "a script writes a file": (CHECKOUT, "- run: echo x > out/y", ACTION),
    "its own script does": (CHECKOUT, "- run: |\n    make\n    docker build ."),
    "an artifact is fetched": (CHECKOUT, "- uses: actions/download-artifact@v4", ACTION),
    "a cache is restored": (CHECKOUT, "- uses: actions/cache@v4", ACTION),
    "an unknown action": (CHECKOUT, "- uses: ./.github/actions/prepare", ACTION),
    "the checkout is elsewhere": (CHECKOUT, "  with:\n    path: src", ACTION),
    "the files of before stay": (CHECKOUT, "  with:\n    clean: false", ACTION),
    "a build exports files": (CHECKOUT, ACTION, EXPORTS, ACTION),
    "another Dockerfile": (CHECKOUT, ACTION, "    file: other/Dockerfile"),
    "another target": (CHECKOUT, ACTION, "    target: b"),
}


@pytest.mark.parametrize("case", NOT_ALONE)
def test_but_not_where_something_may_be_added(case: str, tmp_path: Path) -> None:
    assert IGNORED.isdisjoint(safe(ci(tmp_path, *NOT_ALONE[case])))


def test_builds_of_all_targets_are_asked(tmp_path: Path) -> None:
    """The file is needed by no target that CI builds; of others, nothing is known."""
    dockerfile = BUILD.replace("FROM debian", "FROM b AS dev\nRUN ./dev.sh\nFROM debian AS prod")
    root = ci(tmp_path, CHECKOUT, ACTION, "    target: prod", dockerfile=dockerfile)
    assert safe(root) >= IGNORED
    (root / "compose.yaml").write_text("services:\n  a:\n    build:\n      context: .\n")
    assert safe(root) >= IGNORED
    (root / "compose.yaml").write_text(
        "services:\n  a:\n    build:\n      context: .\n      target: dev\n"
    )
    assert IGNORED.isdisjoint(safe(root))


def test_secrets_are_judged_as_before(tmp_path: Path) -> None:
    root = ci(tmp_path, CHECKOUT, ACTION)
    (root / "package.json").write_text('{"devDependencies": {"vite": "6"}}')
    (root / ".env").write_text("VITE_URL=x\n")
    assert "**/.env" not in safe(root)


def test_what_an_instruction_names_stays(tmp_path: Path) -> None:
    dockerfile = BUILD.replace("COPY . .", "COPY . .\nCOPY out /out")
    root = ci(tmp_path, CHECKOUT, ACTION, dockerfile=dockerfile)
    assert safe(root) & IGNORED == {"data.ms", "server.log"}


def judged(root: Path, pattern: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether the suggestion with a pattern is safe, and the doubts about it."""
    advice = api.suggest(str(root))
    [found] = [each for each in advice.suggestions if pattern in each.patterns]
    return found.safe, found.doubts


PROGRAM = b"\x7fELF" + bytes(2_000_000)
GO = "FROM golang AS b\nWORKDIR /src\nCOPY . .\nRUN {}\nFROM scratch\nCOPY --from=b /src/{} /app\n"


def project(root: Path, dockerfile: str, *nodes: Node) -> Path:
    return cloned(root, file("go.mod"), file("Dockerfile", dockerfile.encode()), *nodes)


def test_what_a_compiler_writes_over_is_unneeded(cli: Cli, tmp_path: Path) -> None:
    nodes = (file(".gitignore", b"app\n"), file("app", PROGRAM), file("tools/app", PROGRAM))
    dockerfile = GO.format("CGO_ENABLED=0 go build -o app ./cmd/app", "app")
    root = project(tmp_path, dockerfile, *nodes)
    assert judged(root, "app") == (True, ())
    told = " ".join(cli("suggest", "-v", cwd=root).out.split())
    assert "git ignores it, and a command of Dockerfile writes over it" in told
    assert told.count("writes over it") == 1  # not over tools/app
    (root / "Dockerfile").write_text(GO.format("./app --version", "app"))
    is_safe, doubts = judged(root, "app")
    assert not is_safe
    assert doubts[0].endswith("Dockerfile:4 uses it as it is, and no command there makes it")


def test_a_word_that_may_be_nothing_is_no_program(tmp_path: Path) -> None:
    dockerfile = (
        'FROM rust AS b\nWORKDIR /q\nARG J\nCOPY . .\nRUN ${J:+env JE="${J}"} xx-cargo build &&'
        " mv target/$(xx-cargo --print-target-triple)/release/x /q/x\nFROM debian\n"
        "COPY --from=b /q/x /x\n"
    )
    nodes = (
        *(file("Cargo.toml"), file("edge/Cargo.toml"), file(".dockerignore", b"target/\n")),
        file("edge/target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"),
        file("edge/target/x", size_bytes=3_000_000),
    )
    assert "**/target" in safe(project(tmp_path, dockerfile, *nodes))


LARGE = file("image.tar", size_bytes=3_000_000)


@pytest.mark.parametrize(
    ("path", "text", "command", "mentioned"),
    [
        ("cmd/suite_test.go", 'const x = "image.tar"', "go build .", False),
        ("cmd/suite.go", 'const x = "image.tar"', "go build .", False),
        ("cmd/suite.go", 'const x = "image.tar"', "go test ./...", True),
        ("cmd/suite.go", 'const x = "image.tar"', "./x", True),
        ("cmd/suite.py", 'x = "image.tar"', "go build .", True),
        ("cmd/suite.py", "f(image.tar)", "go build .", False),
    ],
)
def test_only_what_a_build_may_read_is_mentioned(
    path: str, text: str, command: str, mentioned: bool, tmp_path: Path
) -> None:
    dockerfile = GO.format(command, "app")
    nodes = (LARGE, file(".gitignore", b"*.tar\n"), file(path, text.encode()))
    root = project(tmp_path, dockerfile, *nodes)
    doubts = judged(root, "image.tar")[1]
    assert (f"{path} mentions it" in doubts) is mentioned


def test_a_copy_from_another_stage_is_no_use(tmp_path: Path) -> None:
    dockerfile = "FROM golang AS m\nRUN go install x@v1\nFROM x\nCOPY . .\n"
    dockerfile += "COPY --from=m /out/migrate /usr/bin/migrate\n"
    nodes = (file(".gitignore", b"migrate\n"), file("migrate", size_bytes=2_000_000))
    _, doubts = judged(project(tmp_path, dockerfile, *nodes), "migrate")
    assert not any("uses it" in doubt for doubt in doubts)


def test_more_of_what_tools_leave_is_known(tmp_path: Path) -> None:
    nodes = (
        *(file("__debug_bin1", PROGRAM), file("pkg/x.test", PROGRAM)),
        *(file("web/playwright.config.ts"), file("web/blob-report/r.zip", size_bytes=2_000_000)),
        file("docker/dump_2026.sql", size_bytes=12_000_000),
    )
    root = project(tmp_path, GO.format("go build -o app .", "app"), *nodes)
    assert {"**/__debug_bin*", "**/*.test", "**/blob-report"} <= safe(root)
    assert judged(root, "docker/dump_2026.sql")[0] is False


RUST = "FROM rust AS b\nWORKDIR /q\nCOPY . .\nRUN {}\nFROM debian\nCOPY --from=b {} /x\n"
INNER = file("data.ms/data.mdb", size_bytes=2_000_000)
LEFT = ("cargo build --release", "/q/target/release/x")
CRATE = (file("Cargo.toml", b"[package]\n"), file(".gitignore", b"data.ms\n"), INNER)


def test_what_git_ignores_reaches_no_image_of_compiled_programs(cli: Cli, tmp_path: Path) -> None:
    reads = file("src/main.rs", b'fn main() { open("data.ms") }\n')
    root = project(tmp_path, RUST.format(*LEFT), *CRATE, reads, file("note.bin", PROGRAM))
    assert {"data.ms", "note.bin"} & safe(root) == {"data.ms"}
    told = " ".join(cli("suggest", "-v", cwd=root).out.split())
    assert "and git ignores it, and of the context the images have only what is compiled" in told


CARRIED = {
    "the image takes all": ("cargo build --release", "/q"),
    "the image takes what is above": ("cargo build --release", "/"),
    "the image takes it": ("cargo build --release", "/q/data.ms"),
    "a command copies all": ("cargo build && cp -r . /out", "/out"),
    "a command copies what a pattern means": ("cargo build && cp -r ./* /out/", "/out"),
    "an unknown program": ("./build.sh && cargo build", "/q/target/release/x"),
    "a program of the project": ("cargo run", "/q/target/release/x"),
    "a bundler": ("npm run build", "/q/out"),
}


@pytest.mark.parametrize("case", CARRIED)
def test_but_may_reach_others(case: str, tmp_path: Path) -> None:
    root = project(tmp_path, RUST.format(*CARRIED[case]), *CRATE)
    assert "data.ms" not in safe(root)


TAKEN_IN = {
    "a macro": file("src/main.rs", b'static X: &[u8] = include_bytes!("../data.ms/data.mdb");\n'),
    "an attribute": file("src/main.rs", b'#[folder = "data.ms/"]\nstruct A;\n'),
    "a script of the build": file("build.rs", b'fn main() { open("data.ms") }\n'),
    "a source in it": file("data.ms/x.rs", b"fn x() {}\n"),
}


@pytest.mark.parametrize("case", TAKEN_IN)
def test_and_what_a_compiler_takes_in_stays(case: str, tmp_path: Path) -> None:
    root = project(tmp_path, RUST.format(*LEFT), *CRATE, TAKEN_IN[case])
    assert "data.ms" not in safe(root)
