# ctxsize as an image:
#
#     docker build --tag ctxsize .
#     docker run --rm --volume "$PWD:/work" ctxsize measure
#
# `--user "$(id -u):$(id -g)"` lets it read what only you may read, and makes what it writes yours.

FROM python:3.13-slim-trixie AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/ctxsize
WORKDIR /src
COPY pyproject.toml hatch_build.py man_pages.py README.md LICENSE ./
COPY ctxsize ctxsize
# The compiled core is required: an image without it would be slow, and nobody would notice.
RUN --mount=type=cache,target=/root/.cache/pip \
    CTXSIZE_BUILD_NATIVE=1 /opt/ctxsize/bin/pip install ".[bake]"

FROM python:3.13-slim-trixie
# git answers what a repository tracks and ignores.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*'
COPY --from=build /opt/ctxsize /opt/ctxsize
ENV PATH=/opt/ctxsize/bin:$PATH
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["ctxsize"]
