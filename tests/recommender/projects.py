"""Projects of many ecosystems as they look after some work: sources, and what was built of them.

Each is listed in two parts, so that a test can say what should be left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctxsize.recommender.evidence import CACHE_TAG
from tests.trees import Node, file, link

TAG = CACHE_TAG + b"\n# made by a tool\n"
KB, MB = 1_000, 1_000_000


@dataclass(frozen=True)
class Project:
    """One project."""

    build: str
    """What a stage of its Dockerfile runs."""
    sources: tuple[str | Node, ...]
    artefacts: tuple[str | Node, ...]
    ignore: bytes | None = None
    """An ignore file that is there already."""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def dockerfile(self) -> bytes:
        """Builds in one stage; the last one takes the same context and needs no base image."""
        return (
            f"FROM base.invalid/tools AS build\nWORKDIR /src\nCOPY . .\nRUN {self.build}\n\n"
            "FROM scratch\nCOPY . /\n"
        ).encode()

    @property
    def nodes(self) -> list[str | Node]:
        """All of it, with the Dockerfile."""
        own = [] if self.ignore is None else [file(".dockerignore", self.ignore)]
        return [file("Dockerfile", self.dockerfile), *self.sources, *self.artefacts, *own]


PROJECTS = {
    "rust": Project(
        "cargo build --release",
        ("Cargo.toml", "Cargo.lock", "src/main.rs", file(".cargo/config.toml", b"[build]\n")),
        (
            file("target/CACHEDIR.TAG", TAG),
            file("target/debug/deps/app.rlib", size_bytes=3 * MB),
            file(".cargo-shared-target/CACHEDIR.TAG", TAG),
            file(".cargo-shared-target/.rustc_info.json", b"{}"),
            file(".cargo-shared-target/release/app", size_bytes=2 * MB),
            file(".cargo/registry/cache/x/serde.crate", size_bytes=90 * KB),
            file("src/main.rs.bk", b"old"),
            ".idea/workspace.xml",
            "docs/design.md",
        ),
    ),
    "node workspace": Project(
        "npm ci && npm run build",
        (
            *("package.json", "package-lock.json", "packages/web/package.json"),
            *("packages/web/src/index.ts", "packages/api/package.json", "packages/api/index.js"),
            file(".env.example", b"TOKEN=\n"),
        ),
        (
            "node_modules/.package-lock.json",
            file("node_modules/react/index.js", size_bytes=400 * KB),
            link("node_modules/.bin/tsc", "../react/index.js"),
            "packages/web/node_modules/x/index.js",
            "packages/web/.next/cache/a",
            "packages/web/next.config.js",
            file("npm-debug.log", b"0 verbose cli npm\n"),
            file(".eslintcache", b"[{}]"),
            file(".env", b"TOKEN=not-a-real-one\n"),
        ),
        extra={"packages/web/next.config.js": "a source after all"},
    ),
    "python": Project(
        "pip install .",
        (
            file("pyproject.toml", b"# made\n"),
            "app/__init__.py",
            "app/core/models.py",
            "tests/test_app.py",
        ),
        (
            "app/__pycache__/__init__.cpython-312.pyc",
            "app/core/__pycache__/models.cpython-312.pyc",
            file(".venv/pyvenv.cfg", b"home = /usr\n"),
            file(".venv/lib/python3.12/site-packages/x.py", size_bytes=500 * KB),
            file("env312/pyvenv.cfg", b"home = /usr\n"),
            file("env312/bin/python", size_bytes=10 * KB),
            file(".pytest_cache/CACHEDIR.TAG", TAG),
            file(".mypy_cache/CACHEDIR.TAG", TAG),
            file(".mypy_cache/3.12/app.data.json", size_bytes=200 * KB),
            "app.egg-info/PKG-INFO",
            "htmlcov/index.html",
            file(".coverage", b"SQLite format 3\0"),
        ),
    ),
    "go": Project(
        "go build ./...",
        ("go.mod", "go.sum", "main.go", "vendor/modules.txt", "vendor/x/x.go"),
        (
            file("app.test", b"\x7fELF", size_bytes=2 * MB),
            file("coverage.out", b"mode: atomic\n"),
            "main.go~",
            file(".main.go.swp", b"b0VIM 9.0"),
        ),
    ),
    "maven": Project(
        "mvn package",
        ("pom.xml", "src/main/java/App.java", ".mvn/wrapper/maven-wrapper.jar"),
        (
            file("target/classes/App.class", b"\xca\xfe\xba\xbe"),
            file("target/app.jar", size_bytes=4 * MB),
            "core/target/classes/Core.class",
        ),
        extra={"core/pom.xml": ""},
    ),
    "gradle": Project(
        "gradle build",
        (
            *("settings.gradle.kts", "build.gradle.kts", "app/build.gradle.kts"),
            *("app/src/main/kotlin/build/Tool.kt", "gradle/wrapper/gradle-wrapper.jar"),
        ),
        (
            *("app/build/classes/Tool.class", ".gradle/8.0/fileHashes.bin", ".kotlin/errors/x"),
            file("local.properties", b"sdk.dir=/home/me/Android\n"),
        ),
    ),
    "dotnet": Project(
        "dotnet publish",
        ("Shop.sln", "src/Web/Web.csproj", "src/Web/Program.cs", "tools/bin/run.sh"),
        (
            *("src/Web/obj/project.assets.json", "src/Web/obj/Web.csproj.nuget.g.props"),
            file("src/Web/bin/Debug/net9.0/Web.dll", size_bytes=900 * KB),
            ".vs/Shop/v17/.suo",
        ),
    ),
    "ruby": Project(
        "bundle install",
        (
            *("Gemfile", "Gemfile.lock", "config.ru", "config/application.rb", "app/models/a.rb"),
            *("config/storage.yml", "db/schema.rb"),
        ),
        (
            file("log/development.log", size_bytes=700 * KB),
            *("tmp/cache/a", "vendor/bundle/ruby/3.4.0/gems/x.rb", "coverage/.last_run.json"),
            file("config/master.key", b"0123456789abcdef"),
            "db/development.sqlite3",
        ),
    ),
    "php": Project(
        "composer install",
        (
            *("composer.json", "composer.lock", "artisan", "public/index.php"),
            "resources/views/vendor/mail.blade.php",
        ),
        (
            *("vendor/autoload.php", "vendor/composer/installed.json", "public/hot"),
            file("storage/logs/laravel.log", size_bytes=300 * KB),
            file(".phpunit.result.cache", b'{"version":1}'),
        ),
    ),
    "elixir": Project(
        "mix deps.get && mix release",
        ("mix.exs", "mix.lock", "lib/shop.ex"),
        (
            *("_build/dev/lib/shop/ebin/x.beam", "deps/plug/mix.exs", ".elixir_ls/build/x"),
            file("erl_crash.dump", b"=erl_crash_dump:0.5\n"),
        ),
    ),
    "cmake": Project(
        "cmake -B b && cmake --build b",
        ("CMakeLists.txt", "src/main.cpp"),
        (
            *("out/linux/CMakeCache.txt", "out/linux/CMakeFiles/rules.ninja"),
            file("out/linux/app", size_bytes=800 * KB),
            "cmake-build-debug/CMakeCache.txt",
            file("src/main.o", b"\x7fELF"),
        ),
    ),
    "dart": Project(
        "dart pub get && dart compile exe bin/server.dart",
        ("pubspec.yaml", "pubspec.lock", "bin/server.dart"),
        (".dart_tool/package_config.json", "build/web/main.dart.js", ".flutter-plugins"),
    ),
    "terraform": Project(
        "./deploy.sh",
        ("main.tf", ".terraform.lock.hcl", "deploy.sh"),
        (
            file(".terraform/providers/registry/aws", size_bytes=6 * MB),
            file("terraform.tfstate", b'{"terraform_version": "1.9"}'),
        ),
    ),
    "with an ignore file": Project(
        "cargo build",
        ("Cargo.toml", "src/main.rs", "keep/target/notes.rs"),
        (file("services/a/target/CACHEDIR.TAG", TAG), "services/a/target/debug/build/gen.rs"),
        ignore=b"# ours\r\n*.tmp\r\n*\r\n!**/*.rs\r\n!Cargo.toml\r\n!services\r\n",
    ),
}
"""By name; `extra` holds what is listed among the artefacts and belongs to the sources."""


def sources_of(project: Project) -> set[str]:
    """The files that are left when all that is not needed is ignored."""
    listed = {node if isinstance(node, str) else node.path for node in project.sources}
    return {path for path in listed if not path.endswith("/")} | set(project.extra)
