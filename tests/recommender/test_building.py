"""Which commands stand for what a rule is about: some of each, and some that only sound like it."""

from __future__ import annotations

import pytest

from ctxsize.recommender.building import is_one_of
from ctxsize.recommender.knowledge import BY_NAME, RULES
from ctxsize.shell import commands

FRONT = (
    "npm run build",
    "yarn build",
    "pnpm -r --filter web run build:prod",
    "npx next build",
    "bunx nuxt generate",
    "yarn workspace web build",
    "turbo run build --filter=web",
    "node_modules/.bin/vite build",
)
FRONT_NOT = (
    *("npm ci", "npm ci --omit=dev --production", "npm rebuild", "npm install esbuild"),
    *("yarn install --production", "npm run lint", "npm start", "npx prettier --check ."),
    *("pnpm install --filter build", "yarn", "echo npm run build", "yarn global add turbo"),
)
CMAKE = ("cmake -B out", "make -j4", "ninja -C out", "gcc -c a.c", "aarch64-linux-gnu-g++-13 a.cc")
CMAKE_NOT = ("make.sh", "./x.sh", "pip install cmake", "apt-get install -y make gcc", "ccache -s")
ENVIRONMENT = ("python3 -m venv .venv", "uv sync", "virtualenv x", "pipenv install --deploy")
ENVIRONMENT_NOT = ("pip install x", "uv --version", "poetry --version", "venv.sh")
ASSETS = ("./bin/rails assets:precompile", "bundle exec rake webpacker:compile", "yarn build:css")
ASSETS_NOT = ("rails db:migrate", "bundle install", "yarn install", "yarn")
CARGO = (
    *("cargo build --release", "cargo +nightly -q test", "cargo install --path .", "cross build"),
    *("cargo chef cook --release", "cargo --locked run", "maturin build", "cargo leptos build"),
)
CARGO_NOT = (
    *("cargo fetch", "cargo --version", "cargo install cargo-chef", "cargo chef prepare"),
    *("cargo-foo.sh", "rustc --version", "cargo install --locked trunk", "rustup component add x"),
)
JVM = ("mvn -B package", "./gradlew jar", "javac A.java", "sbt compile")
JVM_NOT = ("java -jar x.jar", "mvn --version", "javac.sh")
PROJECT = (
    *("pip install .", "pip3 install -r r.txt -e '.[x]'", "uv pip install --system ./lib"),
    *("python -m build", "python setup.py install", "uv sync --locked", "poetry install"),
    *("pip wheel --no-deps -w /wheels .", "pip install $PWD", "hatch build", "flit install"),
)
PROJECT_NOT = (
    *("pip install -r requirements.txt", "pip install -r ./r.txt", "pip install -U pip wheel"),
    *("pip install --prefix /install -r r.txt", "pip install /wheels/*", "pip install ./x.whl"),
    *("poetry install --no-root", "uv sync --no-install-project", "python -m pip --version"),
    *("pip install -t /x flask", "build.sh", "python setup.py --version", "pip download ."),
)
MAVEN = (
    *("mvn package", "./mvnw -B -DskipTests clean install", "mvn -f /src/pom.xml verify"),
    *("mvn spring-boot:build-image", "mvnd -T4 package -Pnative", "mvn -pl core -am package"),
)
MAVEN_NOT = (
    *("mvn dependency:go-offline", "mvn clean", "mvn", "mvn -v", "mvn -Dx=package validate"),
    *("chmod +x mvnw", "mvn dependency:resolve-plugins", "mvn -o versions:set", "mvn test"),
)
GRADLE = (
    *("gradle build", "./gradlew :app:bootJar --no-daemon", "sh gradlew build -x test"),
    *("gradle -p app installDist", "gradle shadowJar", "./gradlew assembleRelease"),
    *(
        "gradle --configuration-cache clean war",
        "./gradlew nativeCompile",
        "gradle bundleRelease publishToMavenLocal",
    ),
)
GRADLE_NOT = (
    *("gradle dependencies", "./gradlew --version", "gradle help -x build", "gradle wrapper"),
    *("gradle clean", "gradle", "./gradlew buildEnvironment", "gradle -Pbuild=1 tasks"),
    *("gradle build --dry-run", "gradle -m build", "gradle cleanJar", "gradle :app:cleanBuild"),
    *("gradle -p build tasks", "gradle help --task build", "gradle --project-dir dist tasks"),
    *("cp gradlew /x", "gradle check", "gradle downloadDependencies"),
)

BUILT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "maven.target": ((*MAVEN, "mvn compile"), (*MAVEN_NOT, *GRADLE)),
    "gradle.build": ((*GRADLE, "gradle classes", "gradle compileJava"), (*GRADLE_NOT, *MAVEN)),
    "scala.target": (("sbt assembly", "sbt 'Docker / publishLocal'"), ("sbt update", "sbt -v")),
    "scala.mill": (("./mill app.assembly", "mill __.compile"), ("mill version",)),
    "clojure.target": (("lein uberjar", "clojure -T:build uber"), ("lein deps", "clojure")),
    "jvm.out": (JVM, JVM_NOT),
    "jvm.bin": (JVM, JVM_NOT),
    "jvm.class": (JVM, JVM_NOT),
    "rust.target": ((*CARGO, "pip install .", "npm ci"), (*CARGO_NOT, "apt-get install cargo")),
    "rust.renamedtarget": (CARGO, CARGO_NOT),
    **dict.fromkeys(
        ("node.next", "node.nuxt", "node.nitro", "node.sveltekit", "node.storybook"),
        (FRONT, FRONT_NOT),
    ),
    "node.yarnunplugged": (("yarn", "yarn install --immutable"), ("yarn build", "npm ci")),
    "deno.fresh": (("deno task build",), ("deno --version", "deno cache main.ts")),
    "python.build": (PROJECT, PROJECT_NOT),
    "python.egginfo": (PROJECT, PROJECT_NOT),
    "dotnet.bin": (
        ("dotnet publish -c Release", "dotnet build", "msbuild /t:Build"),
        ("dotnet restore", "dotnet tool install x", "dotnet --info", "./build.sh"),
    ),
    "elixir.build": (
        ("mix compile", "mix do deps.get, compile", "mix release", "rebar3 as prod release"),
        ("mix deps.get", "mix local.hex --force", "mix deps.compile", "rebar3 get-deps"),
    ),
    "elixir.static": (
        ("mix assets.deploy", "mix phx.digest", "npm run deploy --prefix assets"),
        ("mix deps.get", "mix compile", "npm ci --prefix assets"),
    ),
    "swift.build": (("swift build -c release",), ("swift --version", "swift package resolve")),
    "haskell.stack": (
        ("stack build", "stack --system-ghc install"),
        ("stack setup", "stack build --only-dependencies", "stack --version"),
    ),
    "haskell.cabal": (
        ("cabal v2-build all", "cabal install exe:x"),
        ("cabal update", "cabal build --only-dependencies"),
    ),
    "ocaml.dune": (("dune build", "opam exec -- dune build"), ("dune --version", "opam install .")),
    "zig.out": (("zig build -Doptimize=ReleaseSafe",), ("zig version", "zig build-exe x.zig")),
    "gleam.build": (("gleam build", "gleam export erlang-shipment"), ("gleam deps download",)),
    "lua.modules": (("luarocks install --only-deps x.rockspec",), ("luarocks config",)),
    "perl.local": (("carton install", "cpanm --installdeps ."), ("perl -v", "carton")),
    "r.renv": (("Rscript -e 'renv::restore()'",), ("Rscript x.R", "Rscript -e 'library(x)'")),
    "nim.deps": (("nimble install -y", "nimble build"), ("nimble --version", "nim c x.nim")),
    "dart.build": (
        ("flutter build web", "dart compile exe bin/x.dart", "dart run build_runner build"),
        ("flutter pub get", "dart --version"),
    ),
    "go.release": (("go build ./...", "goreleaser build"), ("go mod download", "go vet")),
    **dict.fromkeys(
        ("cpp.cmake", "cpp.clion", "cpp.meson", "cpp.objects"),
        (CMAKE, CMAKE_NOT),
    ),
    **dict.fromkeys(("ruby.assets", "ruby.builds", "ruby.packs"), (ASSETS, ASSETS_NOT)),
    "php.bundles": (
        ("php bin/console assets:install", "composer install --no-dev"),
        ("bin/console cache:clear", "composer dump-autoload"),
    ),
    "docs.mkdocs": (("mkdocs build",), ("mkdocs --version", "pip install mkdocs")),
    "docs.sphinx": (("make -C docs html", "sphinx-build docs out"), ("pip install sphinx",)),
    "docs.jekyll": (("bundle exec jekyll build",), ("gem install jekyll",)),
    "docs.doxygen": (("doxygen Doxyfile",), ("apt-get install doxygen",)),
}
"""By rule, those that make it or what takes its place, and others."""
MADE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "maven.target": (MAVEN, ("mvn compile",)),
    "gradle.build": (GRADLE, ("gradle classes",)),
    "rust.target": (CARGO, ("pip install .", "npm ci", "uv sync")),
    "rust.renamedtarget": (CARGO, ("pip install .", "npm ci")),
    "python.build": (("python setup.py build",), ("pip install .", "uv sync", "python -m build")),
    "python.venv": (ENVIRONMENT, ENVIRONMENT_NOT),
    "python.othervenv": (ENVIRONMENT, ENVIRONMENT_NOT),
    "python.conda": (("mamba env create -f x.yml", "conda create -n x"), ("conda --version",)),
    "python.pypackages": (("pdm install",), ("pip install .",)),
    "ocaml.opam": (("opam switch create .",), ("opam exec -- dune build",)),
    "go.release": (("goreleaser release --snapshot",), ("go build",)),
    "cpp.objects": (("gcc -O2 -c a.c", "make"), ("gcc -o app a.o", "cc a.o", "conan install")),
    "cpp.vcpkg": (("vcpkg install", "cmake -B out"), ("apt-get install cmake",)),
}
"""By rule, those that put it where it was, and others that only take its place."""


def cases(table: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], at: int) -> list[list[str]]:
    return [[name, text] for name, texts in table.items() for text in texts[at]]


def is_one(expression: str, text: str) -> bool:
    return any(is_one_of(expression, each) for each in commands(text))


@pytest.mark.parametrize(("name", "text"), cases(BUILT, 0))
def test_builds(name: str, text: str) -> None:
    assert is_one(BY_NAME[name].built_by, text)


@pytest.mark.parametrize(("name", "text"), cases(BUILT, 1))
def test_builds_not(name: str, text: str) -> None:
    assert not is_one(BY_NAME[name].built_by, text)


@pytest.mark.parametrize(("name", "text"), cases(MADE, 0))
def test_puts_it_where_it_was(name: str, text: str) -> None:
    assert is_one(BY_NAME[name].makers, text)


@pytest.mark.parametrize(("name", "text"), cases(MADE, 1))
def test_puts_it_elsewhere(name: str, text: str) -> None:
    assert not is_one(BY_NAME[name].makers, text)


def test_every_expression_has_its_cases() -> None:
    assert {rule.name for rule in RULES if rule.built_by} == set(BUILT)
    assert {rule.name for rule in RULES if rule.made_by} == set(MADE)


def test_what_is_not_made_again_is_made_by_nothing() -> None:
    assert not is_one(BY_NAME["docs.directory"].makers, "make docs")
    assert is_one(BY_NAME["infra.cdk"].makers, "npx cdk synth")
