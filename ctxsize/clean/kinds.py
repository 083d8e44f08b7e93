"""The kinds of directories that can be proven to be regenerable, as data.

A kind is here only if a tool leaves evidence *inside* the directory. What has
nothing but a name (`dist`, `bin`, `out`, `tmp`, a bare `build`) is not, and
neither is what a tool cannot make again from the files around it.
"""

from __future__ import annotations

from ctxsize.clean.proofs import Kind, Mark
from ctxsize.clean.values import Category

_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
_TAG = Mark("CACHEDIR.TAG", (_SIGNATURE,))
_CARGO_TAG = Mark("CACHEDIR.TAG", (_SIGNATURE, b"created by cargo"))
_RUSTC_INFO = Mark(".rustc_info.json", (b'"rustc_fingerprint"',))
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

KINDS: tuple[Kind, ...] = (
    Kind(
        "cargo-target",
        "rust",
        Category.ARTEFACT,
        "Cargo's target directory",
        ("target",),
        ((_CARGO_TAG, _RUSTC_INFO), (_CARGO_TAG,), (_RUSTC_INFO,)),
        above=("Cargo.toml",),
        never_inside=("Cargo.toml",),
        parts=_CARGO_PARTS,
        again="cargo build",
    ),
    Kind(
        "cargo-target-elsewhere",
        "rust",
        Category.ARTEFACT,
        "a target directory of Cargo under another name",
        ("*",),
        ((_CARGO_TAG, _RUSTC_INFO, Mark("debug/")), (_CARGO_TAG, _RUSTC_INFO, Mark("release/"))),
        above=("Cargo.toml",),
        never_inside=("Cargo.toml",),
        parts=_CARGO_PARTS,
        again="cargo build",
    ),
    Kind(
        "node-modules",
        "node",
        Category.DEPS,
        "installed Node packages",
        ("node_modules",),
        (
            (Mark(".package-lock.json", (b'"lockfileVersion"',)),),
            (Mark(".modules.yaml"),),
            (Mark(".yarn-integrity"),),
            (Mark(".yarn-state.yml"),),
        ),
        beside=_PACKAGE,
        again="npm ci, pnpm install or yarn install",
    ),
    Kind(
        "next",
        "node",
        Category.ARTEFACT,
        "what Next.js builds",
        (".next",),
        ((Mark("BUILD_ID"),), (Mark("build-manifest.json"),)),
        beside=(
            "next.config.js",
            "next.config.mjs",
            "next.config.cjs",
            "next.config.ts",
            *_PACKAGE,
        ),
        again="next build",
    ),
    Kind(
        "svelte-kit",
        "node",
        Category.ARTEFACT,
        "what SvelteKit generates",
        (".svelte-kit",),
        ((Mark("generated/"), Mark("tsconfig.json")), (Mark("output/"), Mark("generated/"))),
        beside=("svelte.config.js", "svelte.config.ts", "svelte.config.mjs"),
        again="svelte-kit sync",
    ),
    Kind(
        "nuxt",
        "node",
        Category.ARTEFACT,
        "what Nuxt generates",
        (".nuxt",),
        ((Mark("nuxt.d.ts"), Mark("tsconfig.json")),),
        beside=("nuxt.config.ts", "nuxt.config.js", "nuxt.config.mjs"),
        again="nuxt prepare",
    ),
    Kind(
        "parcel",
        "node",
        Category.CACHE,
        "the cache of Parcel",
        (".parcel-cache",),
        ((Mark("data.mdb"),),),
        beside=_PACKAGE,
        again="parcel build",
    ),
    Kind(
        "venv",
        "python",
        Category.DEPS,
        "a virtual environment",
        ("*",),
        (
            (Mark("pyvenv.cfg", (b"home",)), Mark("bin/")),
            (Mark("pyvenv.cfg", (b"home",)), Mark("Scripts/")),
        ),
        beside=_LOCKED_PYTHON,
        only_inside=(
            *("pyvenv.cfg", "bin", "include", "lib", "lib64", "share", "etc", "man", "local"),
            *("Scripts", "Include", "Lib", ".gitignore", ".lock", "CACHEDIR.TAG", ".Python"),
        ),
        again="the lock or requirements file beside it",
    ),
    Kind(
        "compiled-python",
        "python",
        Category.CACHE,
        "compiled Python",
        ("__pycache__",),
        ((Mark("*.pyc"),),),
        beside=("*.py", "*.pyw"),
        check="compiled",
        again="python",
    ),
    Kind(
        "mypy",
        "python",
        Category.CACHE,
        "the cache of mypy",
        (".mypy_cache",),
        ((_TAG,),),
        again="mypy",
    ),
    Kind(
        "pytest",
        "python",
        Category.CACHE,
        "the cache of pytest",
        (".pytest_cache",),
        ((_TAG,),),
        again="pytest",
    ),
    Kind(
        "ruff",
        "python",
        Category.CACHE,
        "the cache of Ruff",
        (".ruff_cache",),
        ((_TAG,),),
        again="ruff check",
    ),
    Kind(
        "tox",
        "python",
        Category.ARTEFACT,
        "the environments of tox",
        (".tox",),
        ((_TAG,),),
        beside=("tox.ini", "tox.toml", *_PYTHON_PROJECT),
        again="tox",
    ),
    Kind(
        "nox",
        "python",
        Category.ARTEFACT,
        "the environments of nox",
        (".nox",),
        ((_TAG,),),
        beside=("noxfile.py",),
        again="nox",
    ),
    Kind(
        "maven",
        "java",
        Category.ARTEFACT,
        "what Maven builds",
        ("target",),
        ((Mark("maven-status/"),), (Mark("maven-archiver/"),)),
        beside=("pom.xml",),
        parts=("*",),
        again="mvn package",
    ),
    Kind(
        "gradle-build",
        "java",
        Category.ARTEFACT,
        "what Gradle builds",
        ("build",),
        (
            (Mark("tmp/compileJava/previous-compilation-data.bin"),),
            (Mark("tmp/compileTestJava/previous-compilation-data.bin"),),
            (Mark("tmp/jar/MANIFEST.MF"),),
        ),
        beside=("build.gradle", "build.gradle.kts"),
        parts=("*",),
        again="gradle build",
    ),
    Kind(
        "gradle-cache",
        "java",
        Category.CACHE,
        "the project cache of Gradle",
        (".gradle",),
        ((Mark("buildOutputCleanup/cache.properties"),),),
        beside=("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"),
        again="gradle build",
    ),
    Kind(
        "dotnet-obj",
        "dotnet",
        Category.ARTEFACT,
        "intermediate files of .NET",
        ("obj",),
        ((Mark("project.assets.json", (b'"version"', b'"targets"')),),),
        beside=("*.csproj", "*.fsproj", "*.vbproj"),
        again="dotnet restore",
    ),
    Kind(
        "cmake",
        "cpp",
        Category.ARTEFACT,
        "a build directory of CMake",
        ("*",),
        (
            (
                Mark("CMakeCache.txt", (b"This is the CMakeCache file",)),
                Mark("CMakeFiles/"),
                Mark("cmake_install.cmake"),
            ),
        ),
        above=("CMakeLists.txt",),
        never_inside=("CMakeLists.txt",),
        again="cmake",
    ),
    Kind(
        "meson",
        "cpp",
        Category.ARTEFACT,
        "a build directory of Meson",
        ("*",),
        ((Mark("meson-private/coredata.dat"), Mark("build.ninja")),),
        above=("meson.build",),
        never_inside=("meson.build",),
        again="meson setup",
    ),
    Kind(
        "mix",
        "elixir",
        Category.ARTEFACT,
        "what Mix builds",
        ("_build",),
        ((Mark("dev/lib/"),), (Mark("test/lib/"),), (Mark("prod/lib/"),)),
        beside=("mix.exs",),
        parts=("*",),
        again="mix compile",
    ),
    Kind(
        "dune",
        "ocaml",
        Category.ARTEFACT,
        "what Dune builds",
        ("_build",),
        ((Mark("log"), Mark("default/")),),
        beside=("dune-project",),
        parts=("*",),
        again="dune build",
    ),
    Kind(
        "cabal",
        "haskell",
        Category.ARTEFACT,
        "what Cabal builds",
        ("dist-newstyle",),
        ((Mark("cache/plan.json"),),),
        beside=("cabal.project", "*.cabal"),
        again="cabal build",
    ),
    Kind(
        "dart-tool",
        "dart",
        Category.CACHE,
        "the tool directory of Dart",
        (".dart_tool",),
        ((Mark("package_config.json", (b'"configVersion"',)),),),
        beside=("pubspec.yaml",),
        again="dart pub get",
    ),
    Kind(
        "composer",
        "php",
        Category.DEPS,
        "installed Composer packages",
        ("vendor",),
        ((Mark("composer/installed.json"), Mark("autoload.php")),),
        beside=("composer.lock",),
        also_beside=("composer.json",),
        again="composer install",
    ),
    Kind(
        "terraform",
        "terraform",
        Category.CACHE,
        "providers of Terraform",
        (".terraform",),
        ((Mark("providers/"),),),
        beside=(".terraform.lock.hcl",),
        also_beside=("*.tf", "*.tf.json"),
        only_inside=("providers", "modules", "plugins"),
        again="terraform init",
    ),
    Kind(
        "sphinx",
        "docs",
        Category.ARTEFACT,
        "what Sphinx builds",
        ("_build", "build"),
        ((Mark("doctrees/environment.pickle"),),),
        beside=("conf.py", "Makefile"),
        again="sphinx-build",
    ),
)
"""In the order in which they are tried."""

INCREMENTAL = Kind(
    "cargo-incremental",
    "rust",
    Category.ARTEFACT,
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
