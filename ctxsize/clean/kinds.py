"""The kinds of directories that can be proven to be regenerable, as data.

A kind is here only if a tool leaves evidence *inside* the directory. What has
nothing but a name (`dist`, `bin`, `out`, `tmp`, a bare `build`) is not, and
neither is what a tool cannot make again from the files around it.
"""

from __future__ import annotations

from ctxsize.clean.proofs import ArtefactKind, Telltale
from ctxsize.clean.values import CleanCategory

_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
_TAG = Telltale("CACHEDIR.TAG", (_SIGNATURE,))
_CARGO_TAG = Telltale("CACHEDIR.TAG", (_SIGNATURE, b"created by cargo"))
_RUSTC_INFO = Telltale(".rustc_info.json", (b'"rustc_fingerprint"',))
_CARGO_PARTS = (
    *("debug/deps", "debug/incremental", "debug/build", "debug", "release", "doc", "package"),
    *("*-*-*/debug/deps", "*-*-*/debug/incremental", "*-*-*/debug", "*-*-*/release", "*"),
)
_PYTHON_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py")
_LOCKED_PYTHON = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock*.toml"),
    *("requirements*.txt", "requirements*.lock"),
)
_PACKAGE = ("package.json",)
LOCKS = (".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock")
"""What Cargo locks while it builds."""

KINDS: tuple[ArtefactKind, ...] = (
    ArtefactKind(
        "cargo-target",
        "rust",
        CleanCategory.ARTEFACT,
        "Cargo's target directory",
        ("target",),
        ((_CARGO_TAG, _RUSTC_INFO), (_CARGO_TAG,), (_RUSTC_INFO,)),
        above=("Cargo.toml",),
        never_inside=("Cargo.toml",),
        parts=_CARGO_PARTS,
        again="cargo build",
    ),
    ArtefactKind(
        "cargo-target-elsewhere",
        "rust",
        CleanCategory.ARTEFACT,
        "a target directory of Cargo under another name",
        ("*",),
        (
            (_CARGO_TAG, _RUSTC_INFO, Telltale("debug/")),
            (_CARGO_TAG, _RUSTC_INFO, Telltale("release/")),
        ),
        above=("Cargo.toml",),
        never_inside=("Cargo.toml",),
        parts=_CARGO_PARTS,
        again="cargo build",
    ),
    ArtefactKind(
        "node-modules",
        "node",
        CleanCategory.DEPS,
        "installed Node packages",
        ("node_modules",),
        (
            (Telltale(".package-lock.json", (b'"lockfileVersion"',)),),
            (Telltale(".modules.yaml"),),
            (Telltale(".yarn-integrity"),),
            (Telltale(".yarn-state.yml"),),
        ),
        beside=_PACKAGE,
        again="npm ci, pnpm install or yarn install",
    ),
    ArtefactKind(
        "next",
        "node",
        CleanCategory.ARTEFACT,
        "what Next.js builds",
        (".next",),
        ((Telltale("BUILD_ID"),), (Telltale("build-manifest.json"),)),
        beside=(
            "next.config.js",
            "next.config.mjs",
            "next.config.cjs",
            "next.config.ts",
            *_PACKAGE,
        ),
        again="next build",
    ),
    ArtefactKind(
        "svelte-kit",
        "node",
        CleanCategory.ARTEFACT,
        "what SvelteKit generates",
        (".svelte-kit",),
        (
            (Telltale("generated/"), Telltale("tsconfig.json")),
            (Telltale("output/"), Telltale("generated/")),
        ),
        beside=("svelte.config.js", "svelte.config.ts", "svelte.config.mjs"),
        again="svelte-kit sync",
    ),
    ArtefactKind(
        "nuxt",
        "node",
        CleanCategory.ARTEFACT,
        "what Nuxt generates",
        (".nuxt",),
        ((Telltale("nuxt.d.ts"), Telltale("tsconfig.json")),),
        beside=("nuxt.config.ts", "nuxt.config.js", "nuxt.config.mjs"),
        again="nuxt prepare",
    ),
    ArtefactKind(
        "parcel",
        "node",
        CleanCategory.CACHE,
        "the cache of Parcel",
        (".parcel-cache",),
        ((Telltale("data.mdb"),),),
        beside=_PACKAGE,
        again="parcel build",
    ),
    ArtefactKind(
        "venv",
        "python",
        CleanCategory.DEPS,
        "a virtual environment",
        ("*",),
        (
            (Telltale("pyvenv.cfg", (b"home",)), Telltale("bin/")),
            (Telltale("pyvenv.cfg", (b"home",)), Telltale("Scripts/")),
        ),
        beside=_LOCKED_PYTHON,
        only_inside=(
            *("pyvenv.cfg", "bin", "include", "lib", "lib64", "share", "etc", "man", "local"),
            *("Scripts", "Include", "Lib", ".gitignore", ".lock", "CACHEDIR.TAG", ".Python"),
        ),
        again="the lock or requirements file beside it",
    ),
    ArtefactKind(
        "compiled-python",
        "python",
        CleanCategory.CACHE,
        "compiled Python",
        ("__pycache__",),
        ((Telltale("*.pyc"),),),
        beside=("*.py", "*.pyw"),
        check="compiled",
        again="python",
    ),
    ArtefactKind(
        "mypy",
        "python",
        CleanCategory.CACHE,
        "the cache of mypy",
        (".mypy_cache",),
        ((_TAG,),),
        again="mypy",
    ),
    ArtefactKind(
        "pytest",
        "python",
        CleanCategory.CACHE,
        "the cache of pytest",
        (".pytest_cache",),
        ((_TAG,),),
        again="pytest",
    ),
    ArtefactKind(
        "ruff",
        "python",
        CleanCategory.CACHE,
        "the cache of Ruff",
        (".ruff_cache",),
        ((_TAG,),),
        again="ruff check",
    ),
    ArtefactKind(
        "tox",
        "python",
        CleanCategory.ARTEFACT,
        "the environments of tox",
        (".tox",),
        ((_TAG,),),
        beside=("tox.ini", "tox.toml", *_PYTHON_PROJECT),
        again="tox",
    ),
    ArtefactKind(
        "nox",
        "python",
        CleanCategory.ARTEFACT,
        "the environments of nox",
        (".nox",),
        ((_TAG,),),
        beside=("noxfile.py",),
        again="nox",
    ),
    ArtefactKind(
        "maven",
        "java",
        CleanCategory.ARTEFACT,
        "what Maven builds",
        ("target",),
        ((Telltale("maven-status/"),), (Telltale("maven-archiver/"),)),
        beside=("pom.xml",),
        parts=("*",),
        again="mvn package",
    ),
    ArtefactKind(
        "gradle-build",
        "java",
        CleanCategory.ARTEFACT,
        "what Gradle builds",
        ("build",),
        (
            (Telltale("tmp/compileJava/previous-compilation-data.bin"),),
            (Telltale("tmp/compileTestJava/previous-compilation-data.bin"),),
            (Telltale("tmp/jar/MANIFEST.MF"),),
        ),
        beside=("build.gradle", "build.gradle.kts"),
        parts=("*",),
        again="gradle build",
    ),
    ArtefactKind(
        "gradle-cache",
        "java",
        CleanCategory.CACHE,
        "the project cache of Gradle",
        (".gradle",),
        ((Telltale("buildOutputCleanup/cache.properties"),),),
        beside=("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"),
        again="gradle build",
    ),
    ArtefactKind(
        "dotnet-obj",
        "dotnet",
        CleanCategory.ARTEFACT,
        "intermediate files of .NET",
        ("obj",),
        ((Telltale("project.assets.json", (b'"version"', b'"targets"')),),),
        beside=("*.csproj", "*.fsproj", "*.vbproj"),
        again="dotnet restore",
    ),
    ArtefactKind(
        "cmake",
        "cpp",
        CleanCategory.ARTEFACT,
        "a build directory of CMake",
        ("*",),
        (
            (
                Telltale("CMakeCache.txt", (b"This is the CMakeCache file",)),
                Telltale("CMakeFiles/"),
                Telltale("cmake_install.cmake"),
            ),
        ),
        above=("CMakeLists.txt",),
        never_inside=("CMakeLists.txt",),
        again="cmake",
    ),
    ArtefactKind(
        "meson",
        "cpp",
        CleanCategory.ARTEFACT,
        "a build directory of Meson",
        ("*",),
        ((Telltale("meson-private/coredata.dat"), Telltale("build.ninja")),),
        above=("meson.build",),
        never_inside=("meson.build",),
        again="meson setup",
    ),
    ArtefactKind(
        "mix",
        "elixir",
        CleanCategory.ARTEFACT,
        "what Mix builds",
        ("_build",),
        ((Telltale("dev/lib/"),), (Telltale("test/lib/"),), (Telltale("prod/lib/"),)),
        beside=("mix.exs",),
        parts=("*",),
        again="mix compile",
    ),
    ArtefactKind(
        "dune",
        "ocaml",
        CleanCategory.ARTEFACT,
        "what Dune builds",
        ("_build",),
        ((Telltale("log"), Telltale("default/")),),
        beside=("dune-project",),
        parts=("*",),
        again="dune build",
    ),
    ArtefactKind(
        "cabal",
        "haskell",
        CleanCategory.ARTEFACT,
        "what Cabal builds",
        ("dist-newstyle",),
        ((Telltale("cache/plan.json"),),),
        beside=("cabal.project", "*.cabal"),
        again="cabal build",
    ),
    ArtefactKind(
        "dart-tool",
        "dart",
        CleanCategory.CACHE,
        "the tool directory of Dart",
        (".dart_tool",),
        ((Telltale("package_config.json", (b'"configVersion"',)),),),
        beside=("pubspec.yaml",),
        again="dart pub get",
    ),
    ArtefactKind(
        "composer",
        "php",
        CleanCategory.DEPS,
        "installed Composer packages",
        ("vendor",),
        ((Telltale("composer/installed.json"), Telltale("autoload.php")),),
        beside=("composer.lock",),
        also_beside=("composer.json",),
        again="composer install",
    ),
    ArtefactKind(
        "terraform",
        "terraform",
        CleanCategory.CACHE,
        "providers of Terraform",
        (".terraform",),
        ((Telltale("providers/"),),),
        beside=(".terraform.lock.hcl",),
        also_beside=("*.tf", "*.tf.json"),
        only_inside=("providers", "modules", "plugins"),
        again="terraform init",
    ),
    ArtefactKind(
        "sphinx",
        "docs",
        CleanCategory.ARTEFACT,
        "what Sphinx builds",
        ("_build", "build"),
        ((Telltale("doctrees/environment.pickle"),),),
        beside=("conf.py", "Makefile"),
        again="sphinx-build",
    ),
)
"""In the order in which they are tried."""

INCREMENTAL = ArtefactKind(
    "cargo-incremental",
    "rust",
    CleanCategory.ARTEFACT,
    "incremental compilation of Cargo",
    ("incremental",),
    (),
    locks_beside=LOCKS,
    again="cargo build",
)
"""The part of a target directory that `--incremental-only` takes; the target is what is proven."""

ECOSYSTEMS = tuple(sorted({kind.ecosystem for kind in KINDS}))
"""The choices of `--ecosystem`."""

BY_NAME = {kind.name: kind for kind in (*KINDS, INCREMENTAL)}
