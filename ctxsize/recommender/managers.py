"""The programs that install dependencies, and which of their commands do.

`npm run build` installs nothing, nor does `npm install -g pm2`: an image that
only does that has the packages that came along with the sources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ctxsize.shell import Command

_LAUNCHERS = frozenset(["npx", "bunx", "pnpx", "corepack", "su-exec", "node", "php", "xargs"])
"""Programs that run the one that is named behind them."""
_ELSEWHERE = ("-g", "--global", "--location", "--dry-run")
"""Options with which nothing is installed here."""
_WHERE = ("--prefix", "-C", "--cwd", "--dir", "-d", "--working-dir")


@dataclass(frozen=True)
class Manager:
    """A program that installs dependencies, and how it is told to."""

    program: re.Pattern[str]
    manifest: str
    installs: frozenset[str]
    """The subcommands that install what the manifest lists."""
    others: frozenset[str] = field(default_factory=frozenset)
    """Words behind which it does something else."""
    bare: frozenset[str] = field(default_factory=frozenset)
    """The names of it that install where no more is said."""
    is_global: bool = False
    """Whether what it installs is found from every directory."""

    def directory(self, command: Command) -> str | None:
        """Where `command` installs what a manifest lists, None if it does not; `""` is here."""
        words = self._said(command)
        if not words or command.has(*_ELSEWHERE):
            return None
        operands = [each for each in words[1:] if not each.startswith("-")]
        decisive = next((each for each in operands if each in self.installs | self.others), None)
        is_bare = not operands and words[0] in self.bare and not command.has("-v", "--version")
        return (command.value(*_WHERE) or "") if decisive in self.installs or is_bare else None

    def _said(self, command: Command) -> list[str]:
        """The words from the program on, without a launcher in front; none if it is another."""
        words = [each.rpartition("/")[2] for each in command.words[:1]] + [*command.words[1:]]
        if words and words[0] in _LAUNCHERS:
            words = [each.rpartition("/")[2] for each in words[1:]]
            while words and not self.program.fullmatch(words[0]):
                words = words[1:]
        return words if words and self.program.fullmatch(words[0]) else []


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MANAGERS = {
    "node": Manager(
        re.compile(r"(npm|pnpm|bun|yarn)(pkg|-cli)?(-v?\d[\w.]*|@[\w.]+)??(\.c?js)?"),
        "package.json",
        _words(
            "install i ci clean-install add fetch focus up update it cit install-test"
            " install-ci-test"
        ),
        _words("run run-script exec x dlx config cache global create"),
        bare=_words("yarn yarnpkg"),
    ),
    "php": Manager(
        re.compile(r"composer(\.phar)?"),
        "composer.json",
        _words("install i update u upgrade require r reinstall create-project"),
        _words("global run run-script exec config"),
    ),
    "elixir": Manager(re.compile(r"mix"), "mix.exs", _words("deps.get deps.get, deps.update")),
    "ruby": Manager(
        re.compile(r"bundler?"),
        "Gemfile",
        _words("install update add package"),
        _words("exec config"),
        bare=_words("bundle bundler"),
        is_global=True,
    ),
    "crystal": Manager(
        re.compile(r"shards"),
        "shard.yml",
        _words("install update build"),
        bare=_words("shards"),
    ),
}
"""By ecosystem."""
