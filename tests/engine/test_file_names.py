"""Which files are Dockerfiles and ignore files, by their names."""

from __future__ import annotations

import pytest

from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file

DOCKERFILES = """
Dockerfile dockerfile DOCKERFILE Containerfile containerfile Dockerfile2
Dockerfile.dev Dockerfile-dev dockerfile-dev Dockerfile_prod Dockerfile.py3.12 Dockerfile.cuda+12
api.Dockerfile web-dockerfile web_Dockerfile .gitpod.Dockerfile .Dockerfile app.containerfile
bridge.Dockerfile.viewer Dockerfile.go Dockerfile.php Dockerfile.tf docs.Dockerfile Dockerfile.docs
docker/Dockerfile src/main/docker/Dockerfile.jvm Dockerfile.test Dockerfile.old
"""
OTHERS = """
dockerfile.ex dockerfile.svg Dockerfile.rego Dockerfile.md dockerfile.go dockerfile.py Dockerfile.py
dockerfile.rb dockerfile_test.go dockerfile.tf dockerfile.png Dockerfile.txt Dockerfile.json
Dockerfile.java dockerfile.tsx dockerfile.json.golden dockerfile.vim Dockerfile.html
Dockerfile.tmLanguage Dockerfile.j2 Dockerfile.in Dockerfile.template Dockerfile.hbs Dockerfile.bak
Dockerfile.orig Dockerfile.rej Dockerfile~ Dockerfile.dev~ .Dockerfile.swp #Dockerfile#
.#Dockerfile Dockerfile.patch Dockerfile.dockerignore Containerfile.containerignore
web.Dockerfile.dockerignore dockerfile_parser.py not-a-dockerfile-at-all Dockerfiles README
update-dockerfile.sh mydockerfile Dockerfile/README
"""
IGNORE_FILES = """
.dockerignore .containerignore Dockerfile.dockerignore web.Dockerfile.containerignore
.DockerIgnore dockerignore docker/Dockerfile.dockerignore
"""
OTHER_IGNORE_FILES = ".gitignore .npmignore .dockerignore.bak mydockerignore .dockerignore~ ignore"


@pytest.mark.parametrize("name", DOCKERFILES.split())
def test_names_of_dockerfiles_are_known(name: str) -> None:
    assert is_dockerfile(name)
    assert not is_ignore_file(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_other_names_are_of_no_dockerfile(name: str) -> None:
    assert not is_dockerfile(name)


@pytest.mark.parametrize("name", IGNORE_FILES.split())
def test_names_of_ignore_files_are_known(name: str) -> None:
    assert is_ignore_file(name)
    assert not is_dockerfile(name)


@pytest.mark.parametrize("name", OTHER_IGNORE_FILES.split())
def test_no_ignore_file(name: str) -> None:
    assert not is_ignore_file(name)
