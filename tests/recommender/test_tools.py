"""The table of tools: some commands of each, and some that only sound like them."""

from __future__ import annotations

import pytest

from ctxsize.dockerfile.shell import commands
from ctxsize.knowledge.rules import all_rules
from ctxsize.knowledge.tools import (
    Work,
    _tool,
    has_tools,
    install_directory,
    makes,
    run_by,
    spares,
    tools,
    works,
)
from ctxsize.syntax import Command

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
    *("xx-cargo build --release", "cargo zigbuild", "cargo auditable build"),
)
CARGO_NOT = (
    *("cargo fetch", "cargo --version", "cargo install cargo-chef", "cargo chef prepare"),
    *("cargo-foo.sh", "rustc --version", "cargo install --locked trunk", "rustup component add x"),
    *("xx-cargo --print-target-triple", "xx-info is-cross"),
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
    "rust.target": (
        (*CARGO, "pip install .", "npm ci", "nix build .#app", "nix-build -A app"),
        (*CARGO_NOT, "apt-get install cargo", "nix profile install nixpkgs#cachix", "nix develop"),
    ),
    "rust.renamedtarget": (CARGO, CARGO_NOT),
    **dict.fromkeys(
        (
            *("node.next", "node.nuxt", "node.nitro", "node.sveltekit", "node.storybook"),
            *("node.astro", "node.angular", "node.dist", "node.build"),
        ),
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


@pytest.mark.parametrize(("name", "text"), cases(BUILT, 0))
def test_image_that_runs_the_command_can_do_without_the_thing(name: str, text: str) -> None:
    assert any(spares(all_rules()[name], each) for each in commands(text))


@pytest.mark.parametrize(("name", "text"), cases(BUILT, 1))
def test_image_that_runs_another_command_cannot(name: str, text: str) -> None:
    assert not any(spares(all_rules()[name], each) for each in commands(text))


@pytest.mark.parametrize(("name", "text"), cases(MADE, 0))
def test_command_makes_the_thing_where_it_was(name: str, text: str) -> None:
    assert any(makes(all_rules()[name], each) for each in commands(text))


@pytest.mark.parametrize(("name", "text"), cases(MADE, 1))
def test_command_only_takes_its_place(name: str, text: str) -> None:
    assert not any(makes(all_rules()[name], each) for each in commands(text))


def test_every_rule_of_a_row_exists_and_has_its_cases() -> None:
    named = {rule for tool in tools() for job in tool.jobs for rule in job.makes | job.spares}
    assert named - set(all_rules()) == set()
    assert all(map(has_tools, named))
    assert named - {*INSTALLS} <= {*BUILT, *MADE}


def test_rule_without_a_row_is_made_by_the_program_that_it_names() -> None:
    assert not any(makes(all_rules()["docs.directory"], each) for each in commands("make docs"))
    assert any(makes(all_rules()["infra.cdk"], each) for each in commands("npx cdk synth"))


INSTALLS = {
    "node.modules": {
        "npm ci": "",
        "npm --prefix services/web ci": "services/web",
        "npm i --prefix=web --omit dev": "web",
        "npm install -D typescript": "",
        "yarn": "",
        "yarn --frozen-lockfile": "",
        "yarn install": "",
        "yarn --cwd web install": "web",
        "yarn workspaces focus web": "",
        "/usr/bin/pnpm -r install": "",
        "pnpm -C web i": "web",
        "bun i": "",
        "sudo npm ci": "",
        "npx --yes pnpm@9 install": "",
        "corepack yarn install": "",
        "node .yarn/releases/yarn-3.6.0.cjs install": "",
        "if [ -f yarn.lock ]; then yarn install; fi": "",
    },
    "php.vendor": {
        "composer install --no-dev": "",
        "php composer.phar -d app install": "app",
        "composer create-project": "",
    },
    "elixir.deps": {"mix deps.get --only prod": "", "mix do deps.get, compile": ""},
    "ruby.vendored": {"bundle": "", "bundle install --jobs 4": "", "bin/bundle install": ""},
    "crystal.lib": {"shards": "", "shards install --production": "", "shards build --release": ""},
    "terraform.state": {"terraform init": "", "tofu -chdir=infra init -upgrade": "infra"},
    "infra.terragrunt": {"terragrunt init": ""},
}
INSTALLS_NOT = {
    "node.modules": [
        *(
            "npm run build",
            "npm run install",
            "npm rebuild",
            "npm prune",
            "npm ci --dry-run",
            "npm config set cache /c",
        ),
        *("npm install -g pm2", "npm i --location=global x", "yarn build", "yarn --version"),
        *("yarn global add serve", "pnpm exec install", "apt-get install -y npm yarn"),
        *("echo npm ci", "node server.js", "npx npm-run-all install", "npm-check update"),
    ],
    "php.vendor": [
        "composer dump-autoload",
        "composer global require x",
        "composer run install",
        "php i",
    ],
    "elixir.deps": ["mix release", "mix compile"],
    "ruby.vendored": [
        "bundle exec rake install",
        "bundle config set path x",
        "gem install bundler",
    ],
    "crystal.lib": ["crystal build src/x.cr", "shards version"],
    "terraform.state": ["terraform plan", "terraform -chdir=init validate"],
    "infra.terragrunt": ["terragrunt apply"],
}


def installed(rule: str, text: str) -> list[str]:
    """Where the commands of `text` install what a manifest lists."""
    found = [install_directory(all_rules()[rule], each) for each in commands(text)]
    return [each for each in found if each is not None]


@pytest.mark.parametrize(
    ("rule", "text"), [(name, text) for name, texts in INSTALLS.items() for text in texts]
)
def test_install_is_for_a_directory(rule: str, text: str) -> None:
    assert installed(rule, text) == [INSTALLS[rule][text]]


@pytest.mark.parametrize(
    ("rule", "text"), [(name, text) for name, texts in INSTALLS_NOT.items() for text in texts]
)
def test_command_installs_nothing(rule: str, text: str) -> None:
    assert installed(rule, text) == []


DOES = {
    "npm ci": "again fetch manifest",
    "npm install": "fetch manifest",
    "npm install left-pad": "fetch",
    "npm install -g serve": "fetch",
    "npm --prefix web ci": "again fetch manifest",
    "npm cache clean --force": "empty",
    "npm run build": "",
    "npm ci --help": "",
    "yarn": "fetch manifest",
    "yarn add x": "fetch",
    "yarn workspaces focus web": "fetch",
    "pnpm fetch": "fetch manifest",
    "pnpm store prune": "empty",
    "bun i": "fetch manifest",
    "pip install flask": "fetch",
    "python -m pip install -r r.txt": "fetch manifest",
    "pip install .": "fetch manifest",
    "pip cache purge": "empty",
    "uv sync": "fetch manifest",
    "uv pip install flask": "fetch",
    "uv pip install -e .": "fetch manifest",
    "uv build": "",
    "poetry install --no-root": "fetch manifest",
    "composer install": "fetch manifest",
    "composer clear-cache": "empty",
    "bundle": "fetch manifest",
    "bundle exec rails server": "",
    "mix deps.get": "fetch manifest",
    "mix do deps.get, compile": "",
    "go build ./...": "compile fetch manifest",
    "go mod download": "fetch manifest",
    "go install x/y@latest": "",
    "go clean -modcache": "empty",
    "go clean": "",
    "cargo build": "compile fetch manifest",
    "cargo +nightly chef cook": "compile fetch manifest",
    "cargo install sqlx-cli": "compile fetch",
    "cargo install --path .": "compile fetch manifest",
    "./mvnw -B package": "compile fetch manifest",
    "mvn -v": "",
    "gradle :app:build": "compile fetch manifest",
    "dotnet restore": "compile fetch manifest",
    "dotnet build --no-restore": "compile fetch",
    "make": "",
}
"""What the advice on Dockerfiles asks."""


@pytest.mark.parametrize("text", DOES)
def test_commands_fetch_what_a_manifest_lists_or_not(text: str) -> None:
    found = {word for each in commands(text) for work in works(each) for word in words_of(work)}
    assert " ".join(sorted(found)) == DOES[text]


def words_of(work: Work) -> frozenset[str]:
    return frozenset().union(*(job.does for job in work.jobs))


RUN = {
    "npm ci": "npm ci",
    "/usr/bin/npm ci": "npm ci",
    "npx --yes next build": "next build",
    "sh ./gradlew build": "gradlew build",
    "timeout -k 5 10m mvn package": "mvn package",
    "python3.12 -m pip install .": "pip install .",
    "bundle exec rails assets:precompile": "rails assets:precompile",
    "poetry run python setup.py build": "setup.py build",
    "corepack pnpm exec vite build": "vite build",
    "env A=1 sudo -u me make": "make",
    "echo mvn package": "echo mvn package",
    "A=1": "",
}


def run_text(command: Command) -> str:
    return " ".join((command.program, *command.arguments)) if command.words else ""


@pytest.mark.parametrize("text", RUN)
def test_launchers_are_left_out(text: str) -> None:
    assert [run_text(run_by(each)) for each in commands(text)] == [RUN[text]]


@pytest.mark.parametrize("row", [{"runs": "build"}, {"jobs": [{"with": "-c"}]}, {"cache": "~/.x"}])
def test_a_key_that_no_row_has_is_an_error(row: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        _tool({"name": "x", **row})
