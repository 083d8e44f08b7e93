"""Which commands install what a manifest lists, and where."""

from __future__ import annotations

import pytest

from ctxsize.recommender.managers import MANAGERS
from ctxsize.shell import commands

INSTALLS = {
    "node": {
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
    "php": {
        "composer install --no-dev": "",
        "php composer.phar -d app install": "app",
        "composer create-project": "",
    },
    "elixir": {"mix deps.get --only prod": "", "mix do deps.get, compile": ""},
    "ruby": {"bundle": "", "bundle install --jobs 4": "", "bin/bundle install": ""},
    "crystal": {"shards": "", "shards install --production": "", "shards build --release": ""},
}
INSTALLS_NOT = {
    "node": [
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
    "php": ["composer dump-autoload", "composer global require x", "composer run install", "php i"],
    "elixir": ["mix release", "mix compile"],
    "ruby": ["bundle exec rake install", "bundle config set path x", "gem install bundler"],
    "crystal": ["crystal build src/x.cr", "shards version"],
}


@pytest.mark.parametrize(
    ("ecosystem", "text"), [(name, text) for name, texts in INSTALLS.items() for text in texts]
)
def test_what_installs_does_so_somewhere(ecosystem: str, text: str) -> None:
    found = [MANAGERS[ecosystem].directory(each) for each in commands(text)]
    assert [each for each in found if each is not None] == [INSTALLS[ecosystem][text]]


@pytest.mark.parametrize(
    ("ecosystem", "text"), [(name, text) for name, texts in INSTALLS_NOT.items() for text in texts]
)
def test_other_commands_install_nothing(ecosystem: str, text: str) -> None:
    assert [
        each for each in commands(text) if MANAGERS[ecosystem].directory(each) is not None
    ] == []
