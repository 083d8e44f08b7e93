"""Package managers: which commands fetch dependencies, from which manifests, into which caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ctxsize.shell import Command

Test = Callable[[Command], bool]

Places = Callable[[Mapping[str, str], str], tuple[str, ...]]
"""The caches for an environment and a home directory, the first one the usual one."""


_VALUED = (
    *("--prefix", "--workspace", "-w", "--filter", "-F", "--registry", "--cache", "-C", "--dir"),
    *("--network-timeout", "--store-dir", "--omit", "--include", "--loglevel", "--only"),
    *("--cwd", "--modules-folder", "--network-concurrency", "--cache-folder"),
)
"""Options that take the next word."""


def _plain(command: Command) -> tuple[str, ...]:
    """Return the operands without the values of options that take one."""
    words = iter(command.arguments)
    found: list[str] = []
    for word in words:
        if word in _VALUED:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return tuple(found)


def _asks(command: Command) -> bool:
    """Return whether it only asks for help or a version."""
    return command.has("--help", "--version", "-h")


def _sub(*names: str) -> Test:
    """Return whether the first operand is one of `names` (`""`: none), and it asks for no help."""
    return lambda command: next(iter(_plain(command)), "") in names and not _asks(command)


def _always(command: Command) -> bool:
    return True


def _alone(command: Command) -> bool:
    """Return whether no package is named."""
    return len(_plain(command)) == 1 and not command.has("-g", "--global")


def _yarn_manifest(command: Command) -> bool:
    return _plain(command) in ((), ("install",), ("workspaces", "focus"))


def _pip_manifest(command: Command) -> bool:
    """Return whether it installs from a requirements file or a directory of the context."""
    if command.has("-r", "--requirement", "-e", "--editable"):
        return True
    operands = [word for word in command.operands if word not in ("install", "pip", "sync")]
    return any(word == "." or word.startswith((".[", "./", "/")) for word in operands)


def _uv(command: Command) -> bool:
    operands = command.operands
    return operands[:1] == ("sync",) or operands[:2] in (("pip", "install"), ("pip", "sync"))


def _uv_manifest(command: Command) -> bool:
    return command.operands[:1] == ("sync",) or _pip_manifest(command)


def _go(command: Command) -> bool:
    """Return whether go builds or fetches what `go.mod` lists."""
    operands = command.operands
    if operands[:1] in (("build",), ("install",), ("generate",), ("test",)):
        return not any("@" in word for word in operands)
    return operands[:2] in (("mod", "download"), ("mod", "tidy"), ("mod", "vendor"))


def _cargo(command: Command) -> bool:
    """Return whether cargo compiles or fetches crates."""
    operands = [word for word in command.operands if not word.startswith("+")]
    first = next(iter(operands), "")
    return operands[:2] == ["chef", "cook"] or first in (
        *("build", "b", "rustc", "test", "fetch", "install"),
    )


def _cargo_manifest(command: Command) -> bool:
    """Return whether it compiles what `Cargo.toml` lists, and no tool of its own."""
    first = next(word for word in command.operands if not word.startswith("+"))
    return first != "install" or command.has("--path")


def _maven(command: Command) -> bool:
    goals = ("package", "install", "verify", "compile", "deploy", "test", "dependency:")
    return any(word.startswith(goals) for word in command.operands) and not _asks(command)


_TASKS = ("build", "assemble", "bootJar", "shadowJar", "installDist", "jar", "war", "dependencies")


def _gradle(command: Command) -> bool:
    last = [word.rpartition(":")[2] for word in command.operands]
    return any(word in _TASKS for word in last) and not _asks(command)


@dataclass(frozen=True, kw_only=True)
class Manager:
    """A package manager, or a build tool that fetches as it builds."""

    name: str
    programs: tuple[str, ...] = ()
    """What it is called by; its name by default."""
    fetches: Test
    """Whether a command of it fetches packages at all."""
    reads_manifest: Test = _always
    """Whether what it fetches is listed in a file of the context."""
    manifests: tuple[str, ...]
    locks: tuple[str, ...] = ()
    caches: Places
    words: tuple[str, ...] = ()
    """A cache mount whose target holds one of these is meant for it; its name by default."""
    uncached: tuple[str, ...] = ()
    """Options that make it use no cache."""

    @property
    def called(self) -> tuple[str, ...]:
        """The programs that are this manager."""
        return self.programs or (self.name,)

    def is_meant(self, target: str) -> bool:
        """Return whether a cache mount at `target` is meant for it."""
        return any(word in target for word in self.words or (self.name,))


def _home(*below: str) -> Places:
    return lambda environment, home: tuple(f"{home}/{path}" for path in below)


def _named(*variables: str, default: Places) -> Places:
    """Return the value of the first of `variables` that is set, else the default."""

    def places(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
        given = next((environment[name] for name in variables if environment.get(name)), None)
        return default(environment, home) if given is None else (given.rstrip("/") or "/",)

    return places


def _xdg(below: str) -> Places:
    """Return a directory of the user's cache."""
    return lambda environment, home: (
        f"{environment.get('XDG_CACHE_HOME', f'{home}/.cache').rstrip('/')}/{below}",
    )


def _yarn_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    given = environment.get("YARN_CACHE_FOLDER")
    if given:
        return (given,)
    classic = "/usr/local/share/.cache/yarn" if home == "/root" else f"{home}/.cache/yarn"
    return classic, "/usr/local/share/.cache", f"{home}/.yarn", f"{home}/.cache/yarn"


def _pnpm_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    if tool := environment.get("PNPM_HOME"):
        return f"{tool}/store", f"{home}/.local/share/pnpm", f"{home}/.pnpm-store"
    return f"{home}/.local/share/pnpm/store", f"{home}/.pnpm-store"


def _go_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    paths = (environment.get("GOPATH") or "/go", f"{home}/go")
    modules = environment.get("GOMODCACHE")
    build = environment.get("GOCACHE") or f"{home}/.cache/go-build"
    found = (modules,) if modules else tuple(f"{path}/pkg/mod" for path in paths)
    return (*found[:1], build, *found[1:])


def _cargo_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    """Return where cargo keeps what it fetched: the registry and git, below its home.

    An image that is not known may set CARGO_HOME as the official one does.
    """
    given = environment.get("CARGO_HOME")
    homes = (given.rstrip("/"),) if given else (f"{home}/.cargo", "/usr/local/cargo")
    return tuple(f"{each}/{part}" for each in homes for part in ("registry", "git"))


def _composer_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    if tool := environment.get("COMPOSER_HOME"):
        return (f"{tool.rstrip('/')}/cache",)
    return f"{home}/.composer/cache", f"{home}/.cache/composer", "/tmp/cache"


def _bundler_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
    # Below a path of its own there is a directory of Ruby's version in between.
    if environment.get("BUNDLE_PATH") or environment.get("BUNDLE_DEPLOYMENT"):
        return ()
    return "/usr/local/bundle/cache", "/usr/local/bundle", f"{home}/.bundle", f"{home}/.gem"


MANAGERS: tuple[Manager, ...] = (
    Manager(
        name="npm",
        fetches=_sub("ci", "clean-install", "install", "i", "add"),
        reads_manifest=_alone,
        manifests=("package.json",),
        locks=("package-lock.json", "npm-shrinkwrap.json"),
        caches=_named("npm_config_cache", "NPM_CONFIG_CACHE", default=_home(".npm")),
        words=(".npm",),
    ),
    Manager(
        name="yarn",
        programs=("yarn", "yarnpkg"),
        fetches=_sub("", "install", "add", "workspaces"),
        reads_manifest=_yarn_manifest,
        manifests=("package.json",),
        locks=("yarn.lock",),
        caches=_yarn_caches,
    ),
    Manager(
        name="pnpm",
        fetches=_sub("install", "i", "ci", "add", "fetch"),
        reads_manifest=_alone,
        manifests=("package.json",),
        locks=("pnpm-lock.yaml",),
        caches=_pnpm_caches,
    ),
    Manager(
        name="bun",
        fetches=_sub("install", "i", "ci", "add"),
        reads_manifest=_alone,
        manifests=("package.json",),
        locks=("bun.lock", "bun.lockb"),
        caches=_named("BUN_INSTALL_CACHE_DIR", default=_home(".bun/install/cache")),
    ),
    Manager(
        name="pip",
        fetches=_sub("install", "wheel", "download"),
        reads_manifest=_pip_manifest,
        manifests=("requirements.txt", "pyproject.toml", "setup.py"),
        caches=_named("PIP_CACHE_DIR", default=_xdg("pip")),
        uncached=("--no-cache-dir", "--no-cache"),
    ),
    Manager(
        name="uv",
        fetches=_uv,
        reads_manifest=_uv_manifest,
        manifests=("pyproject.toml", "requirements.txt"),
        locks=("uv.lock",),
        caches=_named("UV_CACHE_DIR", default=_xdg("uv")),
        words=("/uv",),
        uncached=("--no-cache", "-n"),
    ),
    Manager(
        name="poetry",
        fetches=_sub("install", "sync"),
        manifests=("pyproject.toml",),
        locks=("poetry.lock",),
        caches=_named("POETRY_CACHE_DIR", default=_xdg("pypoetry")),
        uncached=("--no-cache",),
    ),
    Manager(
        name="composer",
        programs=("composer", "composer.phar"),
        fetches=_sub("install", "update"),
        manifests=("composer.json",),
        locks=("composer.lock",),
        caches=_named("COMPOSER_CACHE_DIR", default=_composer_caches),
        uncached=("--no-cache",),
    ),
    Manager(
        name="bundler",
        programs=("bundle",),
        fetches=_sub("", "install"),
        manifests=("Gemfile",),
        locks=("Gemfile.lock",),
        caches=_bundler_caches,
        words=("bundle", "gem"),
    ),
    Manager(
        name="mix",
        fetches=_sub("deps.get"),
        manifests=("mix.exs",),
        locks=("mix.lock",),
        caches=lambda environment, home: (
            f"{environment.get('HEX_HOME') or f'{home}/.hex'}",
            f"{home}/.cache/rebar3",
        ),
        words=(".hex",),
    ),
    Manager(
        name="go",
        fetches=_go,
        manifests=("go.mod",),
        locks=("go.sum",),
        caches=_go_caches,
        words=("pkg/mod", "go-build"),
    ),
    Manager(
        name="cargo",
        fetches=_cargo,
        reads_manifest=_cargo_manifest,
        manifests=("Cargo.toml",),
        locks=("Cargo.lock",),
        caches=_cargo_caches,
        words=("cargo/registry", "cargo/git"),
    ),
    Manager(
        name="dotnet",
        fetches=_sub("restore", "build", "publish", "pack"),
        reads_manifest=lambda c: not c.has("--no-restore"),
        manifests=(".csproj", ".fsproj", ".sln", ".slnx"),
        caches=_named("NUGET_PACKAGES", default=_home(".nuget/packages", ".nuget")),
        words=("nuget",),
    ),
    Manager(
        name="maven",
        programs=("mvn",),
        fetches=_maven,
        manifests=("pom.xml",),
        caches=_home(".m2/repository"),
        words=(".m2",),
    ),
    Manager(
        name="gradle",
        fetches=_gradle,
        manifests=("build.gradle", "build.gradle.kts"),
        locks=("gradle.lockfile",),
        caches=_named(
            "GRADLE_USER_HOME",
            default=lambda environment, home: (f"{home}/.gradle", "/home/gradle/.gradle"),
        ),
        words=(".gradle",),
    ),
)
"""All that the advice knows; a further one is a line here and its cases in the tests."""


def empties(command: Command) -> bool:
    """Return whether it throws away what a package manager keeps in its cache."""
    words = command.words
    if command.program == "go":
        return "clean" in words and "-modcache" in words
    return (command.program, *command.operands[:2]) in _EMPTYING or (
        (command.program, *command.operands[:1]) in _EMPTYING
    )


_EMPTYING = frozenset(
    (
        ("npm", "cache", "clean"),
        ("yarn", "cache", "clean"),
        ("pip", "cache", "purge"),
        ("pip3", "cache", "purge"),
        ("uv", "cache", "clean"),
        ("pnpm", "store", "prune"),
        ("composer", "clear-cache"),
        ("composer", "clearcache"),
    )
)


def moved_cache(command: Command) -> str | None:
    """Return the directory in which a command of configuration puts the cache of its manager."""
    words = command.operands
    if words[:1] == ("config",):
        rest = words[2:] if words[1:2] == ("set",) else words[1:]
        name, _, value = rest[0].partition("=") if rest else ("", "", "")
        if name in _PLACES:
            return value or next(iter(rest[1:2]), None)
    return None


_PLACES = ("store-dir", "storeDir", "cache", "cache-dir", "cache-folder", "cacheFolder", "home")
CACHE_OPTIONS = ("--store-dir", "--cache-dir", "--cache-folder", "--cache", "--packages")
"""Options that say where the cache is, for one command."""
