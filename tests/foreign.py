"""An account whose settings would break every test that reads them.

`python -m tests.foreign DIRECTORY [PYTEST ARGUMENTS]` runs the suite there, as `test_isolation.py`
does with a part of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.examples import ROOT
from tests.isolation import SETTINGS, without_settings

UMASK = 0o077
VARIABLES = {
    # The locale, the terminal and the clock.
    "LANG": "C",
    "LC_ALL": "C",
    "TZ": "Pacific/Chatham",
    "TERM": "dumb",
    "COLUMNS": "40",
    "LINES": "5",
    "FORCE_COLOR": "1",
    # Git, as its hooks and its users set it.
    "GIT_DIR": "/nonexistent",
    "GIT_WORK_TREE": "/nonexistent",
    "GIT_INDEX_FILE": "/nonexistent",
    "GIT_AUTHOR_DATE": "@1 +1245",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.bare",
    "GIT_CONFIG_VALUE_0": "true",
    # Shells and other programs.
    "CDPATH": "/",
    "POSIXLY_CORRECT": "1",
    "CARGO_TARGET_DIR": "/nonexistent",
    "CC": "false",
    "DOCKER_CONFIG": "/nonexistent",
    "DOCKER_HOST": "tcp://127.0.0.1:9",
    "GOFLAGS": "-mod=nonsense",
    "PIP_NO_CACHE_DIR": "1",
    "PRE_COMMIT_HOME": "/nonexistent",
    "VIRTUAL_ENV": "/nonexistent",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
}
_GIT = """\
[init]
    defaultBranch = odd/branch
    templateDir = {home}/template
[core]
    autocrlf = true
    attributesFile = {home}/attributes
    excludesFile = {home}/excludes
    fileMode = false
    hooksPath = {home}/hooks
    ignoreCase = true
    quotePath = false
    symlinks = false
[filter "lfs"]
    clean = false
    smudge = false
    process = false
    required = true
[commit]
    gpgSign = true
[gpg]
    program = false
[tag]
    gpgSign = true
[user]
    useConfigOnly = true
[safe]
    bareRepository = explicit
    directory =
    directory = /nonexistent
[status]
    showUntrackedFiles = no
[color]
    ui = always
[diff]
    external = false
    noprefix = true
[apply]
    whitespace = error
"""
_FILES = {
    "attributes": "* text eol=crlf\n*.large filter=lfs\n*.bin filter=lfs\n",
    "excludes": "*.rs\n*.txt\nsrc\ntarget\nkeep*\n",
    "hooks/pre-commit": "#!/bin/sh\nexit 1\n",
    "hooks/post-checkout": "#!/bin/sh\nexit 1\n",
    "template/info/exclude": "*.md\ndocs\n",
    "template/hooks/pre-commit": "#!/bin/sh\nexit 1\n",
    ".cargo/config.toml": '[build]\ntarget-dir = "/nonexistent"\nrustc-wrapper = "false"\n',
    ".config/git/attributes": "* filter=lfs\n",
    ".config/git/ignore": "*\n",
    ".config/mypy/config": "[mypy]\ndisallow_any_expr = True\n",
    ".config/pip/pip.conf": "[global]\nno-cache-dir = true\nindex-url = http://127.0.0.1:9\n",
    ".config/ruff/ruff.toml": 'lint.select = ["ALL"]\n',
    ".docker/config.json": "{",
    ".npmrc": "registry=http://127.0.0.1:9\n",
    ".tmux.conf": "set -g status off\nset -g prefix C-q\n",
    ".zshenv": "exit 1\n",
}
_WRAPPER = """\
#!/bin/sh
# Git, with {system} in place of /etc/gitconfig.
if [ -z "$GIT_CONFIG_NOSYSTEM$GIT_CONFIG_SYSTEM" ]; then export GIT_CONFIG_SYSTEM={system}; fi
exec {git} "$@"
"""


def surroundings(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make the account's home, and return `environment` as the account has it."""
    for name, text in _FILES.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    system = home / "system.gitconfig"
    for path in (home / ".gitconfig", system):
        path.write_text(_GIT.format(home=home))
    search = environment["PATH"]
    programs = home / "bin"
    programs.mkdir()
    wrapper = programs / "git"
    wrapper.write_text(_WRAPPER.format(system=system, git=shutil.which("git", path=search)))
    wrapper.chmod(0o755)
    own = {"HOME": str(home), "PATH": f"{programs}{os.pathsep}{search}"}
    kept = without_settings(environment, home)  # the compilers of the caller are no settings
    for name in SETTINGS:
        del kept[name]
    return {**kept, **VARIABLES, **own}


def suite(
    home: Path, arguments: list[str], seed: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run pytest as the account does, in the order and with the hashes of `seed`."""
    variables = {**surroundings(home, environment), "PYTHONHASHSEED": seed}
    words = ["-p", "no:cacheprovider", "--shuffle", seed, *arguments]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        umask=UMASK,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        check=False,
    )


if __name__ == "__main__":
    sys.exit(suite(Path(sys.argv[1]), sys.argv[2:], "1", os.environ).returncode)
