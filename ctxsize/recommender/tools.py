"""Package managers and build tools: the commands of each, and which rules' things they make.

One row a tool. An expression is matched against `run_text`, from the program on. A script is not
read: nobody knows what `./build.sh` or `make` runs, and a doubt costs less than a broken build.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import NamedTuple

from ctxsize.recommender.rules import Rule
from ctxsize.shell import Command


class Tool(NamedTuple):
    """Commands of a tool, and what they do about the things that rules find."""

    commands: str
    """The regular expression for the commands that install or build."""
    makes: str = ""
    """The rules whose thing they put where it was."""
    spares: str = ""
    """The rules whose thing an image can do without after them, as it gets the like elsewhere."""
    manifest: str = ""
    """The file that lists what a package manager installs."""


_NODE = r"(npm|pnpm|bun|yarn)(pkg|-cli)?(-v?\d[\w.]*|@[\w.]+)?(\.c?js)?(?= |$)"
_NODE_OTHERS = (
    r"(?!.* (-g|--global|--location|--dry-run|run|run-script|exec|x|dlx|config|cache|global"
    r"|create)( |=|$))"
)
_NODE_INSTALLS = (
    r".* (install|i|ci|clean-install|add|fetch|focus|up|update|it|cit|install-test"
    r"|install-ci-test)( |$)"
)
_NO_WORDS = r"( -(?!v\b|-version)\S+)*$"
_FRONT = "node.next node.nuxt node.nitro node.sveltekit node.storybook"
_ASSETS = "ruby.assets ruby.builds ruby.packs"
_JVM = "jvm.class jvm.out jvm.bin"
_CMAKE = "cpp.cmake cpp.clion cpp.meson"
_CARGO = "rust.target rust.renamedtarget"
_PIP_VALUED = (
    *("-r", "-c", "-t", "-f", "-w", "--requirement", "--constraint", "--target", "--prefix"),
    *("--root", "--find-links", "--cache-dir", "--wheel-dir"),
)
_GRADLE_VALUED = (
    *("-x", "--exclude-task", "-p", "--project-dir", "-b", "--build-file", "-c"),
    *("--settings-file", "--configuration", "--task"),
)


def _unless_behind(options: tuple[str, ...]) -> str:
    return "".join(rf"(?<! {option})" for option in options)


TOOLS = (
    Tool(
        rf"{_NODE}{_NODE_OTHERS}{_NODE_INSTALLS}|yarn(pkg)?{_NO_WORDS}",
        "node.modules",
        manifest="package.json",
    ),
    Tool(
        r"(npm|yarn|pnpm|bun)\b"
        r"(?!.* (install|i|ci|add|rebuild|config|cache|global|fetch|set)( |$))"
        r".* (?!-)\S*(build|generate|bundle|compile|export|release|prod|deploy|dist|prepare)",
        f"{_FRONT} {_ASSETS} elixir.static",
    ),
    Tool(
        r"(next|nuxt|nuxi|nitro|vite|svelte-kit|storybook|turbo|nx|lerna|rush|moon)\b"
        r".* (?!-)\S*(build|generate|export|prepare|deploy)|(build-storybook|vite-node)\b",
        _FRONT,
    ),
    Tool(r"yarn\S*( -\S+)*( install\b| workspaces focus|$)", "node.yarnunplugged"),
    Tool(r"deno (task|run)\b", f"deno.fresh {_FRONT}"),
    Tool(
        r"composer(\.phar)?(?= |$)(?!.* (-g|global|run|run-script|exec|config|--dry-run)( |$))"
        r".* (install|i|update|u|upgrade|require|r|reinstall|create-project)( |$)",
        "php.vendor php.bundles",
        manifest="composer.json",
    ),
    Tool(r"console assets:install", "php.bundles"),
    Tool(
        r"bundler?(?= |$)(?!.* (exec|config)( |$)).* (install|update|add|package)( |$)"
        rf"|bundler?{_NO_WORDS}",
        "ruby.vendored",
        manifest="Gemfile",
    ),
    Tool(
        r"(rails|rake)\b.* (assets|webpacker|vite|shakapacker|tailwindcss|javascript|css):"
        r"|(webpack|webpacker|vite|shakapacker) *",
        _ASSETS,
    ),
    Tool(r"mix\b.* deps\.(get|update)\b", "elixir.deps", manifest="mix.exs"),
    Tool(
        r"mix\b.*(?<![\w.])(compile|release|escript|phx|assets|test|run|ecto|setup)"
        r"|rebar3 (?!deps|get-deps|unlock|tree|upgrade|local)\w",
        "elixir.build",
    ),
    Tool(r"mix\b.*\b(assets\.\w+|setup|phx\.digest)", "elixir.static"),
    Tool(
        rf"shards(?= |$)(.* (install|update|build)( |$)|{_NO_WORDS})",
        "crystal.lib",
        manifest="shard.yml",
    ),
    Tool(
        r"(cargo|cross)( \+\S+)?( -\S+)* (?!(fetch|vendor|login|metadata|fmt|clean|update|search"
        r"|add|new|init|tree|audit|deny|generate-lockfile|chef prepare|binstall"
        r"|install(?! .*--path))\b)\w|(trunk|maturin|wasm-pack|dx)\b",
        _CARGO,
    ),
    # What these install may be compiled by cargo.
    Tool(r"(pip[\d.]*|uv|poetry|npm|yarn|pnpm|mix|bundle|gem)\b", spares=_CARGO),
    Tool(
        r"(venv|virtualenv)\b|uv (venv|sync|pip)\b|(poetry|pipenv|pdm|rye) (install|sync)\b"
        r"|hatch env\b",
        "python.venv python.othervenv",
    ),
    Tool(r"(conda|mamba|micromamba)( env)? (create|install|update)\b", "python.conda"),
    Tool(r"pdm (install|sync)\b|pip[\d.]* install\b.*--target", "python.pypackages"),
    Tool(r"setup\.py (build|install|bdist)", "python.build"),
    Tool(
        rf"(pip[\d.]*|uv pip) (install|wheel)\b.*{_unless_behind(_PIP_VALUED)}"
        r" (?!\S*(\*|\.(whl|txt|gz)\b))[./$]"
        r"|setup\.py (?!-)\w|(pyproject-)?build( |$)|uv (build|sync)\b(?!.*--no-install)"
        r"|(hatch|flit|pdm|poetry|rye) (build|install|sync)\b(?!.*--no-(root|self))",
        "python.egginfo",
        spares="python.build",
    ),
    Tool(
        r"mvn[wd]?\b.* (\S+:)?(package|integration-test|verify|install|deploy|jar|war|single"
        r"|build|repackage|build-image|dockerBuild|compile-no-fork)(?= |$)",
        f"maven.target {_JVM}",
    ),
    Tool(r"mvn[wd]?\b.* (\S+:)?(compile|process-classes)(?= |$)", _JVM, spares="maven.target"),
    Tool(
        r"gradlew?\b(?!.*( -m| --dry-run)( |$)).*" + _unless_behind(_GRADLE_VALUED) + r" (?!-)"
        r"(\S*:)?(?!clean|uninstall)((?i:\w*(assemble|bootbuild|jar|install|dist|bundle|native"
        r"|jib))\w*|build(?!Env)\w*|\w*(War|Ear)|war|ear|publish\w*)(?= |$)",
        f"gradle.build {_JVM}",
    ),
    Tool(
        r"gradlew?\b.* (?!-)(\S*:)?\w*([cC]lasses|compile[JKGS]\w+)(?= |$)",
        _JVM,
        spares="gradle.build",
    ),
    Tool(
        r"sbt\b.*(?i:assembly|compile|package|stage|dist|publish|docker|image|bundle)",
        f"scala.target {_JVM}",
    ),
    Tool(r"mill\b.*(assembly|compile|jar|build|dist|__)", f"scala.mill {_JVM}"),
    Tool(r"(ant|javac|kotlinc|scalac|amper|kobalt)\b", _JVM),
    Tool(r"lein\b.* (?!deps|version)\w|(clojure|clj)\b.* -[TXM]|boot\b", "clojure.target"),
    Tool(r"dotnet (build|publish|pack|run|test|msbuild|watch|cake)\b|(nuke|cake)\b", "dotnet.bin"),
    Tool(r"msbuild\b", "dotnet.bin cpp.vcpkg"),
    Tool(r"go (build|install|run)\b", spares="go.release"),
    Tool(r"goreleaser (build|release)\b", "go.release"),
    Tool(r"g?make\b", f"{_CMAKE} cpp.objects docs.sphinx docs.doxygen"),
    Tool(r"(cmake|xmake)\b", f"{_CMAKE} cpp.objects cpp.vcpkg docs.doxygen"),
    Tool(r"(ninja|samu|meson|bazel|bazelisk|b2|scons)\b", f"{_CMAKE} cpp.objects docs.doxygen"),
    Tool(
        r"(\S+-)?(gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(-\d+)? (.* )?-c( |$)", f"{_CMAKE} cpp.objects"
    ),
    Tool(
        r"(\S+-)?(gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(-\d+)? |(autoreconf|qmake|conan|nmake)\b",
        _CMAKE,
        spares="cpp.objects",
    ),
    Tool(r"vcpkg\b", f"{_CMAKE} cpp.vcpkg", spares="cpp.objects"),
    Tool(r"swift (build|run|test|package (?!resolve|update|show|describe)\w)", "swift.build"),
    Tool(r"(dart|flutter)\b.* (build|compile|build_runner)\b|(webdev|jaspr) build\b", "dart.build"),
    Tool(
        r"stack\b(?!.*--(only-)?dependencies).* (build|install|test|bench|ghc)\b", "haskell.stack"
    ),
    Tool(
        r"cabal\b(?!.*--(only-)?dependencies).* (v2-|new-)?(build|install|run|test)\b",
        "haskell.cabal",
    ),
    Tool(r"dune (build|exec|install|runtest|test)\b", "ocaml.dune"),
    Tool(r"opam (switch|install|init)\b", "ocaml.opam"),
    Tool(r"zig build\b(?!-)", "zig.out"),
    Tool(r"nimble (install|build|develop|setup)\b|atlas\b", "nim.deps"),
    Tool(r"gleam (build|run|test|export)\b", "gleam.build"),
    Tool(r"luarocks (install|make|build)\b", "lua.modules"),
    Tool(r"(carton|cpanm|cpm) ", "perl.local"),
    Tool(r"(R|Rscript)\b.*\brenv\b", "r.renv"),
    Tool(r"mkdocs (build|gh-deploy)\b", "docs.mkdocs"),
    Tool(r"sphinx-(build|multiversion)\b", "docs.sphinx"),
    Tool(r"jekyll (build|serve)\b", "docs.jekyll"),
    Tool(r"doxygen\b", "docs.doxygen"),
)
"""All tools; a further one is a row here and its cases in `test_tools.py`."""

_SPARED_BY_ANY = "python.venv python.othervenv python.conda python.pypackages cpp.vcpkg ocaml.opam"
"""The rules whose thing no image needs that builds anything at all and does not name it."""
_PROGRAMS = (
    r"npm|npx|yarn|pnpm|bun|deno|cargo|make|gradlew?|mvnw?|sbt|mill|lein|mix|bundle|rake|rails"
    r"|composer|dotnet|pip3?|uv|poetry|pdm|hatch|stack|cabal|dune|swift|dart|flutter|gleam|zig"
    r"|nimble|shards|crystal|bazel|vite|ng"
)
_WITH_VERBS = re.compile(rf"{_PROGRAMS}|go|just|task|docker|git|turbo|nx|next|nuxt")
_BUILDING = re.compile(
    rf"\b({_PROGRAMS}|cmake|ninja|meson|go (build|install|run|test)|msbuild|rebar3|clojure|python3?"
    r"|tsc|webpack|nim|build)\b|\.sh\b|\./"
)
_OF_SYSTEMS = re.compile(
    r"apt|apt-get|aptitude|apk|dnf|microdnf|yum|zypper|pacman|tdnf|brew|choco|echo|printf|rm"
)
"""Programs that may name a tool, and do not run it."""
_SPEAKS = {
    "node": r"\b(node|nodejs|npm|npx|pnpm|bun|yarn|deno|corepack|nvm|node_modules)\b",
    "php": r"\b(php|php-fpm|composer|apache2?|wordpress|frankenphp|vendor)\b|php[0-9-]",
    "elixir": r"\b(elixir|erlang|mix|iex|deps)\b",
    "ruby": r"\b(ruby|j?rubygems|bundler?|rails|rake|puma|gem|vendor)\b",
    "crystal": r"\b(crystal|shards|lib)\b",
}
"""By ecosystem, what an image or a command says that has to do with its dependencies."""
_IDLE = re.compile(
    r"^(apt|apt-get|apk|dnf|yum|corepack|chown|chmod|mkdir|rm|cp|ln)\b|\bmix local\."
    r"| (-g|--global|global|config)( |$)|\bgem install\b|--version\b"
)
"""Commands that do without the dependencies of the project."""
_LAUNCHERS = frozenset(
    [
        *("npx", "bunx", "pnpx", "corepack", "su-exec", "xargs", "timeout", "time", "tini"),
        *("dumb-init", "sh", "bash", "ash", "dash", "zsh", "busybox", ".", "source", "node"),
        *("ruby", "perl", "php"),
    ]
)
"""Programs that run what is named behind them."""
_INTERPRETER = re.compile(r"(python|pypy)[\d.]*")
_RUNNERS = {
    "exec": ("bundle", "npm", "pnpm", "yarn", "bun", "opam", "mise", "rbenv", "asdf"),
    "run": ("poetry", "uv", "pipenv", "pdm", "hatch", "rye", "conda", "pixi"),
    "dlx": ("pnpm", "yarn"),
    "x": ("bun",),
}
"""Programs that do so behind this word."""
_DURATION = re.compile(r"\d+[smhd]?")
_WHERE = ("--prefix", "-C", "--cwd", "--dir", "-d", "--working-dir")


def launched(command: Command) -> tuple[str, ...]:
    """Return the words of `command` without launchers in front of the program."""
    words = command.words
    while words:
        program = posixpath.basename(words[0])
        if program in _LAUNCHERS or _INTERPRETER.fullmatch(program):
            at = 1
        elif program in _RUNNERS.get("".join(words[1:2]), ()):
            at = 2
        else:
            break
        while at < len(words) and (words[at].startswith("-") or _DURATION.fullmatch(words[at])):
            at += 1
        words = words[at:]
    return words


def run_text(command: Command) -> str:
    """Return the program without its directory and its words, with no launcher in front.

    >>> from ctxsize.shell import commands
    >>> [run_text(each) for each in commands("sh ./mvnw -q package; python3 -m pip install .")]
    ['mvnw -q package', 'pip install .']
    """
    words = launched(command)
    return " ".join([posixpath.basename(words[0]), *words[1:]]) if words else ""


@lru_cache(maxsize=512)
def _is_one_of(expression: str, text: str) -> bool:
    found = re.match(expression, text)
    # `make` is not the beginning of `make.sh`.
    return found is not None and found.end() >= len(text.partition(" ")[0])


@lru_cache(maxsize=1024)
def _expressions(rule: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the expressions of what makes a rule's thing, and of what spares it."""
    made = tuple(each.commands for each in TOOLS if rule in each.makes.split())
    return made, tuple(each.commands for each in TOOLS if rule in each.spares.split())


def has_tools(rule: Rule) -> bool:
    """Return whether the table knows which commands make a rule's thing."""
    return any(_expressions(rule.name))


def makes(rule: Rule, command: Command) -> bool:
    """Return whether `command` puts a rule's thing where it was.

    Without a row in the table, that is what the program does that the rule names.
    """
    made, _ = _expressions(rule.name)
    program = re.escape(rule.again.partition(" ")[0])
    if program and not has_tools(rule):
        made = (rf"{program}\b",)
    text = run_text(command)
    return any(_is_one_of(each, text) for each in made)


def spares(rule: Rule, command: Command) -> bool:
    """Return whether an image that runs `command` can do without a thing that it does not name."""
    if rule.name in _SPARED_BY_ANY.split() or not has_tools(rule):
        return builds_anything(command)
    text = run_text(command)
    return any(_is_one_of(each, text) for group in _expressions(rule.name) for each in group)


def builds_anything(command: Command) -> bool:
    """Return whether `command` runs what may build something; to install compilers is not that."""
    is_of_system = _OF_SYSTEMS.fullmatch(command.program) is not None
    return not is_of_system and _BUILDING.search(" ".join(command.words)) is not None


def has_verbs(program: str) -> bool:
    """Return whether plain words are commands to a program: `npm run build` names no `build/`."""
    return (_WITH_VERBS.fullmatch(program) or _OF_SYSTEMS.fullmatch(program)) is not None


def manager_of(rule: Rule) -> Tool | None:
    """Return the package manager whose manifest lists what a rule finds, None if there is none."""
    return next((each for each in TOOLS if each.manifest and rule.name in each.makes.split()), None)


def install_directory(manager: Tool, command: Command) -> str | None:
    """Return where `command` installs what a manifest lists, `""` for here; None if it does not."""
    if not _is_one_of(manager.commands, run_text(command)):
        return None
    return command.value(*_WHERE) or ""


def speaks(ecosystem: str, text: str) -> bool:
    """Return whether an image or a command works with the dependencies of an ecosystem."""
    expression = _SPEAKS.get(ecosystem)
    if expression is None or _IDLE.search(text):
        return False
    return re.search(expression, text, re.IGNORECASE) is not None


def is_named_in(ecosystem: str, words: str) -> bool:
    """Return whether anything in a Dockerfile's words has to do with an ecosystem."""
    return re.search(_SPEAKS[ecosystem], words, re.IGNORECASE) is not None
