"""Directories as the tools leave them behind, small, and old enough not to be in use."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.trees import Node, file

SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n"
CARGO_TAG = SIGNATURE + (
    b"# This file is a cache directory tag created by cargo.\n"
    b"# For information about cache directory tags see https://bford.info/cachedir/\n"
)
RUSTC_INFO = b'{"rustc_fingerprint":9424944722555581368,"outputs":{},"successes":{}}'
PYC = b"\xa7\r\r\n" + bytes(12)


@dataclass(frozen=True)
class Plant:
    """A regenerable directory: what is in it, and what around it makes it again."""

    kind: str
    path: str
    inside: dict[str, bytes] = field(default_factory=dict)
    """Every one of these is needed for the proof."""
    around: dict[str, bytes] = field(default_factory=dict)
    """So is every one of these, relative to the directory above."""
    more: tuple[str, ...] = ()
    """What else is in it."""

    def nodes(self, base: str = "", *, without: str = "") -> list[str | Node]:
        """The tree below `base`, without the one file that is named, if any."""
        here = f"{base}/{self.path}".lstrip("/")
        above = here.rpartition("/")[0]
        inside = {f"{here}/{name}": content for name, content in self.inside.items()}
        around = {f"{above}/{name}".lstrip("/"): text for name, text in self.around.items()}
        planted: list[str | Node] = [
            file(path, content)
            for path, content in {**inside, **around}.items()
            if path.removeprefix(f"{base}/") != without
        ]
        return [*planted, *(f"{here}/{name}" for name in self.more)]

    @property
    def needed(self) -> list[str]:
        """The files whose absence must leave it unproven, relative to the base."""
        above = self.path.rpartition("/")[0]
        around = [f"{above}/{name}".lstrip("/") for name in self.around]
        return [*(f"{self.path}/{name}" for name in self.inside), *around]


def _tagged(kind: str, name: str, around: dict[str, bytes]) -> Plant:
    return Plant(kind, name, {"CACHEDIR.TAG": SIGNATURE}, around, ("v/cache",))


PLANTS = (
    Plant(
        "cargo-target",
        "target",
        {"CACHEDIR.TAG": CARGO_TAG},
        {"Cargo.toml": b""},
        ("debug/.cargo-lock", "debug/deps/a.rlib", "debug/incremental/a/b.o", "release/app"),
    ),
    Plant(
        "cargo-target",
        "target",
        {".rustc_info.json": RUSTC_INFO},
        {"Cargo.toml": b""},
        ("debug/deps/a.rlib",),
    ),
    Plant(
        "cargo-target-elsewhere",
        ".shared",
        {"CACHEDIR.TAG": CARGO_TAG, ".rustc_info.json": RUSTC_INFO, "debug/deps/a.rlib": b"a"},
        {"Cargo.toml": b""},
    ),
    Plant(
        "node-modules",
        "node_modules",
        {".package-lock.json": b'{"lockfileVersion": 3}'},
        {"package.json": b"{}"},
        ("react/index.js", ".bin/x"),
    ),
    Plant(
        "node-modules",
        "node_modules",
        {".modules.yaml": b"layoutVersion: 5\n"},
        {"package.json": b"{}"},
        (".pnpm/a/b.js",),
    ),
    Plant("next", ".next", {"BUILD_ID": b"x"}, {"package.json": b"{}"}, ("cache/x",)),
    Plant(
        "svelte-kit",
        ".svelte-kit",
        {"generated/root.js": b"", "tsconfig.json": b"{}"},
        {"svelte.config.js": b""},
    ),
    Plant("nuxt", ".nuxt", {"nuxt.d.ts": b"", "tsconfig.json": b""}, {"nuxt.config.ts": b""}),
    Plant("parcel", ".parcel-cache", {"data.mdb": b"x"}, {"package.json": b"{}"}),
    Plant(
        "venv",
        ".venv",
        {"pyvenv.cfg": b"home = /usr/bin\n", "bin/python": b"x"},
        {"requirements.txt": b""},
        ("lib/python3/site-packages/x.py",),
    ),
    Plant("venv", "env", {"pyvenv.cfg": b"home = /x\n", "bin/pip": b"x"}, {"uv.lock": b""}),
    Plant(
        "compiled-python",
        "pkg/__pycache__",
        {"a.cpython-312.pyc": PYC},
        {"a.py": b"a = 1\n"},
    ),
    _tagged("mypy", ".mypy_cache", {}),
    _tagged("pytest", ".pytest_cache", {}),
    _tagged("ruff", ".ruff_cache", {}),
    _tagged("tox", ".tox", {"tox.ini": b""}),
    _tagged("nox", ".nox", {"noxfile.py": b""}),
    Plant(
        "maven",
        "target",
        {"maven-status/x/inputFiles.lst": b""},
        {"pom.xml": b""},
        ("classes/A.class", "app.jar"),
    ),
    Plant(
        "gradle-build",
        "build",
        {"tmp/compileJava/previous-compilation-data.bin": b"x"},
        {"build.gradle.kts": b""},
        ("classes/A.class", "libs/app.jar"),
    ),
    Plant(
        "gradle-cache",
        ".gradle",
        {"buildOutputCleanup/cache.properties": b"x"},
        {"settings.gradle": b""},
        ("8.10/fileHashes/fileHashes.bin",),
    ),
    Plant(
        "dotnet-obj",
        "obj",
        {"project.assets.json": b'{"version": 3, "targets": {}}'},
        {"App.csproj": b""},
        ("Debug/net8.0/App.dll",),
    ),
    Plant(
        "cmake",
        "build-debug",
        {
            "CMakeCache.txt": b"# This is the CMakeCache file.\n",
            "CMakeFiles/a.o": b"a",
            "cmake_install.cmake": b"",
        },
        {"CMakeLists.txt": b""},
        ("libx.a",),
    ),
    Plant(
        "meson",
        "out",
        {"meson-private/coredata.dat": b"x", "build.ninja": b""},
        {"meson.build": b""},
    ),
    Plant("mix", "_build", {"dev/lib/app/ebin/a.beam": b"x"}, {"mix.exs": b""}),
    Plant("dune", "_build", {"log": b"", "default/a.exe": b"x"}, {"dune-project": b""}),
    Plant("cabal", "dist-newstyle", {"cache/plan.json": b"{}"}, {"x.cabal": b""}, ("build/a.o",)),
    Plant(
        "dart-tool",
        ".dart_tool",
        {"package_config.json": b'{"configVersion": 2}'},
        {"pubspec.yaml": b""},
    ),
    Plant(
        "composer",
        "vendor",
        {"composer/installed.json": b"{}", "autoload.php": b""},
        {"composer.json": b"{}", "composer.lock": b"{}"},
        ("acme/lib/a.php",),
    ),
    Plant(
        "terraform",
        ".terraform",
        {"providers/registry.terraform.io/x": b"x"},
        {".terraform.lock.hcl": b"", "main.tf": b""},
    ),
    Plant(
        "sphinx",
        "docs/_build",
        {"doctrees/environment.pickle": b"x"},
        {"conf.py": b""},
        ("html/index.html",),
    ),
)
"""At least one for every kind."""

RUST = PLANTS[0]
