"""Package managers: one row each with its commands, manifests and caches.

A further one is a row of `MANAGERS` and its cases in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ctxsize.advice import invocations
from ctxsize.advice.invocations import Test
from ctxsize.shell import Command

_PLACES = ("store-dir", "storeDir", "cache", "cache-dir", "cache-folder", "cacheFolder", "home")
"""Settings that say where the cache is."""
CACHE_OPTIONS = ("--store-dir", "--cache-dir", "--cache-folder", "--cache", "--packages")
"""Options that say where the cache is, for one command."""


def _place(written: str, environment: Mapping[str, str], home: str) -> tuple[str, str]:
    """Return the directory that a place stands for, and the variable that names it, if any."""
    *given, usual = written.split("|")
    for each in given:
        name, slash, below = each[1:].partition("/")
        if value := environment.get(name):
            return f"{value.rstrip('/')}{slash}{below}" or "/", name
    return (home + usual[1:] if usual.startswith("~") else usual), ""


@dataclass(frozen=True, kw_only=True)
class Manager:
    """A package manager, or a build tool that fetches as it builds."""

    name: str
    programs: tuple[str, ...] = ()
    """What it is called by; its name by default."""
    fetches: Test
    """Whether a command of it fetches packages at all."""
    reads_manifest: Test = invocations.always
    """Whether what it fetches is listed in a file of the context."""
    compiles: Test = invocations.never
    """Whether a command that fetches has to run after each change of the sources anyway."""
    refetches: Test = invocations.never
    """Whether a command fetches again what an earlier RUN installed."""
    files: tuple[str, ...] = ()
    """Manifests, lock files and settings that an install reads, the first one the manifest;
    directories end with a slash."""
    needs_more: Callable[[str], bool] = lambda _: False
    """Whether by its manifest an install reads further files of the project."""
    makes: tuple[str, ...] = ()
    """Directories that an install writes beside the manifest."""
    early: tuple[str, ...] = ()
    """The options for an install in front of the sources, if the install as it is needs them."""
    downloads: str = ""
    """What fetches in front of the sources in place of a command that compiles."""
    elsewhere: tuple[str, ...] = ()
    """Options that say in which directory it works."""
    places: tuple[str, ...]
    """Where it keeps what it fetched: `$VARIABLE/…|~/…`, the first one whose variable is set."""
    used: int = 1
    """How many of these it fills; the further ones are usual, too, if no variable names the first.
    """
    of_root: str = ""
    """Where root's is by default, if not in the home."""
    unknown_with: tuple[str, ...] = ()
    """The variables that move its caches nobody knows where."""
    is_locked: bool = False
    """Whether its caches are spoilt by, or fail for, a second writer."""
    keeps_in_cache: bool = False
    """Whether what it fetches is in the cache and nowhere else."""
    words: tuple[str, ...] = ()
    """A cache mount whose target holds one of these is meant for it; its name by default."""
    uncached: tuple[str, ...] = ()
    """Options that make it use no cache."""
    empties: tuple[str, ...] = ()
    """The commands that throw away what is in its cache."""

    def caches(self, environment: Mapping[str, str], home: str) -> tuple[str, ...]:
        """Return where it keeps what it fetched, the usual directories first; none if unknown."""
        if any(environment.get(each) for each in self.unknown_with):
            return ()
        found = [_place(each, environment, home) for each in self.places]
        if found[0][1]:
            found = found[: self.used]
        elif self.of_root and home == "/root":
            found.insert(0, (self.of_root, ""))
        return tuple(dict.fromkeys(place for place, _ in found))

    def variable(self, environment: Mapping[str, str], directory: str) -> str:
        """Return the variable that says that it keeps its cache in a directory, `""` if none."""
        named = (_place(each, environment, "~") for each in self.places)
        return next((name for place, name in named if name and place == directory), "")

    @property
    def called(self) -> tuple[str, ...]:
        """Return the programs that are this manager."""
        return self.programs or (self.name,)

    def is_meant(self, target: str) -> bool:
        """Return whether a cache mount at `target` is meant for it."""
        return any(word in target for word in self.words or (self.name,))

    def empties_cache(self, command: Command) -> bool:
        """Return whether a command of it throws away what its cache holds."""
        for words in map(str.split, self.empties):
            plain = tuple(word for word in words if not word.startswith("-"))
            if command.operands[: len(plain)] == plain and {*words} <= {*command.arguments}:
                return True
        return False


_IN_NODE_MODULES = ("node_modules",)
_WHERE_NODE = ("--prefix", "-C", "--cwd", "--dir")

MANAGERS: tuple[Manager, ...] = (
    Manager(
        name="npm",
        fetches=invocations.sub("ci", "clean-install", "install", "i", "add"),
        reads_manifest=invocations.alone,
        refetches=invocations.sub("ci", "clean-install"),
        files=("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
        needs_more=invocations.node_needs_more,
        makes=_IN_NODE_MODULES,
        elsewhere=_WHERE_NODE,
        places=("$npm_config_cache|$NPM_CONFIG_CACHE|~/.npm",),
        words=(".npm",),
        empties=("cache clean",),
    ),
    Manager(
        name="yarn",
        programs=("yarn", "yarnpkg"),
        fetches=invocations.sub("", "install", "add", "workspaces"),
        reads_manifest=invocations.yarn_manifest,
        files=("package.json", "yarn.lock", ".npmrc", ".yarnrc", ".yarnrc.yml", ".yarn/"),
        needs_more=invocations.node_needs_more,
        makes=_IN_NODE_MODULES,
        elsewhere=_WHERE_NODE,
        places=("$YARN_CACHE_FOLDER|~/.cache/yarn", "/usr/local/share/.cache", "~/.yarn"),
        of_root="/usr/local/share/.cache/yarn",
        empties=("cache clean",),
    ),
    Manager(
        name="pnpm",
        fetches=invocations.sub("install", "i", "ci", "add", "fetch"),
        reads_manifest=invocations.alone,
        files=(*("package.json", "pnpm-lock.yaml", ".npmrc", ".pnpmfile.cjs", "patches/"),),
        needs_more=invocations.node_needs_more,
        makes=_IN_NODE_MODULES,
        elsewhere=_WHERE_NODE,
        places=("$PNPM_HOME/store|~/.local/share/pnpm/store", "~/.pnpm-store"),
        empties=("store prune",),
    ),
    Manager(
        name="bun",
        fetches=invocations.sub("install", "i", "ci", "add"),
        reads_manifest=invocations.alone,
        files=("package.json", "bun.lock", "bun.lockb", ".npmrc", "bunfig.toml", "patches/"),
        needs_more=invocations.node_needs_more,
        makes=_IN_NODE_MODULES,
        elsewhere=_WHERE_NODE,
        places=("$BUN_INSTALL_CACHE_DIR|~/.bun/install/cache",),
    ),
    Manager(
        name="pip",
        fetches=invocations.sub("install", "wheel", "download"),
        reads_manifest=invocations.pip_manifest,
        places=("$PIP_CACHE_DIR|$XDG_CACHE_HOME/pip|~/.cache/pip",),
        uncached=("--no-cache-dir", "--no-cache"),
        empties=("cache purge",),
    ),
    Manager(
        name="uv",
        fetches=invocations.uv,
        reads_manifest=invocations.uv_manifest,
        files=("pyproject.toml", "uv.lock", "uv.toml", ".python-version"),
        needs_more=invocations.says(r"\[tool\.uv\.workspace\]|workspace\s*=\s*true|\bpath\s*="),
        makes=(".venv",),
        early=("--no-install-project",),
        elsewhere=("--directory", "--project"),
        places=("$UV_CACHE_DIR|$XDG_CACHE_HOME/uv|~/.cache/uv",),
        words=("/uv",),
        uncached=("--no-cache", "-n"),
        empties=("cache clean",),
    ),
    Manager(
        name="poetry",
        fetches=invocations.sub("install", "sync"),
        files=("pyproject.toml", "poetry.lock", "poetry.toml"),
        needs_more=invocations.says(r"\bpath\s*="),
        makes=(".venv",),
        early=("--no-root",),
        elsewhere=("--directory", "-C"),
        places=("$POETRY_CACHE_DIR|$XDG_CACHE_HOME/pypoetry|~/.cache/pypoetry",),
        uncached=("--no-cache",),
    ),
    Manager(
        name="composer",
        programs=("composer", "composer.phar"),
        fetches=invocations.sub("install", "update"),
        files=("composer.json", "composer.lock", "symfony.lock"),
        needs_more=invocations.says(r'"type"\s*:\s*"path"'),
        makes=("vendor",),
        early=("--no-scripts", "--no-autoloader"),
        elsewhere=("--working-dir", "-d"),
        places=(
            "$COMPOSER_CACHE_DIR|$COMPOSER_HOME/cache|~/.composer/cache",
            *("~/.cache/composer", "/tmp/cache"),
        ),
        uncached=("--no-cache",),
        empties=("clear-cache", "clearcache"),
    ),
    Manager(
        name="bundler",
        programs=("bundle",),
        fetches=invocations.sub("", "install"),
        files=("Gemfile", "Gemfile.lock", ".ruby-version", ".tool-versions"),
        needs_more=invocations.says(
            r"^\s*gemspec\b|\bpath\b|\beval_gemfile\b|\brequire_relative\b"
        ),
        makes=("vendor/bundle", ".bundle"),
        places=("/usr/local/bundle/cache", "/usr/local/bundle", "~/.bundle", "~/.gem"),
        # Below a path of its own there is a directory of Ruby's version in between.
        unknown_with=("BUNDLE_PATH", "BUNDLE_DEPLOYMENT"),
        words=("bundle", "gem"),
    ),
    Manager(
        name="mix",
        fetches=invocations.sub("deps.get"),
        files=("mix.exs", "mix.lock"),
        needs_more=invocations.says(r"\bapps_path:|\bpath:|\bFile\.|\bCode\."),
        makes=("deps", "_build"),
        places=("$HEX_HOME|~/.hex", "~/.cache/rebar3"),
        words=(".hex",),
    ),
    Manager(
        name="go",
        fetches=invocations.go,
        compiles=invocations.go_reads_sources,
        files=("go.mod", "go.sum"),
        needs_more=invocations.says(r"=>\s*\.{1,2}/"),
        downloads="go mod download",
        places=(
            *("$GOMODCACHE|$GOPATH/pkg/mod|/go/pkg/mod", "$GOCACHE|~/.cache/go-build"),
            "~/go/pkg/mod",
        ),
        used=2,
        keeps_in_cache=True,
        words=("pkg/mod", "go-build"),
        empties=("clean -modcache",),
    ),
    Manager(
        name="cargo",
        fetches=invocations.cargo,
        reads_manifest=invocations.cargo_manifest,
        compiles=invocations.always,
        places=(
            *("$CARGO_HOME/registry|~/.cargo/registry", "$CARGO_HOME/git|~/.cargo/git"),
            # An image that is not known may set CARGO_HOME as the official one does.
            *("/usr/local/cargo/registry", "/usr/local/cargo/git"),
        ),
        used=2,
        is_locked=True,
        keeps_in_cache=True,
        words=("cargo/registry", "cargo/git"),
    ),
    Manager(
        name="dotnet",
        fetches=invocations.sub("restore", "build", "publish", "pack"),
        reads_manifest=lambda command: not command.has("--no-restore"),
        compiles=invocations.always,
        places=("$NUGET_PACKAGES|~/.nuget/packages", "~/.nuget"),
        keeps_in_cache=True,
        words=("nuget",),
    ),
    Manager(
        name="maven",
        programs=("mvn",),
        fetches=invocations.maven,
        compiles=invocations.always,
        places=("~/.m2/repository",),
        is_locked=True,
        keeps_in_cache=True,
        words=(".m2",),
    ),
    Manager(
        name="gradle",
        fetches=invocations.gradle,
        compiles=invocations.always,
        places=("$GRADLE_USER_HOME|~/.gradle", "/home/gradle/.gradle"),
        is_locked=True,
        keeps_in_cache=True,
        words=(".gradle",),
    ),
)
"""All that the advice knows."""


def moved_cache(command: Command) -> str | None:
    """Return the directory in which a command of configuration puts the cache of its manager."""
    words = command.operands
    if words[:1] != ("config",):
        return None
    rest = words[2:] if words[1:2] == ("set",) else words[1:]
    name, _, value = rest[0].partition("=") if rest else ("", "", "")
    return (value or next(iter(rest[1:2]), None)) if name in _PLACES else None
