"""Repository layouts as described trees: the shapes of Compose and Bake files that are in use."""

from __future__ import annotations

from tests.trees import Node, file

BUILD = b"FROM scratch\nCOPY . /\n"
STAGES = b"FROM scratch AS dev\nCOPY . /\nFROM scratch AS prod\nCOPY . /\n"


def _compose(text: str, path: str = "compose.yaml") -> Node:
    return file(path, text.encode())


COMPOSE: dict[str, list[str | Node]] = {
    "short": [_compose("services:\n  web:\n    build: ./web\n"), file("web/Dockerfile", BUILD)],
    "long": [
        _compose(
            """
services:
  api:
    build:
      context: services/api
      dockerfile: docker/prod.Dockerfile
      target: Prod
      args:
        VERSION: 1.50
        BIG: 1000000.0
        TINY: 0.000001
        SMALL: 0.0001
        HEX: 0x10
        EIGHT: 010
        NINE: 09
        DOTS: 1.20.3
        OCTAL: "010"
        ON: yes
        EMPTY: ""
        DEBUG: true
      additional_contexts:
        shared: ./shared
        base: docker-image://alpine:3.20
      platforms: [linux/amd64, linux/arm64]
"""
        ),
        file("services/api/docker/prod.Dockerfile", STAGES),
        "shared/x",
    ],
    "args as a list": [
        _compose(
            "services:\n  a:\n    build:\n      context: .\n      args:\n        - ONE=1\n"
            "        - FROM_ENV\n        - NOT_SET\n        - WITH=a=b\n"
        ),
        file(".env", b"FROM_ENV=from .env\n"),
        "Dockerfile",
    ],
    "inline": [
        _compose(
            "services:\n  a:\n    build:\n      context: .\n      dockerfile_inline: |\n"
            "        FROM scratch\n        COPY x /\n"
        ),
        "x",
    ],
    "anchors and merge keys": [
        _compose(
            """
x-build: &build
  context: .
  target: dev
  args: &args {A: one, B: two}
services:
  a:
    build: *build
  b:
    build:
      <<: *build
      target: prod
  c:
    build:
      context: .
      args:
        <<: *args
        B: three
"""
        ),
        file("Dockerfile", STAGES),
    ],
    "variables": [
        _compose(
            """
services:
  a:
    build:
      context: ${DIR:-app}
      dockerfile: ${FILE-Dockerfile}
      target: ${TARGET:?a stage}
      args:
        PLAIN: $VERSION
        BRACES: v${VERSION}
        DOLLARS: $$VERSION
        EMPTY: ${BLANK-not used}x
        FILLED: ${BLANK:-used}
        NESTED: ${NONE:-${VERSION:-none}}
        PLUS: ${VERSION:+set}${NONE+unset}
"""
        ),
        file(
            ".env",
            b"# a comment\nVERSION='1.2' # behind\nexport TARGET=prod\nBLANK=\nQ=\"a\\nb\"\n",
        ),
        file("app/Dockerfile", STAGES),
    ],
    "dollar signs that begin no variable": [
        _compose(
            """
services:
  a:
    build:
      context: ./a$
      target: $(git branch --show-current)
      args:
        COMMIT: $(git rev-parse HEAD)
        SUM: $((1 + 2))
        FIRST: "$1 $"
        NESTED: ${NONE:-$(pwd)/$V}
        BESIDE: $(echo $V)$$V
"""
        ),
        file(".env", b"V=$(x)/1\n"),
        file("a$/Dockerfile", BUILD),
    ],
    "override": [
        _compose(
            "services:\n  a:\n    build:\n      context: a\n      args: {X: 1, Y: 1}\n"
            "  b:\n    build: b\n"
        ),
        _compose(
            "services:\n  a:\n    build:\n      args: {Y: 2}\n      target: dev\n  b:\n    build:\n"
            "      dockerfile: other\n",
            "compose.override.yaml",
        ),
        file("a/Dockerfile", STAGES),
        file("b/other", BUILD),
    ],
    "variables with numbers": [
        _compose(
            "services:\n  a:\n    build:\n      context: .\n      args:\n        A: ${V}\n"
            "        B: $V\n        C: 1.50\n        D: -0.0\n"
        ),
        file(".env", b"V=1.50\n"),
        "Dockerfile",
    ],
    "nothing over something": [
        _compose(
            "services:\n  a:\n    build: {context: a, target: dev, args: {X: 1, Y: 1}}\n"
            "  b:\n    build: b\n"
        ),
        _compose(
            "services:\n  a:\n    build:\n      target:\n      args: {X: !reset null}\n"
            "  b:\n    build:\n",
            "compose.override.yaml",
        ),
        file("a/Dockerfile", STAGES),
        file("b/Dockerfile", BUILD),
    ],
    "extends, same file": [
        _compose(
            "services:\n  base:\n    build:\n      context: .\n      args: {A: 1}\n  a:\n"
            "    extends: base\n    build:\n      args: {B: 2}\n  b:\n    extends: {service: a}\n"
        ),
        "Dockerfile",
    ],
    "extends, other file": [
        _compose(
            "services:\n  a:\n    extends:\n      file: common/base.yaml\n      service: base\n"
            "    build:\n      target: dev\n"
        ),
        _compose(
            "services:\n  base:\n    build:\n      context: ./src\n      additional_contexts:\n"
            "        lib: ./lib\n",
            "common/base.yaml",
        ),
        file("common/src/Dockerfile", STAGES),
        "common/lib/x",
    ],
    "include": [
        _compose(
            "include:\n  - infra/compose.yaml\n  - path: [more/a.yaml, more/b.yaml]\n"
            "    project_directory: more\nservices:\n  a:\n    build: .\n"
        ),
        _compose("services:\n  db:\n    build: ./db\n", "infra/compose.yaml"),
        _compose("services:\n  m:\n    build: ./m\n", "more/a.yaml"),
        _compose("services:\n  m:\n    build:\n      target: ${STAGE}\n", "more/b.yaml"),
        file("more/.env", b"STAGE=dev\n"),
        "Dockerfile",
        file("infra/db/Dockerfile", BUILD),
        file("more/m/Dockerfile", STAGES),
    ],
    "profiles and images": [
        _compose(
            "services:\n  a:\n    profiles: [debug]\n    build: a\n  db:\n    image: postgres\n"
            "  both:\n    image: me/x\n    build: b\n    platform: linux/arm64\n"
        ),
        file("a/Dockerfile", BUILD),
        file("b/Dockerfile", BUILD),
    ],
    "reset and override": [
        _compose(
            "services:\n  a:\n    build:\n      context: a\n      target: dev\n      args: {X: 1}\n"
        ),
        _compose(
            "services:\n  a:\n    build:\n      target: !reset null\n"
            "      args: !override {Z: 2}\n",
            "compose.override.yml",
        ),
        file("a/Dockerfile", STAGES),
    ],
    "the old name": [
        _compose("version: '3'\nservices:\n  a:\n    build: .\n", "docker-compose.yml"),
        _compose("services:\n  b:\n    build: .\n", "docker-compose.yaml"),
        "Dockerfile",
    ],
    "a service as a context": [
        _compose(
            """
services:
  base:
    build:
      context: .
      dockerfile: docker/base.Dockerfile
  api.v1:
    build:
      context: services/api
      additional_contexts:
        base: "service:base"
        proto: ./proto
  worker:
    build:
      context: services/worker
      additional_contexts:
        - base=service:base
        - api=service:api.v1
"""
        ),
        file("docker/base.Dockerfile", BUILD),
        file("services/api/Dockerfile", b"FROM base\nCOPY . /\nCOPY --from=proto . /p\n"),
        file("services/worker/Dockerfile", b"FROM base\nCOPY --from=api /p /p\nCOPY . /\n"),
        "proto/x",
    ],
    "platforms of two files": [
        _compose("services:\n  a:\n    build:\n      context: .\n      platforms: [linux/amd64]\n"),
        _compose(
            "services:\n  a:\n    build:\n      platforms: [linux/arm64]\n",
            "compose.override.yaml",
        ),
        "Dockerfile",
    ],
    "a context elsewhere": [
        _compose(
            "services:\n  a:\n    build:\n      context: ..\n      dockerfile: deploy/Dockerfile\n",
            "deploy/compose.yaml",
        ),
        file("deploy/Dockerfile", BUILD),
    ],
}
"""Each with its Compose file at the root, or below `deploy`."""

BAKE: dict[str, list[str | Node]] = {
    "json": [
        file(
            "docker-bake.json",
            b'{"variable": {"TAG": {"default": "v1"}}, "group": {"default": {"targets": ["app"]}},'
            b' "target": {"base": {"args": {"A": "1", "T": "${TAG}"}}, "app": {'
            b' "inherits": ["base"], "context": "app", "target": "dev", "args": {"A": "2"}}}}',
        ),
        file("app/Dockerfile", STAGES),
    ],
    "inherits": [
        file(
            "docker-bake.hcl",
            b"""
group "default" {
  targets = ["api", "web"]
}
target "_common" {
  args = {
    GO = "1.23"
    "X" = "1"
  }
  platforms = ["linux/amd64", "linux/arm64"]
}
target "_debug" {
  args = { X = "2" }
}
target "api" {
  inherits = ["_common", "_debug"]
  context  = "api"
}
target "web" {
  inherits   = ["_common"]
  dockerfile = "web/Dockerfile"
  contexts = {
    api  = "target:api"
    lib  = "./lib"
    base = "docker-image://alpine"
  }
}
""",
        ),
        file("api/Dockerfile", BUILD),
        file("web/Dockerfile", BUILD),
        "lib/x",
    ],
    "nothing given": [
        file(
            "docker-bake.hcl",
            b"""
variable "NONE" { default = null }
target "default" {
  context   = "app"
  target    = null
  args      = NONE
  platforms = null
  contexts  = null
}
""",
        ),
        file("app/Dockerfile", BUILD),
    ],
    "inline": [
        file(
            "docker-bake.hcl",
            b'target "default" {\n  dockerfile-inline = <<EOT\nFROM scratch\nCOPY x /\nEOT\n}\n',
        ),
        "x",
    ],
    "over compose": [
        file("docker-bake.hcl", b'target "web" {\n  args = { B = "2" }\n  target = "prod"\n}\n'),
        _compose("services:\n  web:\n    build:\n      context: ./web\n      args: {A: 1}\n"),
        _compose("services: {web: {build: {args: {A: 3}}}}\n", "compose.override.yaml"),
        file("web/Dockerfile", STAGES),
    ],
    "over services": [
        file("docker-bake.hcl", b'target "web" {\n  args = { B = "2" }\n}\n'),
        _compose(
            """
services:
  base.image:
    build: ./base
  web:
    platform: linux/amd64
    build:
      context: ./web
      additional_contexts: {base: "service:base.image", lib: ./lib}
      x-bake:
        platforms: linux/amd64 linux/arm64
        tags: [app:latest]
  worker:
    build:
      context: ./worker
      platforms: [linux/arm64]
      additional_contexts: {lib: ./lib}
      x-bake:
        platforms: [linux/amd64, linux/arm64]
        contexts: {base: "service:base.image", lib: ./other, proto: ./proto}
"""
        ),
        *(file(f"{name}/Dockerfile", BUILD) for name in ("base", "web", "worker")),
        *("lib/x", "proto/x"),
    ],
    "services alone": [
        _compose(
            """
services:
  app:
    build:
      context: app
      target: prod
      x-bake:
        platforms: [linux/amd64, linux/arm64]
        contexts: {shared: ./shared}
""",
            "docker-compose.yml",
        ),
        file("app/Dockerfile", STAGES),
        "shared/x",
    ],
    "override": [
        file("docker-bake.hcl", b'target "app" {\n  context = "app"\n  args = { A = "1" }\n}\n'),
        file(
            "docker-bake.override.hcl",
            b'target "app" {\n  target = "dev"\n  args = { B = "2" }\n}\n',
        ),
        file("app/Dockerfile", STAGES),
    ],
    "literals": [
        file(
            "docker-bake.hcl",
            b"""
variable "REGISTRY" { default = "docker.io" }
variable "NAME" { default = "${REGISTRY}/app" }
variable "DEBUG" { default = false }
variable "COUNT" { default = 3 }
variable "EMPTY" {}
variable "WHERE" { default = "app" }
NUMBERS = ["linux/amd64"]
target "default" {
  context = "${ WHERE }"
  args = {
    IMAGE  = NAME
    COUNT  = "${COUNT}"
    DEBUG  = DEBUG
    HALF   = 1.50
    BELOW  = -3
    QUOTES = "say \\"${EMPTY}\\"\\n\\u00e9"
    NONE   = null
    "KEY"  = "%%{x}$${x}"
  }
  platforms = NUMBERS
}
""",
        ),
        file("app/Dockerfile", BUILD),
    ],
}
"""Bake files whose values are literals, variables and `${NAME}`."""

BAKE_BY_DOCKER: dict[str, list[str | Node]] = {
    "a matrix of literals": [
        file(
            "docker-bake.hcl",
            b"""
target "svc" {
  name = "svc-${item.name}-${v}"
  matrix = {
    item = [{ name = "a", dir = "./a" }, { name = "b", dir = "./b" }]
    v    = ["1", "2"]
  }
  context = item.dir
  target  = "dev"
  args    = { V = v }
}
""",
        ),
        file("a/Dockerfile", STAGES),
        file("b/Dockerfile", STAGES),
    ],
    "variables": [
        file(
            "docker-bake.hcl",
            b"""
variable "REGISTRY" { default = "docker.io" }
variable "NAME" { default = "${REGISTRY}/app" }
variable "DEBUG" { default = false }
variable "COUNT" { default = 3 }
variable "EMPTY" {}
target "default" {
  context = DEBUG ? "debug" : "app"
  args = {
    IMAGE = NAME
    COUNT = "${COUNT}"
    NEXT  = COUNT + 1
    SAME  = equal(COUNT, 3) ? "yes" : "no"
    UP    = upper("a-${EMPTY}b")
    JOIN  = join(",", concat(["a"], ["b"]))
    NONE  = null
  }
  tags = [notequal("", EMPTY) ? "x:${EMPTY}" : ""]
}
""",
        ),
        file("app/Dockerfile", BUILD),
    ],
    "matrix": [
        file(
            "docker-bake.hcl",
            b"""
group "default" { targets = ["svc"] }
target "svc" {
  name = "svc-${item.name}-${replace(v, ".", "-")}"
  matrix = {
    item = [{ name = "a", dir = "./a" }, { name = "b", dir = "./b" }]
    v    = ["1.0", "2.0"]
  }
  context = item.dir
  target  = "dev"
  args    = { V = v }
}
""",
        ),
        file("a/Dockerfile", STAGES),
        file("b/Dockerfile", STAGES),
    ],
    "functions and loops": [
        file(
            "docker-bake.hcl",
            b"""
variable "SERVICES" { default = ["api", "web", "old"] }
variable "LIBS" {
  default = {
    core = "core"
    ui   = "ui"
  }
}
variable "KEY" { default = substr(md5(joined(SERVICES)), 0, 8) }
function "joined" {
  params = [names]
  result = join("-", sort(names))
}
function "place" {
  params          = [name]
  variadic_params = parts
  result          = length(parts) > 0 ? join("/", concat([name], parts)) : name
}
group "default" {
  targets = [for name in SERVICES : "service-${name}" if name != "old"]
}
target "service" {
  name = "service-${item.name}"
  matrix = {
    item = [for name in SERVICES : { name = name, dir = place("services", name) } if name != "old"]
  }
  context    = item.dir
  dockerfile = item.name == "web" ? "Web.Dockerfile" : "Dockerfile"
  contexts   = { lib-core = place("./libs", LIBS.core), lib-ui = place("./libs", LIBS["ui"]) }
  args = merge({ KEY = KEY }, { for i, name in SERVICES : upper(name) => tostring_(i) })
  platforms = distinct([for arch in ["amd64", "arm64", "amd64"] : format("linux/%s", arch)])
}
function "tostring_" {
  params = [value]
  result = "${value}"
}
""",
        ),
        file("services/api/Dockerfile", BUILD),
        file("services/web/Web.Dockerfile", BUILD),
        *("libs/core/x", "libs/ui/x"),
    ],
    "json with expressions": [
        file(
            "docker-bake.json",
            b'{"variable": {"NAMES": {"default": ["a", "b"]}, "WEB": {"default": true}},'
            b' "function": {"twice": {"params": ["x"], "result": "${x}${x}"}},'
            b' "target": {"default": {"context": "${WEB ? \\"web\\" : \\"app\\"}",'
            b' "args": {"A": "say \\"${twice(NAMES[0])}\\"", "B": "${join(\\",\\", NAMES)}",'
            b' "C": "C:\\\\new", "D": "$${x}"}}}}',
        ),
        file("web/Dockerfile", BUILD),
    ],
}
"""Bake files that take more, such as functions: Docker evaluates them."""
