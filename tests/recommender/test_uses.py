"""What a Dockerfile uses as it came with the context is never called safe to ignore.

`DOUBTS`: a stage may use what no command there makes; a script is not read for what it makes.
`SAFE`: a command makes it where it is used, or nothing uses it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from tests.recommender.projects import TAG
from tests.trees import Node, build_tree, file

CONTEXTS: dict[str, tuple[str | Node, ...]] = {
    "node_modules": (
        *("package.json", "node_modules/.package-lock.json", "server.js"),
        *(file("start.sh", b"#!/bin/sh\nexec node server.js\n"), "tools/bundle.py"),
        file("copy.sh", b"#!/bin/sh\nset -e\ncp -r node_modules /out\n"),
        file("go.sh", b"#!/bin/sh\ngo build\n"),
    ),
    "vendor": ("composer.json", "vendor/autoload.php", "vendor/composer/installed.json"),
    "vendor/bundle": ("Gemfile", "vendor/bundle/ruby/3.4.0/gems/x.rb"),
    "deps": ("mix.exs", "deps/plug/mix.exs"),
    "_build": ("mix.exs", "_build/dev/lib/shop/ebin/x.beam"),
    ".venv": ("pyproject.toml", ".venv/pyvenv.cfg", "app.py"),
    "build": (
        *("setup.py", "build/lib/app/__init__.py", "requirements.txt"),
        file("build.sh", b"#!/bin/sh\nset -e\npython setup.py build\n"),
        file("start.sh", b"#!/bin/sh\nexec python build/lib/app/__init__.py\n"),
    ),
    "target": (
        *("pom.xml", "src/A.java", "target/maven-archiver/pom.properties", "target/app.jar"),
        file("build.sh", b"#!/bin/sh\nset -e\n./mvnw -q package\n"),
        file("talk.sh", b"#!/bin/sh\n# mvn package\necho mvn package\n"),
        file("Makefile", b"all: jar\n\njar: v\n\t@mvn package\n\nv:\n\techo 1 > v\n"),
        "mvnw",
    ),
    "app/build": (
        *("settings.gradle", "app/build.gradle", "app/build/libs/app.jar", "gradlew"),
        *("app/build/classes/A.class", "script.sh", file("make.py", b"#!/usr/bin/env python3\n")),
        file("ci/build.sh", b"#!/usr/bin/env bash\ncd /src && ./gradlew :app:bootJar\n"),
        file(
            "justfile", b"build mode='x': fetch\n    gradle assemble\n\nfetch:\n    gradle deps\n"
        ),
    ),
    "rust/target": ("rust/Cargo.toml", file("rust/target/CACHEDIR.TAG", TAG), "rust/target/app"),
    "bin": ("Web.csproj", "bin/Debug/net9.0/Web.dll", "obj/project.assets.json"),
    ".next": ("package.json", "next.config.js", ".next/BUILD_ID", ".next/build-manifest.json"),
    "public/assets": (
        "Gemfile",
        "config/application.rb",
        "public/assets/.sprockets-manifest-1.json",
    ),
    "a.o": (file("a.o", b"\x7fELF"), "b.c"),
    "out": ("CMakeLists.txt", "out/CMakeCache.txt", "out/CMakeFiles/x.ninja", "out/app"),
}
"""What is in a context, by the path that the Dockerfiles are about."""

BIND = "RUN --mount=type=bind,target=/src"
NPM = "FROM node AS deps\nWORKDIR /app\nCOPY package.json .\nRUN npm ci\n"
SRC = "FROM scratch AS src\nCOPY . /s\n"
COMPOSER = "FROM composer AS v\nCOPY composer.json .\nRUN composer install\n"
PYTHON = "FROM python AS p\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
LOCAL = "FROM python\nWORKDIR /app\nCOPY . .\nRUN pip install .\n"
MVN = "FROM maven AS build\nWORKDIR /src\nCOPY . .\nRUN mvn package\n"
JDK = "FROM temurin\nWORKDIR /src\nCOPY . .\n"
CARGO = "FROM rust AS build\nWORKDIR /src\nCOPY . .\n"
WARM = "FROM gradle\nWORKDIR /src\nCOPY *.gradle .\nRUN gradle build || return 0\nCOPY . .\n"
SCRIPTS = (
    "./make.sh",
    "sh build.sh",
    "bash -x ./make.sh",
    "./make.py",
    "python3 make.py",
    "./make",
)
"""Of which nobody knows what they do."""

DOUBTS: dict[str, tuple[str, ...]] = {
    "node_modules": (
        f"{NPM}FROM node\n{BIND} cp -r /src/node_modules /app\n",
        f"{NPM}FROM node\nWORKDIR /src\n{BIND} cp -r node_modules /app\n",
        f"{NPM}FROM node\n{BIND} cd /src && npm run build -- --out /app\n",
        f"{NPM}WORKDIR /src\n{BIND} npx webpack -o /app\n",
        f"{NPM}{BIND},rw cd /src && ./start.sh\n",
        f"{NPM}{BIND} <<EOF\nset -e\ncp -r /src/node_modules /app\nEOF\n",
        f"{NPM}RUN --mount=target=. node node_modules/x/cli.js\n",
        f"{NPM}FROM node AS x\nONBUILD {BIND} cp -r /src/node_modules /app\nFROM x\n",
        f"{NPM}FROM node\nCOPY . .\nCMD node server.js\n",
        f"{NPM}FROM node\nCOPY . .\nCMD npm run dev\n",
        f"{NPM}FROM my/base\nWORKDIR /x\nCOPY . .\nRUN node x.js\n",
        f'{NPM}FROM my/base\nWORKDIR /app\nCOPY . .\nCMD ["./start.sh"]\n',
        f"{NPM}{SRC}FROM node\nCOPY --from=src /s/node_modules /n\n",
        f"{NPM}{SRC}FROM node\nCOPY --from=src /s .\nCMD node x.js\n",
        f"{NPM}{SRC}FROM node\nRUN --mount=from=src,target=/s cp -r /s/node_modules /app\n",
        "FROM node AS tool\nWORKDIR /tool\nRUN npm i\nFROM node\nWORKDIR /app\nCOPY . .\n"
        "COPY --from=tool /usr/bin/x /usr/bin/\nCMD node server.js\n",
        f"{NPM}{BIND} npm --prefix /src run build\n",
        f"{NPM}{BIND} python3 <<EOF\nimport shutil\nshutil.move('/src/node_modules', 'x')\nEOF\n",
        "FROM node\nWORKDIR /app\nCOPY . .\nRUN --mount=type=cache,target=/app/node_modules "
        "npm ci\nCMD node server.js\n",
        "FROM node\nWORKDIR /tools\nRUN npm install pm2\nWORKDIR /app\nCOPY . .\nCMD npm start\n",
        f"{NPM}COPY <<EOF /start.sh\nexec node /x/node_modules/y.js\nEOF\nFROM node\nCOPY . /x\n"
        "ENV NODE_PATH=/x/node_modules\n",
        f"{NPM}FROM debian\n{BIND} cd /src && sh copy.sh\n",
        f"{NPM}FROM debian\n{BIND} python3 /src/tools/bundle.py\n",
        f"{NPM}FROM debian\n{BIND} cd /src && python3 -u tools/bundle.py --out /app\n",
        f"{NPM}FROM node\nWORKDIR /x\n{BIND} cp -r /src/* .\nCMD node server.js\n",
        f"{NPM}{BIND} cp -a /src/. /x && node /x/server.js\n",
        f"{NPM}{BIND} cp -a /src /x\nCMD node /x/src/server.js\n",
        f"{NPM}{BIND} rsync -a /src/ /x/\nENV NODE_PATH=/x/node_modules\n",
        f"{NPM}{BIND} for each in node_modules lib; do cp -r /src/$each /x; done\n",
        f"{NPM}{BIND} cp -r /src/. /app/\n",
        f"{NPM}{BIND} cp -r /src/* .\nCMD node server.js\n",
        f"{NPM}FROM node\n{BIND} cp -r /src /x && cd /x/src && npm ci && node server.js\n",
        f"{NPM}{BIND} mkdir /x && cp -r /src/. /x && cd /x && npm ci\nCMD node /x/server.js\n",
        f"{NPM}FROM golang\n{BIND} cd /src && sh go.sh\n",
        f"{NPM}{BIND} cp /src/package.json /app/ && npm run x\n",
        f"FROM node\nWORKDIR /app\nCOPY . .\n{BIND} cd /src && npm ci && "
        "cp -r /app/node_modules /x\nRUN npm ci\n",
        # An install that runs in other images is none in this one.
        "FROM node AS x\nCOPY . .\nONBUILD RUN npm ci\nCMD node server.js\n",
    ),
    "vendor": (
        f"{COMPOSER}FROM php\n{BIND} cp -r /src/vendor /app/\n",
        f"{COMPOSER}FROM php\nCOPY . .\nCMD php index.php\n",
    ),
    "vendor/bundle": (
        "FROM ruby\nRUN bundle install\nFROM ruby\n" + BIND + " cp -r /src/vendor/bundle /b\n",
        "FROM ruby AS a\nCOPY . .\nRUN bundle install\nFROM ruby\nCOPY . .\nCMD bundle exec x\n",
    ),
    "deps": (f"FROM elixir\nRUN mix deps.get\n{BIND} cd /src && mix compile\n",),
    "_build": (
        "FROM elixir\nCOPY . .\nRUN mix deps.get\n",
        "FROM elixir\nCOPY . .\nRUN mix local.hex --force\nCMD _build/prod/rel/x/bin/x\n",
    ),
    ".venv": (
        f"{PYTHON}ENV PATH=/app/.venv/bin:$PATH\n",
        f'{PYTHON}CMD [".venv/bin/python", "app.py"]\n',
        f"{LOCAL}FROM python\n{BIND} cp -r /src/.venv /venv\n",
    ),
    "build": (
        f"{PYTHON}ENV PYTHONPATH=/app/build/lib\n",
        f"{LOCAL}ENV PYTHONPATH=/app/build/lib\n",
        f"{LOCAL}ENV PYTHONPATH $PYTHONPATH:build/lib\n",
        f"{LOCAL}CMD python build/lib/app\n",
        f'{LOCAL}ENTRYPOINT ["python", "/app/build/lib/app"]\n',
        f'{LOCAL}ENTRYPOINT ["/app/start.sh"]\n',
        f"{LOCAL}RUN cp -r build/lib /lib\n",
        f"{LOCAL}RUN cp -r build /lib\n",
        f"{LOCAL}RUN <<EOF\ncd build\npython -m app\nEOF\n",
        f"{LOCAL}WORKDIR /app/build/lib\nCMD python -m app\n",
        f"{LOCAL}WORKDIR build\nCMD python -m app\n",
        f"{PYTHON}FROM python\nCOPY --from=0 /app/build/lib /lib\n",
        f"{PYTHON}FROM python\nRUN --mount=from=p,target=/m cp -r /m/app/build /lib\n",
        "FROM python\nCOPY . .\nRUN pip install flask && pip install -U pip setuptools\n",
        f"ARG LIB=build/lib\n{LOCAL}ARG LIB\nENV PYTHONPATH=/app/$LIB\n",
        f"{LOCAL}RUN python <<EOF\nimport sys\nsys.path.append('build/lib')\nEOF\n",
        f"{LOCAL}RUN . build/env.sh\n",
        f"{LOCAL}ARG KIND=build\nENV PYTHONPATH=/app/${{KIND}}/lib\n",
        f"{LOCAL}ENV PYTHONPATH=/app/${{KIND:-build}}/lib\n",
        f"{LOCAL}ENV KIND=${{OTHER-build}}\nENV PYTHONPATH=$PYTHONPATH:/app/$KIND\n",
        f"ARG LIB=build\n{LOCAL}RUN cp -r /app/$LIB/lib /lib\n",
        "FROM python\nENV HOME=/app\nWORKDIR $HOME\nCOPY . $HOME\nRUN pip install .\n"
        "WORKDIR /app/build/lib\n",
        f"{LOCAL}RUN for each in build/*; do cp -r $each /lib; done\n",
        f"{LOCAL}RUN cp -r buil*/lib* /lib\n",
        f"{LOCAL}RUN export PYTHONPATH=build/lib && python -m app\n",
        f"{LOCAL}RUN echo /app/build/lib > /usr/lib/python3/site-packages/app.pth\n",
        f"{LOCAL}RUN python < build/lib/app.py\n",
        f"{LOCAL}RUN if [ -d build/lib ]; then cp -r build/lib /lib; fi\n",
        f"FROM python AS x\nONBUILD COPY . .\nONBUILD RUN cp -r build/lib /lib\n{LOCAL}FROM x\n",
        "FROM python\nCOPY . .\nRUN cp -r build/lib /lib && python setup.py build\n",
        f"{LOCAL}HEALTHCHECK CMD python build/lib/app\n",
        "FROM python\nCOPY . .\nRUN ./build.sh\n",
    ),
    "target": (
        f"{JDK}RUN ./start.sh\n",
        f"{JDK}RUN sh talk.sh\n",
        f"{JDK}RUN chmod +x mvnw && ./mvnw --version\n",
        f"{JDK}RUN chmod +x mvnw\nRUN cp target/app.jar /\n",
        f"{JDK}RUN mvn dependency:go-offline\n",
        f"{JDK}RUN mvn -B clean\n",
        f"{JDK}RUN make v\n",
        f"{JDK}RUN make -C other\n",
        f"{JDK}RUN gradle build\n",
        f"{JDK}RUN apt-get install maven && echo mvn package\n",
        f"{MVN}FROM temurin\n{BIND} cp /src/target/app.jar /app.jar\n",
        f"{MVN}FROM temurin\nWORKDIR /app\nCOPY . .\nCMD java -jar target/app.jar\n",
        f"{MVN}{SRC}FROM temurin\nCOPY --from=src /s/target/app.jar /\n",
        "FROM maven\nWORKDIR /src\nCOPY . .\nONBUILD RUN mvn package\n",
        "FROM maven\nCOPY pom.xml .\nRUN mvn package\nCOPY . .\nCMD java -jar target/app.jar\n",
        f"{JDK}RUN ./build.sh\n",
        f"{JDK}RUN bash build.sh && cp target/app.jar /\n",
        f"{JDK}RUN make\n",
        f"{JDK}RUN make jar\n",
    ),
    "app/build": (
        f"{JDK}RUN ./script.sh\n",
        f"{JDK}RUN ./gradlew --no-daemon dependencies\n",
        f"{JDK}RUN ./gradlew help -x build\n",
        f"{JDK}RUN ./gradlew clean\n",
        f"{JDK}RUN just fetch\n",
        f"{JDK}RUN /opt/ci/build.sh\n",
        f"{JDK}RUN mvn package\n",
        f"{JDK}RUN make\n",
        *(f"{JDK}RUN {run}\n" for run in SCRIPTS),
        *(f"FROM temurin\nWORKDIR /src\nRUN {run}\nCOPY . .\n" for run in SCRIPTS),
        *(f"{WARM}{each}" for each in ("RUN ./make.sh\n", "RUN cp app/build/libs/app.jar /\n")),
        f"{WARM}CMD java -jar app/build/libs/app.jar\n",
        f"{WARM}RUN gradle test\n",
        f"{JDK}RUN ./gradlew :app:cleanJar\n",
        f"{JDK}RUN gradle -p build help --task bootJar\n",
        f"{JDK}RUN ./ci/build.sh\n",
        f"{JDK}RUN just build\n",
        f"{WARM}RUN ./ci/build.sh\n",
    ),
    "rust/target": (
        f"{CARGO}RUN cd rust && cargo fetch\nCMD ./rust/target/app\n",
        f"{CARGO}RUN cargo install cargo-chef\n",
        f"{CARGO}RUN ./build.sh\n",
        f"{CARGO}RUN cargo build\nFROM debian\nCOPY . .\nCMD rust/target/app\n",
        f"{CARGO}RUN npm ci\nCMD rust/target/app\n",
        "FROM rust\nWORKDIR /src/rust\nCOPY rust/Cargo.toml .\nRUN cargo build\nCOPY rust .\n"
        "CMD target/app\n",
    ),
    "bin": (
        "FROM dotnet\nCOPY . .\nRUN dotnet restore\n",
        "FROM dotnet\nCOPY . .\nRUN ./build.sh\n",
        'FROM dotnet AS b\nCOPY . .\nRUN dotnet publish\nFROM dotnet\nCOPY . .\nCMD ["bin/x"]\n',
    ),
    ".next": (
        "FROM node\nCOPY . .\nRUN npm ci && npm run lint\n",
        "FROM node AS b\nCOPY . .\nRUN npm run build\nFROM node\nCOPY . .\nCMD node .next/x.js\n",
        "FROM node AS b\nCOPY . .\nRUN npm run build\nFROM node\nCOPY . .\nCMD npm start\n",
        "FROM node AS b\nCOPY . .\nRUN npm run build\nFROM node\nCOPY . .\nCMD npm run dev\n",
    ),
    "public/assets": (
        "FROM ruby\nCOPY . .\nRUN bundle install\n",
        "FROM ruby\nCOPY . .\nRUN bundle exec rake db:schema:load\n",
    ),
    "a.o": ("FROM gcc\nCOPY . .\nRUN gcc -o /app b.c a.o\n",),
    "out": (
        "FROM gcc\nCOPY . .\nRUN pip install conan\n",
        "FROM gcc\nCOPY . .\nRUN ./x.sh\nCMD out/app\n",
    ),
}
SAFE: dict[str, tuple[str, ...]] = {
    "node_modules": (
        "FROM node AS base\nFROM base AS deps\nWORKDIR /app\nCOPY package.json yarn.lock* ./\n"
        "RUN if [ -f yarn.lock ]; then yarn --frozen-lockfile; else npm ci; fi\n"
        "FROM base AS build\nWORKDIR /app\nCOPY --from=deps /app/node_modules ./node_modules\n"
        "COPY . .\nRUN npm run build\nFROM base\nWORKDIR /app\n"
        "COPY --from=build /app/.next/standalone ./\nCMD node server.js\n",
        "FROM node\nWORKDIR /app\nRUN --mount=type=bind,source=package.json,target=package.json "
        "npm ci --omit=dev\nCOPY . .\nCMD node server.js\n",
        "FROM node\nRUN corepack enable\nCOPY . .\nRUN pnpm i && pnpm build\nCMD pnpm start\n",
        f"{NPM}COPY . .\nRUN --mount=source=server.js,target=/s cp /s node_modules/\n",
        "FROM node\nWORKDIR /src\n" + BIND + ",rw npm ci && npm run build -- --out /app\n",
        "FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci\nRUN cp -r /app /y\nCMD node /y/server.js\n",
        f"{NPM}FROM python\n{BIND} python3 -m pip install /src\n",
        f"{NPM}COPY . .\nRUN for each in node_modules/*; do echo $each; done\n",
        "FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci\n",
        f"{NPM}FROM node\nWORKDIR /app\nCOPY --from=deps /app/node_modules node_modules\n"
        "COPY . .\nRUN npm run build\nCMD node server.js\n",
        "FROM node AS base\nCOPY . /app\nWORKDIR /app\nRUN corepack enable\n"
        "FROM base AS prod\nRUN pnpm install --prod\n"
        "FROM base AS build\nRUN pnpm install && pnpm run build\n"
        "FROM base\nCOPY --from=prod /app/node_modules /app/node_modules\nCMD pnpm start\n",
        f"{NPM}FROM nginx\nCOPY . /usr/share/nginx/html\nCOPY --from=deps /app/x /x\n",
        "FROM node\nCOPY . .\nRUN rm -rf node_modules && npm ci\n",
        "FROM node\nCOPY . .\nRUN rm -rf ./node_modules ./dist\nRUN npm ci && npm run build\n",
        "FROM node AS x\nONBUILD COPY . .\nONBUILD RUN npm ci\nFROM x\nCMD node server.js\n",
        "FROM node\nCOPY . /usr/src/app\nWORKDIR /usr/src/app\nRUN npm ci\nCMD ./start.sh\n",
        f"{SRC}FROM node\nWORKDIR /app\nCOPY --from=src /s .\nRUN npm ci\nCMD node x.js\n",
        "FROM node AS b\nWORKDIR /app\nCOPY . .\nRUN yarn global add turbo && turbo prune x\n"
        "FROM node\nWORKDIR /app\nCOPY --from=b /app/out/json .\nRUN yarn install\n",
        "FROM node AS b\nWORKDIR /app\nCOPY . .\nRUN --mount=type=cache,target=/app/node_modules "
        "npm ci && npm run build\nFROM nginx\nCOPY --from=b /app/dist /html\n",
        "FROM node\nWORKDIR /usr/src\nCOPY package.json .\nRUN npm ci\nWORKDIR /usr/src/app\n"
        "COPY . .\nCMD node server.js\n",
    ),
    "vendor": (
        f"{COMPOSER}FROM php\nCOPY . .\nCOPY --from=v /app/vendor vendor\nCMD php x.php\n",
        "FROM node AS a\nCOPY . .\nRUN npm ci\nFROM php\nCOPY . .\nRUN composer install\n",
    ),
    "vendor/bundle": (
        "FROM ruby AS base\nWORKDIR /r\nFROM base AS b\nCOPY Gemfile .\nRUN bundle install\n"
        "COPY . .\nFROM base\nCOPY --from=b /r /r\nCMD bundle exec puma\n",
    ),
    "deps": ("FROM elixir\nCOPY . .\nRUN mix deps.get && mix compile\n",),
    "_build": ("FROM elixir\nCOPY . .\nRUN mix do deps.get, compile\n",),
    ".venv": (
        "FROM python\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
        "CMD python app.py\n",
        "FROM python AS b\nWORKDIR /app\nCOPY pyproject.toml .\nRUN poetry install --no-root\n"
        "FROM python\nENV PATH=/app/.venv/bin:$PATH\nCOPY --from=b /app/.venv /app/.venv\n"
        "COPY . /app\nCMD python -m app\n",
        PYTHON,
        "FROM python AS b\nRUN python -m venv /opt/.venv\nFROM python\nCOPY --from=b /opt/.venv "
        "/opt/.venv\nENV PATH=/opt/.venv/bin:$PATH\nWORKDIR /app\nCOPY . .\nRUN python x.py\n",
        f"{PYTHON}RUN python -m venv .venv\nENV PATH=/app/.venv/bin:$PATH\n",
        "FROM python\nWORKDIR /app\nCOPY . .\nRUN uv sync\nENV PATH=/app/.venv/bin:$PATH\n",
    ),
    "build": (
        LOCAL,
        f"{LOCAL}CMD python -m app\n",
        f"{LOCAL}RUN <<EOF\nrm -rf build\nEOF\n",
        f"{LOCAL}LABEL built=build/lib\n",
        f"{LOCAL}ENV PYTHONPATH=${{PYTHONPATH:-/app}}/src\n",
        f"ARG KIND=src\n{LOCAL}ARG KIND=src\nENV PYTHONPATH=/app/${{KIND:-build}}/lib\n",
        "FROM python\nWORKDIR /build\nCOPY . .\nRUN pip wheel -w /w .\nFROM python\n"
        "COPY --from=0 /w /w\n",
        "FROM python\nCOPY . .\nRUN python3 setup.py build\nENV PYTHONPATH=/build/lib\n",
        "FROM python\nCOPY . .\nRUN pip install -r requirements.txt && pip install -e '.[x]'\n",
        "FROM python\nCOPY . .\nRUN uv sync --frozen\n",
        "FROM python\nCOPY . .\nRUN python -m build\n",
        "FROM python\nCOPY . .\nRUN rm -rf build && poetry install\n",
    ),
    "target": (
        "FROM maven AS b\nWORKDIR /app\nCOPY pom.xml .\nRUN mvn dependency:go-offline\nCOPY . .\n"
        "RUN mvn -B package\nFROM temurin\nCOPY --from=b /app/target/app.jar /app.jar\n"
        "ENTRYPOINT java -jar /app.jar\n",
        MVN,
        f"{JDK}RUN ./mvnw -B -DskipTests package\n",
        "FROM maven\nCOPY pom.xml .\nRUN mvn package\nCOPY . .\nRUN mvn -o package\n",
        f"{MVN}FROM temurin\nWORKDIR /src\nCOPY --from=build /src/target target\nCOPY . .\n"
        "CMD java -jar target/app.jar\n",
        f"{JDK}RUN sh ./mvnw clean install\n",
        f'{MVN}FROM temurin\nCOPY --from=build /src/target/app.jar /\nCMD ["java"]\n',
        f"{MVN}FROM temurin\nRUN --mount=from=build,source=/src/target,target=/t cp /t/a /\n",
        "FROM maven\nWORKDIR /src\n" + BIND + ",rw mvn package && cp target/app.jar /\n",
    ),
    "app/build": (
        f"{JDK}RUN ./gradlew --no-daemon build -x test\n",
        f"{JDK}RUN sh gradlew :app:shadowJar && cp app/build/libs/app.jar /\n",
        f"{JDK}RUN <<EOF\ngradle -p app installDist\nEOF\n",
        f"{JDK}RUN timeout 600 gradle assemble\n",
        f"{JDK}RUN ./gradlew build\n",
        f"{JDK}RUN ./make.sh && ./gradlew clean build\n",
        f"{WARM}RUN gradle build\nCMD java -jar app/build/libs/app.jar\n",
        "FROM gradle AS warm\nWORKDIR /src\nCOPY *.gradle .\nRUN gradle build\n"
        "FROM warm AS test\nCOPY . .\nRUN gradle test\nFROM warm\nCOPY . .\nRUN gradle bootJar\n",
        "FROM gradle\nWORKDIR /src\nCOPY app app\nRUN gradle build\n",
    ),
    "rust/target": (
        "FROM rust AS chef\nWORKDIR /app\nFROM chef AS planner\nCOPY . .\n"
        "RUN cargo chef prepare --recipe-path r.json\nFROM chef AS build\n"
        "COPY --from=planner /app/r.json r.json\nRUN cargo chef cook --recipe-path r.json\n"
        "COPY . .\nRUN cargo build --release\nFROM debian\n"
        "COPY --from=build /app/target/release/app /app\n",
        f"{CARGO}RUN --mount=type=cache,target=/src/rust/target cd rust && cargo build --release "
        "&& cp target/release/app /app\nFROM debian\nCOPY --from=build /app /app\n",
        f"{CARGO}WORKDIR rust\nRUN cargo build --release && cp target/app /\nCMD ./target/app\n",
        f"{CARGO}RUN cargo +nightly test\n",
        f"{CARGO}RUN cargo install --path rust\n",
        f"{CARGO}RUN cargo build\nFROM debian\nCOPY --from=build /src/rust/target/app /\n",
        "FROM rust\nWORKDIR /src/rust\nCOPY rust/Cargo.toml .\nRUN cargo build\nCOPY rust .\n"
        "RUN cargo build\nCMD target/app\n",
        f"{CARGO}RUN pip install ./rust\n",
    ),
    "bin": ("FROM dotnet\nCOPY . .\nRUN dotnet restore && dotnet publish -c Release\n",),
    ".next": (
        "FROM node\nCOPY . .\nRUN npm ci && npm run build\nCMD npm start\n",
        "FROM node AS b\nCOPY . .\nRUN yarn build\nFROM node\nCOPY --from=b /.next ./.next\n",
    ),
    "public/assets": (
        "FROM ruby\nCOPY . .\nRUN SECRET_KEY_BASE_DUMMY=1 ./bin/rails assets:precompile\n",
    ),
    "a.o": ("FROM gcc\nCOPY . .\nRUN gcc -c a.c && gcc -o /app b.c a.o\n",),
    "out": (
        "FROM gcc\nCOPY . .\nRUN cmake -B out && cmake --build out && cp out/app /\n",
        "FROM gcc\nCOPY . .\nRUN mkdir -p out && cd out && cmake .. && make\nCMD ./out/app\n",
    ),
}


def cases(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(path, dockerfile) for path, each in table.items() for dockerfile in each]


def answers(root: Path, path: str, dockerfile: str) -> list[bool]:
    """Whether the suggestion about `path` is safe; nothing where there is none."""
    build_tree(root, [file("Dockerfile", dockerfile.encode()), *CONTEXTS[path]])
    return [each.safe for each in api.suggest(str(root)).suggestions if path in each.paths]


@pytest.mark.parametrize(("path", "dockerfile"), cases(DOUBTS))
def test_what_is_used_as_it_came_is_a_doubt(path: str, dockerfile: str, tmp_path: Path) -> None:
    assert answers(tmp_path / "ctx", path, dockerfile) == [False]


TOO_LONG = "true; \\\n" * 12_000
"""More than is read of one instruction."""

UNREAD = {
    "made in it": ("target", f"{JDK}RUN {TOO_LONG} mvn package\n"),
    "installed in it": ("node_modules", f"FROM node\nCOPY . .\nRUN {TOO_LONG} npm ci\n"),
    "used in it": ("target", f"{JDK}RUN {TOO_LONG} cp target/app.jar /\nRUN mvn package\n"),
    "used before it is installed": (
        "node_modules",
        f"FROM node\nWORKDIR /app\nCOPY . .\nRUN {TOO_LONG} cp -r node_modules /x\nRUN npm ci\n",
    ),
    "used in it by all that it holds": (
        "target",
        f"{JDK}RUN {TOO_LONG} cp -r . /x\nRUN mvn package\n",
    ),
    "used in another stage": ("target", f"{MVN}FROM temurin\n{BIND} {TOO_LONG} cp -r /src /x\n"),
    "used by a script of it": ("target", f"{MVN}FROM temurin\nCOPY . .\nCMD {TOO_LONG} ./x.sh\n"),
    "used by a health check": (
        "node_modules",
        f"{NPM}FROM debian\nCOPY . .\nHEALTHCHECK CMD {TOO_LONG} ./x\n",
    ),
    "used by a document": (
        "target",
        f"{MVN}FROM temurin\nCOPY . .\nCOPY <<EOF /x.sh\n{TOO_LONG} java -jar target/a.jar\nEOF\n",
    ),
    "used behind an error": ("target", f"{JDK}RUN a ) && cp target/app.jar /\nRUN mvn package\n"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_cannot_be_read_is_a_doubt(case: str, tmp_path: Path) -> None:
    assert answers(tmp_path / "ctx", *UNREAD[case]) == [False]


@pytest.mark.parametrize(("path", "dockerfile"), cases(SAFE))
def test_what_is_made_anew_may_go(path: str, dockerfile: str, tmp_path: Path) -> None:
    assert answers(tmp_path / "ctx", path, dockerfile) == [True]
