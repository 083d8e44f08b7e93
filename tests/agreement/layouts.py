"""Repositories of ten layouts with eight projects in each: where their builds and files are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.trees import Node, file

Nodes = list[str | Node]
_LOCK = b'{"name": "app", "lockfileVersion": 3, "packages": {}}\n'
_PACKAGE = b'{"name": "app", "version": "1.0.0", "scripts": {"build": "tsc"}}\n'
_NODE = (
    "FROM node:20\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n"
)
_PYTHON = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install .\n"
_RUST = "FROM rust:1.87\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\n"


@dataclass(frozen=True)
class Project:
    """What a team keeps in a directory, and the Dockerfile for it."""

    files: tuple[str | Node, ...]
    dockerfile: str
    ignored: str = ""  # the ignore file; none if empty

    def below(self, directory: str) -> Iterator[str | Node]:
        """Yield the files in a directory, `""` for the top."""
        for node in self.files:
            if isinstance(node, str):
                yield f"{directory}{node}"
            else:
                yield file(f"{directory}{node.path}", node.content, size_bytes=node.size_bytes)

    def ignore_file(self, path: str) -> Iterator[Node]:
        """Yield the ignore file, if there is one."""
        if self.ignored:
            yield file(path, self.ignored.encode())

    def all_in(self, directory: str) -> Iterator[str | Node]:
        """Yield the files in a directory, with the Dockerfile and the ignore file."""
        yield from self.below(directory)
        yield file(f"{directory}Dockerfile", self.dockerfile.encode())
        yield from self.ignore_file(f"{directory}.dockerignore")


_SOURCES = (
    file("package.json", _PACKAGE),
    file("package-lock.json", _LOCK),
    "src/index.js",
    "README.md",
)
_INSTALLED = (
    file("node_modules/.package-lock.json", _LOCK),
    file("node_modules/left-pad/package.json", b'{"name": "left-pad"}\n'),
    file("node_modules/left-pad/index.node", size_bytes=3_000_000),
)
PROJECTS = {
    "fresh clone": Project((*_SOURCES, file(".gitignore", b"node_modules\ndist\n")), _NODE),
    "installed": Project((*_SOURCES, *_INSTALLED), _NODE),
    "python": Project(
        (
            file(
                "pyproject.toml",
                b'[project]\nname = "app"\nversion = "1.0"\nreadme = "README.md"\n',
            ),
            file(".venv/pyvenv.cfg", b"home = /usr/bin\nversion = 3.12.0\n"),
            file(".venv/lib/python3.12/site-packages/big.so", size_bytes=2_000_000),
            "README.md",
            "app/__init__.py",
            "app/__pycache__/__init__.cpython-312.pyc",
        ),
        _PYTHON,
    ),
    "rust": Project(
        (
            file("Cargo.toml", b'[package]\nname = "app"\nversion = "0.1.0"\n'),
            file("Cargo.lock", b"version = 4\n"),
            file("src/main.rs", b"fn main() {}\n"),
            file("target/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n"),
            file("target/.rustc_info.json", b'{"rustc_fingerprint": 1, "outputs": {}}'),
            file("target/debug/app", size_bytes=4_000_000),
        ),
        _RUST,
    ),
    "secret": Project(
        (*_SOURCES, file(".env", b"PASSWORD=made up\n"), file("dump.sql", size_bytes=2_000_000)),
        _NODE,
    ),
    "failing": Project((*_SOURCES, *_INSTALLED), f"{_NODE}COPY gone /gone\n"),
    "hidden source": Project((*_SOURCES, *_INSTALLED), _NODE, "node_modules\nsrc\npackage*.json\n"),
    "agents": Project(
        (
            *_SOURCES,
            *_INSTALLED,
            file(".codex/log.jsonl", size_bytes=1_500_000),
            file("tsconfig.tsbuildinfo", b'{"version": "5.4.0", "fileNames": []}'),
            file("packages/web/node_modules/x/index.js", size_bytes=200_000),
            file("packages/web/package.json", b'{"name": "web"}\n'),
        ),
        _NODE,
        "/node_modules\ndist\n",
    ),
}


def _compose(services: str) -> Node:
    return file("compose.yaml", f"services:\n{services}".encode())


def _top(project: Project) -> Nodes:
    return [*project.all_in("")]


def _docker_directory(project: Project) -> Nodes:
    return [
        *project.below(""),
        file("docker/Dockerfile", project.dockerfile.encode()),
        *project.ignore_file(".dockerignore"),
    ]


def _services(project: Project) -> Nodes:
    return [
        _compose("  web:\n    build: ./web\n  api:\n    build:\n      context: api\n"),
        *project.all_in("web/"),
        *project.all_in("api/"),
    ]


def _shared_context(project: Project) -> Nodes:
    build = "  {0}:\n    build:\n      context: .\n      dockerfile: {0}/Dockerfile\n"
    return [
        _compose(build.format("cron") + build.format("worker")),
        *project.below(""),
        *project.ignore_file(".dockerignore"),
        file("cron/Dockerfile", b"FROM alpine:3.20\nCOPY README.md /\n"),
        file("worker/Dockerfile", project.dockerfile.encode()),
    ]


def _monorepo(project: Project) -> Nodes:
    return [*project.all_in("services/one/"), *project.all_in("services/two/"), "README.md"]


def _bake(project: Project) -> Nodes:
    targets = 'target "app" {}\ntarget "web" {\n  context = "web"\n}\n'
    return [
        file(
            "docker-bake.hcl", f'group "default" {{ targets = ["app", "web"] }}\n{targets}'.encode()
        ),
        *project.all_in(""),
        file("web/Dockerfile", b"FROM nginx:1.27\nCOPY . /usr/share/nginx/html\n"),
        "web/index.html",
    ]


def _defined_by_ci(project: Project) -> Nodes:
    steps = "steps:\n      - run: docker build -f build/app.Dockerfile -t app .\n"
    text = f"on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n    {steps}"
    return [
        file(".github/workflows/image.yml", text.encode()),
        *project.below(""),
        file("build/app.Dockerfile", project.dockerfile.encode()),
        *project.ignore_file(".dockerignore"),
    ]


def _own_ignore_file(project: Project) -> Nodes:
    return [
        file("Makefile", b"image:\n\tdocker build -f app.Dockerfile .\n"),
        *project.below(""),
        file("app.Dockerfile", project.dockerfile.encode()),
        file("app.Dockerfile.dockerignore", (project.ignored or "**/*.log\n").encode()),
        file(".dockerignore", b"docs\n"),
    ]


def _nested(project: Project) -> Nodes:
    return [*project.all_in(""), *project.all_in("tools/gadget/")]


def _unbuilt(project: Project) -> Nodes:
    return [*project.below("")]


LAYOUTS: dict[str, Callable[[Project], Nodes]] = {
    "Dockerfile at the top": _top,
    "Dockerfile in docker/": _docker_directory,
    "Compose, a context each": _services,
    "Compose, one context": _shared_context,
    "monorepo": _monorepo,
    "Bake": _bake,
    "defined by CI": _defined_by_ci,
    "ignore file of a Dockerfile": _own_ignore_file,
    "nested": _nested,
    "no Dockerfile": _unbuilt,
}


def repositories() -> dict[str, Nodes]:
    """Return the nodes of every layout with every project, by name."""
    return {
        f"{layout}: {name}": make(project)
        for layout, make in LAYOUTS.items()
        for name, project in PROJECTS.items()
    }
