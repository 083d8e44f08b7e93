"""Package managers: which commands fetch dependencies, from which manifests, into which caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ctxsize.advice import installs
from ctxsize.shell import Command

Places = Callable[[Mapping[str, str], str], tuple[str, ...]]
"""The caches for an environment and a home directory, the first one the usual one."""


@dataclass(frozen=True)
class Manager:
    """A package manager, or a build tool that fetches as it builds."""

    name: str
    programs: tuple[str, ...]
    fetches: Callable[[Command], bool]
    """Whether a command of it fetches packages at all."""
    reads_manifest: Callable[[Command], bool]
    """Whether what it fetches is listed in a file of the context."""
    manifests: tuple[str, ...]
    locks: tuple[str, ...]
    caches: Places
    words: tuple[str, ...]
    """A cache mount whose target holds one of these is meant for it."""
    uncached: tuple[str, ...] = ()
    """Options that make it use no cache."""


def _home(*below: str) -> Places:
    return lambda environment, home: tuple(f"{home}/{path}" for path in below)


def _named(*variables: str, default: Places) -> Places:
    """The value of the first of `variables` that is set, else the default."""

    def places(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
        given = next((environment[name] for name in variables if environment.get(name)), None)
        return default(environment, home) if given is None else (given.rstrip("/") or "/",)

    return places


def _xdg(below: str) -> Places:
    """A directory of the user's cache."""
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


def cargo_caches(environment: Mapping[str, str], home: str) -> tuple[str, ...]:
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
        "npm",
        ("npm",),
        installs.npm,
        installs.npm_manifest,
        ("package.json",),
        ("package-lock.json", "npm-shrinkwrap.json"),
        _named("npm_config_cache", "NPM_CONFIG_CACHE", default=_home(".npm")),
        (".npm",),
    ),
    Manager(
        "yarn",
        ("yarn", "yarnpkg"),
        installs.yarn,
        installs.yarn_manifest,
        ("package.json",),
        ("yarn.lock",),
        _yarn_caches,
        ("yarn",),
    ),
    Manager(
        "pnpm",
        ("pnpm",),
        installs.pnpm,
        installs.pnpm_manifest,
        ("package.json",),
        ("pnpm-lock.yaml",),
        _pnpm_caches,
        ("pnpm",),
    ),
    Manager(
        "bun",
        ("bun",),
        installs.sub("install", "i", "ci", "add"),
        lambda c: len(installs.plain(c)) == 1,
        ("package.json",),
        ("bun.lock", "bun.lockb"),
        _named("BUN_INSTALL_CACHE_DIR", default=_home(".bun/install/cache")),
        ("bun",),
    ),
    Manager(
        "pip",
        ("pip",),
        installs.pip,
        installs.pip_manifest,
        ("requirements.txt", "pyproject.toml", "setup.py"),
        (),
        _named("PIP_CACHE_DIR", default=_xdg("pip")),
        ("pip",),
        ("--no-cache-dir", "--no-cache"),
    ),
    Manager(
        "uv",
        ("uv",),
        installs.uv,
        installs.uv_manifest,
        ("pyproject.toml", "requirements.txt"),
        ("uv.lock",),
        _named("UV_CACHE_DIR", default=_xdg("uv")),
        ("/uv",),
        ("--no-cache", "-n"),
    ),
    Manager(
        "poetry",
        ("poetry",),
        installs.sub("install", "sync"),
        installs.always,
        ("pyproject.toml",),
        ("poetry.lock",),
        _named("POETRY_CACHE_DIR", default=_xdg("pypoetry")),
        ("poetry",),
        ("--no-cache",),
    ),
    Manager(
        "composer",
        ("composer", "composer.phar"),
        installs.sub("install", "update"),
        installs.always,
        ("composer.json",),
        ("composer.lock",),
        _named("COMPOSER_CACHE_DIR", default=_composer_caches),
        ("composer",),
        ("--no-cache",),
    ),
    Manager(
        "bundler",
        ("bundle",),
        installs.bundle,
        installs.always,
        ("Gemfile",),
        ("Gemfile.lock",),
        _bundler_caches,
        ("bundle", "gem"),
    ),
    Manager(
        "mix",
        ("mix",),
        installs.sub("deps.get"),
        installs.always,
        ("mix.exs",),
        ("mix.lock",),
        lambda environment, home: (
            f"{environment.get('HEX_HOME') or f'{home}/.hex'}",
            f"{home}/.cache/rebar3",
        ),
        (".hex",),
    ),
    Manager(
        "go",
        ("go",),
        installs.go,
        installs.always,
        ("go.mod",),
        ("go.sum",),
        _go_caches,
        ("pkg/mod", "go-build"),
    ),
    Manager(
        "cargo",
        ("cargo",),
        installs.cargo,
        installs.cargo_manifest,
        ("Cargo.toml",),
        ("Cargo.lock",),
        cargo_caches,
        ("cargo/registry", "cargo/git"),
    ),
    Manager(
        "dotnet",
        ("dotnet",),
        installs.sub("restore", "build", "publish", "pack"),
        lambda c: not c.has("--no-restore"),
        (".csproj", ".fsproj", ".sln", ".slnx"),
        (),
        _named("NUGET_PACKAGES", default=_home(".nuget/packages", ".nuget")),
        ("nuget",),
    ),
    Manager(
        "maven",
        ("mvn",),
        installs.mvn,
        installs.always,
        ("pom.xml",),
        (),
        _home(".m2/repository"),
        (".m2",),
    ),
    Manager(
        "gradle",
        ("gradle",),
        installs.gradle,
        installs.always,
        ("build.gradle", "build.gradle.kts"),
        ("gradle.lockfile",),
        _named(
            "GRADLE_USER_HOME",
            default=lambda environment, home: (f"{home}/.gradle", "/home/gradle/.gradle"),
        ),
        (".gradle",),
    ),
)
"""All that the advice knows; a further one is a line here and its cases in the tests."""
