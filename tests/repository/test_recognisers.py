"""Each row of `knowledge/builds.toml` on a layout of the form that is in use."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ctxsize.repository import discover
from ctxsize.repository.recognisers import build_commands, file_kinds, may_define_builds
from tests.pages import compare
from tests.trees import Node, build_tree, file

STAGES = b"FROM scratch AS dev\nCOPY . /\nFROM scratch\nCOPY . /\n"
Row = tuple[str, str, str, str]
Case = tuple[list[str | Node], list[Row]]


def written(path: str, text: str) -> Node:
    return file(path, text.encode())


def workflow(step: str) -> Node:
    text = f"on: push\njobs:\n  image:\n    runs-on: ubuntu-24.04\n{step}"
    return written(".github/workflows/image.yml", text)


def uses(action: str, **inputs: str) -> Node:
    given = "".join(f"          {key.replace('_', '-')}: {each}\n" for key, each in inputs.items())
    return workflow(
        f"    steps:\n      - uses: {action}\n        with:\n          tags: a\n{given}"
    )


def behind(step: str, action: str = "docker/build-push-action@v6", **inputs: str) -> Node:
    """A workflow in which another step runs before an action."""
    node = uses(action, **inputs)
    text = node.content.decode()
    return workflow(
        text[text.index("    steps:") :].replace("steps:\n", f"steps:\n      - {step}\n")
    )


BUNDLE = "run: npm ci && npm run build"
APP = file("services/app/Dockerfile", STAGES)
DEPLOY = file("deploy/app.Dockerfile", STAGES)
TOP = file("Dockerfile", STAGES)
BUILT = ("services/app", "services/app/Dockerfile", "", "buildkit")
DEPLOYED = (".", "deploy/app.Dockerfile", "dev", "buildkit")

FILES: dict[str, dict[str, Case]] = {
    "GitHub, Gitea and Forgejo workflows": {
        "depot": (
            [uses("depot/build-push-action@v1", context="services/app", project="x"), APP],
            [BUILT],
        ),
        "blacksmith": (
            [
                uses(
                    "useblacksmith/build-push-action@v2",
                    context="${{ github.workspace }}",
                    file="deploy/app.Dockerfile",
                    target="dev",
                ),
                DEPLOY,
            ],
            [DEPLOYED],
        ),
        "another owner": (
            [uses("acme/ci-build-push-action@v1", context="services/app"), APP],
            [BUILT],
        ),
        "buildah": (
            [
                uses(
                    "redhat-actions/buildah-build@v2",
                    image="a",
                    containerfiles="./deploy/app.Dockerfile",
                ),
                DEPLOY,
            ],
            [(".", "deploy/app.Dockerfile", "", "podman")],
        ),
        "buildah, the file in the context": (
            [
                uses(
                    "redhat-actions/buildah-build@v2",
                    context="services/app",
                    dockerfiles="|\n            Dockerfile",
                    extra_args="|\n            --target=dev\n            --pull",
                ),
                APP,
            ],
            [("services/app", "services/app/Dockerfile", "dev", "podman")],
        ),
        "defaults": (
            [
                workflow(
                    "    defaults:\n      run:\n        working-directory: services/app\n"
                    "    steps:\n      - run: docker build -t a .\n"
                    "      - run: docker build -f deploy/app.Dockerfile --target dev .\n"
                    "        working-directory: .\n"
                    "      - run: cd deploy && docker build $GITHUB_WORKSPACE/other\n"
                ),
                APP,
                DEPLOY,
                file("other/Dockerfile", STAGES),
            ],
            [DEPLOYED, ("other", "other/Dockerfile", "", "buildkit"), BUILT],
        ),
    },
    "GitLab CI": {
        "docker": (
            [
                written(
                    ".gitlab-ci.yml",
                    "variables:\n  DOCKER_HOST: tcp://docker:2376\n  DIR: services/app\n"
                    "image:\n  stage: build\n  image: docker:28\n  before_script:\n"
                    '    - docker login -u "$CI_REGISTRY_USER" $CI_REGISTRY\n'
                    '  script:\n    - docker build --pull -t "$CI_REGISTRY_IMAGE" "$DIR"\n',
                ),
                APP,
            ],
            [BUILT],
        ),
        "one shell": (
            [
                written(
                    ".gitlab-ci.yml",
                    "image:\n  script:\n    - cd services\n    - - cd app\n    - docker build .\n",
                ),
                APP,
            ],
            [BUILT],
        ),
        "kaniko": (
            [
                written(
                    ".gitlab-ci.yml",
                    "image:\n  image:\n    name: gcr.io/kaniko-project/executor:v1.24.0-debug\n"
                    '    entrypoint: [""]\n  script:\n    - /kaniko/executor\n'
                    '      --context "dir://${CI_PROJECT_DIR}/services/app"\n'
                    '      --dockerfile "${CI_PROJECT_DIR}/services/app/Dockerfile" --cache\n'
                    '      --destination "${CI_REGISTRY_IMAGE}:${CI_COMMIT_TAG}"\n',
                ),
                APP,
            ],
            [BUILT],
        ),
    },
    "files that GitLab CI includes, in `.gitlab`": {
        "buildah": (
            [
                written(
                    ".gitlab/ci/image.yml",
                    "image:\n  script:\n"
                    "    - buildah bud --target dev -f deploy/app.Dockerfile .\n",
                ),
                DEPLOY,
            ],
            [(".", "deploy/app.Dockerfile", "dev", "podman")],
        ),
    },
    "CircleCI": {
        "run": (
            [
                written(
                    ".circleci/config.yml",
                    "version: 2.1\njobs:\n  image:\n    working_directory: ~/repo\n    steps:\n"
                    "      - checkout\n      - setup_remote_docker\n      - run: docker info\n"
                    "      - run:\n          name: Build\n          command: |\n"
                    "            docker build -t a -f deploy/app.Dockerfile --target dev .\n"
                    "      - run:\n          working_directory: ~/repo/services/app\n"
                    "          command: docker buildx build --load .\n",
                ),
                APP,
                DEPLOY,
            ],
            [DEPLOYED, BUILT],
        ),
    },
    "Azure Pipelines": {
        "Docker@2": (
            [
                written(
                    "azure-pipelines.yml",
                    "stages:\n- stage: Build\n  jobs:\n  - job: Image\n    steps:\n"
                    "    - task: Docker@2\n      inputs:\n        command: buildAndPush\n"
                    "        repository: a\n"
                    "        dockerfile: $(Build.SourcesDirectory)/services/app/Dockerfile\n"
                    "    - task: Docker@2\n      inputs:\n        command: login\n",
                ),
                APP,
                TOP,
            ],
            [BUILT],
        ),
        "Docker@2, the default": (
            [
                written(
                    "ci/azure-pipelines.yml",
                    "steps:\n- task: Docker@2\n  inputs:\n    repository: a\n    command: build\n",
                ),
                APP,
            ],
            [BUILT],
        ),
        "a step": (
            [
                written(
                    "azure-pipelines.yml",
                    "steps:\n- script: docker build -t a:$(Build.BuildId) .\n"
                    "  workingDirectory: $(System.DefaultWorkingDirectory)/services/app\n",
                ),
                APP,
            ],
            [BUILT],
        ),
    },
    "Jenkins": {
        "declarative": (
            [
                written(
                    "Jenkinsfile",
                    "pipeline {\n  agent any\n  stages {\n    stage('Build') {\n      steps {\n"
                    "        // docker build -t a other\n"
                    "        dir('services/app') {\n"
                    '          sh "docker build -t a:${env.BUILD_ID} ."\n        }\n'
                    "        sh '''\n          set -e\n"
                    "          docker build -f deploy/app.Dockerfile \\\n"
                    "            --target dev .\n        '''\n      }\n    }\n  }\n}\n",
                ),
                APP,
                DEPLOY,
                file("other/Dockerfile", STAGES),
            ],
            [DEPLOYED, BUILT],
        ),
        "scripted": (
            [
                written(
                    "Jenkinsfile",
                    "node {\n  checkout scm\n  docker.withRegistry('https://r', 'id') {\n"
                    '    def app = docker.build("a:${env.BUILD_ID}", \'-f deploy/app.Dockerfile '
                    "--target dev .')\n    app.push()\n"
                    "    docker.build('b', 'services/app')\n"
                    "    def s = sh(script: 'docker build -q other', returnStdout: true).trim()\n"
                    "  }\n}\n",
                ),
                APP,
                DEPLOY,
                file("other/Dockerfile", STAGES),
            ],
            [DEPLOYED, ("other", "other/Dockerfile", "", "buildkit"), BUILT],
        ),
    },
    "Google Cloud Build": {
        "steps": (
            [
                written(
                    "cloudbuild.yaml",
                    "steps:\n- name: gcr.io/cloud-builders/docker\n"
                    "  args: ['build', '-t', 'gcr.io/$PROJECT_ID/a', '-f', 'deploy/app.Dockerfile',"
                    " '--target', 'dev', '.']\n"
                    "- name: gcr.io/kaniko-project/executor:latest\n  args:\n"
                    "  - --destination=gcr.io/$PROJECT_ID/b\n  - --cache=true\n"
                    "- name: 'docker:28'\n  dir: services/app\n  entrypoint: bash\n"
                    "  args: ['-c', 'docker build -t $_NAME .']\n"
                    "substitutions: {_NAME: a}\nimages: [gcr.io/$PROJECT_ID/a]\n",
                ),
                APP,
                DEPLOY,
                TOP,
            ],
            [(".", "Dockerfile", "", "buildkit"), DEPLOYED, BUILT],
        ),
        "json": (
            [
                written(
                    "cloudbuild.json",
                    '{\n\t"steps": [\n\t\t{"name": "gcr.io/cloud-builders/docker",\n'
                    '\t\t "args": ["build", "-t", "a", "services/app"]}\n\t]\n}\n',
                ),
                APP,
            ],
            [BUILT],
        ),
    },
    "Skaffold": {
        "artifacts": (
            [
                written(
                    "skaffold.yaml",
                    "apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts:\n"
                    "    - image: a\n      context: services/app\n"
                    "    - image: b\n      docker:\n        dockerfile: deploy/app.Dockerfile\n"
                    "        target: dev\n    - image: c\n      context: java\n      jib: {}\n"
                    "---\napiVersion: skaffold/v4beta13\nkind: Config\nmetadata: {name: d}\n"
                    "build:\n  artifacts:\n    - image: d\n      context: other\n"
                    "      kaniko: {}\n",
                ),
                APP,
                DEPLOY,
                "java/pom.xml",
                file("other/Dockerfile", STAGES),
            ],
            [DEPLOYED, ("other", "other/Dockerfile", "", "buildkit"), BUILT],
        ),
    },
    "Cursor's cloud agents (`.cursor/environment.json`)": {
        "environment": (
            [
                written(
                    ".cursor/environment.json",
                    '{"build": {"dockerfile": "Dockerfile", "context": ".."}}',
                ),
                file(".cursor/Dockerfile", STAGES),
            ],
            [(".", ".cursor/Dockerfile", "", "buildkit")],
        ),
    },
    "development containers (`devcontainer.json`)": {
        "build": (
            [
                written(
                    ".devcontainer/devcontainer.json",
                    '// See https://aka.ms/devcontainer.json\n{\n\t"name": "a",\n'
                    '\t"build": {\n\t\t"dockerfile": "Dockerfile", /* x */\n\t\t"context": "..",\n'
                    '\t\t"target": "dev",\n\t},\n}\n',
                ),
                file(".devcontainer/Dockerfile", STAGES),
            ],
            [(".", ".devcontainer/Dockerfile", "dev", "buildkit")],
        ),
        "older": (
            [
                written(
                    ".devcontainer/web/devcontainer.json",
                    '{"dockerFile": "Dockerfile", "remoteUser": "a//b"}',
                ),
                file(".devcontainer/web/Dockerfile", STAGES),
            ],
            [(".devcontainer/web", ".devcontainer/web/Dockerfile", "", "buildkit")],
        ),
        "beside": (
            [
                written(".devcontainer.json", '{"build": {"dockerfile": "deploy/app.Dockerfile"}}'),
                DEPLOY,
            ],
            [("deploy", "deploy/app.Dockerfile", "", "buildkit")],
        ),
    },
    "Quadlet units `*.build` of Podman": {
        "unit": (
            [
                written(
                    "deploy/a.build",
                    "[Unit]\nDescription=a\n\n[Build]\nImageTag=localhost/a\n"
                    "File=app.Dockerfile\nTarget = dev\nSetWorkingDirectory=unit\n",
                ),
                DEPLOY,
            ],
            [("deploy", "deploy/app.Dockerfile", "dev", "podman")],
        ),
        "a directory": (
            [
                written("a.build", "[Build]\nImageTag=a\nSetWorkingDirectory=services/app\n"),
                file("services/app/Containerfile", STAGES),
            ],
            [("services/app", "services/app/Containerfile", "", "podman")],
        ),
        "file": (
            [
                written(
                    "deploy/a.build",
                    "[Build]\nImageTag=a\nFile=./app.Dockerfile\nSetWorkingDirectory=file\n",
                ),
                DEPLOY,
            ],
            [("deploy", "deploy/app.Dockerfile", "", "podman")],
        ),
    },
    "Tiltfile": {
        "docker_build": (
            [
                written(
                    "Tiltfile",
                    "load('ext://restart_process', 'docker_build_with_restart')\n"
                    "docker_build('a', './services/app')  # the app\n"
                    "docker_build(\n    'b', context='.', dockerfile='deploy/app.Dockerfile',\n"
                    "    target='dev', build_args={'A': 'b'},\n)\n",
                ),
                APP,
                DEPLOY,
            ],
            [DEPLOYED, BUILT],
        ),
    },
    "Taskfile": {
        "cmds": (
            [
                written(
                    "Taskfile.yml",
                    "version: '3'\nvars:\n  FILE: deploy/app.Dockerfile\ntasks:\n  a:\n"
                    "    dir: services/app\n    cmds:\n      - cmd: docker build -t a .\n"
                    "  b:\n    cmds:\n      - cd services\n"
                    "      - docker build --target dev -f {{.FILE}} .\n",
                ),
                APP,
                DEPLOY,
            ],
            [DEPLOYED, BUILT],
        ),
    },
    "shell scripts": {
        "beside": ([written("services/build.sh", "#!/bin/sh\ndocker build app\n"), APP], [BUILT]),
    },
    "shell scripts without an ending, which begin with `#!`": {
        "the directory above its own": (
            [
                written(
                    "bin/image",
                    '#!/usr/bin/env bash\ncd "$(dirname "$0")/.."\n'
                    "docker build -f deploy/app.Dockerfile --target dev .\n",
                ),
                DEPLOY,
            ],
            [DEPLOYED],
        ),
        "no script": (
            [
                written("NOTES", "docker build services/app\n"),
                written("run", "#!/usr/bin/env python3\n# docker build services/app\n"),
                written("Dockerfile-x", "#!/bin/sh\n# docker build services/app\nFROM scratch\n"),
                APP,
            ],
            [],
        ),
    },
    "Bamboo (`bamboo-specs`)": {
        "a script, and the Docker task": (
            [
                written(
                    "bamboo-specs/bamboo.yml",
                    "version: 2\nstages:\n  - Build: {jobs: [Image]}\nImage:\n  tasks:\n"
                    "  - script:\n      interpreter: SHELL\n      scripts:\n"
                    "      - cd deploy\n"
                    "      - docker build -f app.Dockerfile --target dev ..\n"
                    "  - any-task:\n      plugin-key: com.atlassian.bamboo.plugins."
                    "bamboo-docker-plugin:task.docker.cli\n      configuration:\n"
                    "        commandOption: build\n        dockerfileOption: existing\n"
                    "        repository: a\n        workingSubDirectory: services/app\n",
                ),
                APP,
                DEPLOY,
            ],
            [DEPLOYED, BUILT],
        ),
        "another Docker task": (
            [
                written(
                    "bamboo-specs/bamboo.yml",
                    "Image:\n  tasks:\n  - any-task:\n      plugin-key: com.atlassian.bamboo."
                    "plugins.bamboo-docker-plugin:task.docker.cli\n      configuration:\n"
                    "        commandOption: run\n        image: docker-build\n",
                ),
                TOP,
            ],
            [],
        ),
    },
    "`fly.toml`, at the top": {
        "build": (
            [
                written(
                    "fly.toml",
                    'app = "a"\n[build]\n  dockerfile = "deploy/app.Dockerfile"\n'
                    '  build-target = "dev"\n[build.args]\n  A = "1"\n[env]\nX = "1"\n',
                ),
                DEPLOY,
            ],
            [DEPLOYED],
        ),
        "no Dockerfile, or another ignore file": (
            [
                written("fly.toml", '[build]\nimage = "a"\n'),
                written("fly.staging.toml", '[build]\nbuilder = "paketobuildpacks/builder"\n'),
                written("fly.x.toml", '[build]\ndockerfile = "Dockerfile"\nignorefile = "x"\n'),
                written("sub/fly.toml", '[build]\ndockerfile = "../Dockerfile"\n'),
                TOP,
            ],
            [],
        ),
    },
    "`wrangler.jsonc`, `wrangler.json` and `wrangler.toml`": {
        "beside the Dockerfile": (
            [
                written(
                    "wrangler.jsonc",
                    '{\n  // a comment\n  "containers": [\n    {"class_name": "A", '
                    '"image": "./services/app/Dockerfile", "max_instances": 1,},\n  ],\n}\n',
                ),
                APP,
            ],
            [BUILT],
        ),
        "a context, and an image": (
            [
                written(
                    "workers/a/wrangler.toml",
                    '[[containers]]\nimage = "../../deploy/app.Dockerfile"\n'
                    'image_build_context = "../.."\n[[env.dev.containers]]\n'
                    'image = "registry.cloudflare.com/x/a:1"\n',
                ),
                DEPLOY,
            ],
            [(".", "deploy/app.Dockerfile", "", "buildkit")],
        ),
    },
    "Maven (`pom.xml`)": {
        "exec-maven-plugin": (
            [
                written(
                    "pom.xml",
                    '<project xmlns="http://maven.apache.org/POM/4.0.0"><build><plugins><plugin>'
                    "<artifactId>exec-maven-plugin</artifactId><executions><execution>"
                    "<configuration><executable>docker</executable>"
                    "<workingDirectory>${project.basedir}/deploy</workingDirectory><arguments>"
                    "<argument>build</argument><argument>-f</argument>"
                    "<argument>app.Dockerfile</argument>\n<argument>--target=dev</argument>"
                    "<argument>..</argument></arguments></configuration></execution>"
                    "<execution><configuration><executable>docker</executable><arguments>"
                    "<argument>ps</argument></arguments></configuration></execution>"
                    "</executions></plugin></plugins></build></project>\n",
                ),
                DEPLOY,
            ],
            [DEPLOYED],
        ),
        "dockerfile-maven-plugin": (
            [
                written(
                    "pom.xml",
                    "<project><build><plugins><plugin><artifactId>a</artifactId></plugin><plugin>"
                    "<artifactId>dockerfile-maven-plugin</artifactId><configuration>"
                    "<contextDirectory>${basedir}/services/app</contextDirectory>"
                    "<buildArgs><JAR>target/${project.build.finalName}.jar</JAR></buildArgs>"
                    "</configuration></plugin></plugins></build></project>",
                ),
                written(
                    "no/pom.xml",
                    "<project><build><plugin><artifactId>dockerfile-maven-plugin"
                    "</artifactId></plugin></build></project>",
                ),
                APP,
            ],
            [("services/app", "services/app/Dockerfile", "", "classic")],
        ),
    },
    "Gradle (`build.gradle`, `build.gradle.kts`)": {
        "Groovy": (
            [
                written(
                    "build.gradle",
                    "task image(type: Exec) {\n    commandLine 'docker', 'build',\n"
                    "        '-t', \"${project.name}:1\", '-f', 'deploy/app.Dockerfile',\n"
                    "        '--target', 'dev', '.'\n}\n",
                ),
                DEPLOY,
            ],
            [DEPLOYED],
        ),
        "Kotlin": (
            [
                written(
                    "services/app/build.gradle.kts",
                    'tasks.register<Exec>("image") {\n'
                    '    commandLine("docker", "build", "-t", "$name:$version", ".")\n}\n',
                ),
                APP,
            ],
            [BUILT],
        ),
        "not known where": (
            [
                written(
                    "build.gradle",
                    "exec {\n  workingDir dir\n  commandLine 'docker', 'build', '.'\n}\n",
                ),
                written("a.gradle", "exec { commandLine 'docker', 'build', contextDir }\n"),
                TOP,
            ],
            [],
        ),
    },
    "mise (`mise.toml`)": {
        "tasks": (
            [
                written(
                    "mise.toml",
                    '[tools]\nnode = "22"\n[env]\nDIR = "services/app"\n[tasks]\n'
                    'app = "docker build $DIR"\n[tasks.image]\ndepends = ["app"]\n'
                    'dir = "{{config_root}}/deploy"\nrun = [\n  "echo x",\n'
                    '  "docker build -f app.Dockerfile --target dev ..",\n]\n'
                    '[tasks.here]\ndir = "{{cwd}}"\nrun = "docker build ."\n',
                ),
                APP,
                DEPLOY,
                TOP,
            ],
            [DEPLOYED, BUILT],
        ),
    },
    "mise in directories (`.config/mise.toml`, `.mise/config.toml`)": {
        "the project above": (
            [
                written(".config/mise.toml", "tasks.a = 'docker build services/app'\n"),
                written(
                    ".mise/config.toml",
                    "[tasks.a]\nrun = '''\n#!/usr/bin/env bash\ndocker build \\\n"
                    "  -f deploy/app.Dockerfile --target dev .\n'''\n",
                ),
                APP,
                DEPLOY,
            ],
            [DEPLOYED, BUILT],
        ),
    },
    "file tasks of mise in `mise-tasks`, without an ending": {
        "the project above": (
            [
                written(
                    "services/mise-tasks/image", "#!/usr/bin/env bash\ndocker build -t a app\n"
                ),
                APP,
                TOP,
            ],
            [BUILT],
        ),
    },
    "file tasks of mise in `mise/tasks`, without an ending": {
        "the project above": (
            [
                written("services/app/.mise/tasks/image", "#!/bin/sh\ndocker build .\n"),
                APP,
                TOP,
            ],
            [BUILT],
        ),
    },
    "Makefiles": {
        "CURDIR": (
            [written("Makefile", "a:\n\tcd make; docker build $(CURDIR)/services/app\n"), APP],
            [BUILT],
        ),
    },
    "files that Makefiles include": {
        "at the top": ([written("make/a.mk", "a:\n\tdocker build services/app\n"), APP], [BUILT]),
    },
    "justfile": {
        "variables": (
            [
                written(
                    "justfile",
                    'tag := "a"\ndir := "services/app"\n\n'
                    "build:\n    docker build -t {{tag}} {{ dir }}\n"
                    "\nother target='dev':\n    #!/usr/bin/env bash\n    cd deploy\n"
                    "    docker build -f app.Dockerfile .\n",
                ),
                APP,
                DEPLOY,
            ],
            [("deploy", "deploy/app.Dockerfile", "", "buildkit"), BUILT],
        ),
    },
    "further justfiles and `*.just`": {
        "module": (
            [
                written("services/justfile", "a:\n    docker build {{source_directory()}}/app\n"),
                APP,
            ],
            [BUILT],
        ),
    },
    "`package.json`": {
        "scripts": (
            [written("package.json", '{"scripts": {"a": "docker build services/app"}}'), APP],
            [BUILT],
        ),
    },
}

COMMANDS: dict[str, dict[str, list[Row]]] = {
    "`docker build`, `docker buildx build`, `nerdctl build`, `finch build`, `depot build`": {
        "docker buildx build --push -t a services/app": [BUILT],
        "depot build --save --platform linux/amd64,linux/arm64 services/app": [BUILT],
        "nerdctl build -f deploy/app.Dockerfile --target=dev .": [DEPLOYED],
        "finch build -t a services/app": [BUILT],
    },
    "`podman build`, `buildah build`": {
        "buildah build --layers -t a services/app": [(*BUILT[:3], "podman")],
    },
    "`container build` of Apple": {
        "container build --tag a --file services/app/Dockerfile services/app": [BUILT],
        "cd services/app; container build -t a": [BUILT],
    },
    "`buildctl build --local context=…`": {
        "buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=deploy "
        "--opt filename=app.Dockerfile --opt target=dev --output type=image,name=a": [DEPLOYED],
        "buildctl build --frontend=dockerfile.v0 --local=context=services/app "
        "--local dockerfile=services/app --opt build-arg:A=b": [BUILT],
    },
    "the executor of kaniko": {
        "/kaniko/executor -c services/app --no-push": [BUILT],
        "executor --context services/app": [],
    },
    "`gcloud builds submit --tag`": {
        "gcloud builds submit --tag gcr.io/a/b services/app": [BUILT],
        "cd services/app && gcloud builds submit -t gcr.io/a/b --async": [BUILT],
        "gcloud builds submit --config x.yaml services/app": [],
    },
}


def found(root: Path) -> list[Row]:
    """The builds that are more than guesses."""
    return [
        (
            os.path.relpath(each.build.context, root),
            os.path.relpath(each.build.dockerfile or "", root),
            each.build.target,
            each.build.builder,
        )
        for each in discover(str(root)).builds
        if not each.guessed
    ]


@pytest.mark.parametrize(
    ("title", "case"), [(t, case) for t, cases in FILES.items() for case in cases]
)
def test_builds_of_each_kind_of_file_are_found(title: str, case: str, tmp_path: Path) -> None:
    nodes, expected = FILES[title][case]
    root = build_tree(tmp_path / "repository", nodes)
    assert found(root) == expected
    assert not discover(str(root)).problems


@pytest.mark.parametrize(
    ("title", "text"), [(t, e) for t, cases in COMMANDS.items() for e in cases]
)
def test_builds_of_each_command_are_found(title: str, text: str, tmp_path: Path) -> None:
    script = file("build.sh", f"#!/bin/sh\n{text}\n".encode())
    assert (
        found(build_tree(tmp_path / "repository", [script, APP, DEPLOY])) == COMMANDS[title][text]
    )


def test_each_row_has_a_case() -> None:
    assert {each.title for each in file_kinds()} == FILES.keys() | {"goreleaser"}
    assert {each.title for each in build_commands()} == COMMANDS.keys()


ELSEWHERE: dict[str, tuple[list[str | Node], list[str]]] = {
    # case: (the tree, each Dockerfile that is built with a context of its own, and who does so)
    "goreleaser": (
        [
            written(
                ".goreleaser.yaml",
                "dockers:\n  - image_templates: [a]\n    dockerfile: services/app/Dockerfile\n"
                "    extra_files: [LICENSE]\ndockers_v2:\n  - images: [a]\n",
            ),
            APP,
            TOP,
        ],
        ["Dockerfile goreleaser", "services/app/Dockerfile goreleaser"],
    ),
    "goreleaser, a template": (
        [written(".goreleaser.yaml", 'dockers: [{dockerfile: "{{ .Env.DOCKERFILE }}"}]\n')],
        [],
    ),
    "goreleaser, and a script": (
        [
            written(".goreleaser.yaml", "dockers: [{image_templates: [a]}]\n"),
            written("Makefile", "image:\n\tdocker build .\n"),
            TOP,
        ],
        [],
    ),
    "docker-maven-plugin": (
        [
            written(
                "pom.xml",
                "<project><images><image><build><dockerFile>Dockerfile</dockerFile></build></image>"
                "<image><build><contextDir>${project.basedir}/services/app</contextDir></build>"
                "</image></images></project>",
            ),
            file("src/main/docker/Dockerfile", STAGES),
            APP,
        ],
        [
            "services/app/Dockerfile docker-maven-plugin",
            "src/main/docker/Dockerfile docker-maven-plugin",
        ],
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_no_context_is_guessed_for_what_a_tool_sends_itself(case: str, tmp_path: Path) -> None:
    nodes, expected = ELSEWHERE[case]
    root = build_tree(tmp_path / "repository", nodes)
    discovery = discover(str(root))
    assert not any(each.guessed for each in discovery.builds)
    notes = [problem for problem in discovery.problems if problem.code == "elsewhere"]
    assert [
        f"{os.path.relpath(note.path or '', root)} {note.message.split()[6]}" for note in notes
    ] == expected
    for note in notes:
        assert note.message.startswith("no directory here is its context: ")


FROM_GIT: dict[str, tuple[Node, list[str]]] = {
    "depot": (
        behind(BUNDLE, "depot/build-push-action@v1", project="x"),
        ["set `context: .` to send"],
    ),
    "bake": (behind(BUNDLE, "docker/bake-action@v6.9.0", targets="a"), ["set `source: .` to send"]),
    "bake, a directory": (
        behind(BUNDLE, "docker/bake-action@v7", source='"{{defaultContext}}:app"'),
        ["set `source: .` to send"],
    ),
    "bake, local": (behind(BUNDLE, "docker/bake-action@v6", source="."), []),
    "bake, a commit, of which the version is not known": (
        behind(BUNDLE, "docker/bake-action@3acf805d94d93a86cce4ca44798a76464a75b88c"),
        [],
    ),
    "bake, a commit with its version in a comment": (
        behind(BUNDLE, "docker/bake-action@3acf805d94d93a86cce4ca44798a76464a75b88c # v6.9.0"),
        ["set `source: .` to send"],
    ),
    "bake, a commit with its version for a tool": (
        behind(BUNDLE, "'docker/bake-action@3acf805d94d93a86cce4ca44798a76464a75b88c' # tag=v7"),
        ["set `source: .` to send"],
    ),
    "bake, a commit of an old version": (
        behind(BUNDLE, "docker/bake-action@3acf805d94d93a86cce4ca44798a76464a75b88c # v5.1.0"),
        [],
    ),
    "bake, an old version": (behind(BUNDLE, "docker/bake-action@v5", workdir="."), []),
    "bake, its subaction": (
        behind(BUNDLE, "docker/bake-action/subaction/matrix@v6", target="a"),
        [],
    ),
    "reusable": (
        workflow(
            "    uses: docker/github-builder/.github/workflows/build.yml@v1\n"
            "    with:\n      output: image\n      context: services/app\n"
        ),
        [],
    ),
    "an artefact": (behind("uses: actions/download-artifact@v4"), ["set `context: .` to send"]),
    "a binary": (behind("run: go build -o app ."), ["set `context: .` to send"]),
    "a copy": (behind("run: cp /etc/hosts hosts"), ["set `context: .` to send"]),
    "nothing before": (uses("docker/build-push-action@v6"), []),
    "a checkout": (behind("uses: actions/checkout@v4"), []),
    "tests": (behind("run: npm ci && npm test && go test ./... && cargo test"), []),
    "outputs": (behind("run: echo tag=1 >> $GITHUB_OUTPUT"), []),
    "another owner": (behind(BUNDLE, "acme/build-push-action@v1", image="x"), []),
}


@pytest.mark.parametrize("case", FROM_GIT)
def test_steps_that_build_from_git_are_findings(case: str, tmp_path: Path) -> None:
    node, expected = FROM_GIT[case]
    root = build_tree(tmp_path / "repository", [node, TOP])
    findings = discover(str(root)).findings
    assert [
        (each.code, (each.help or "").split(" a checked")[0].split(" the checked")[0])
        for each in findings
    ] == [("CTX310", text) for text in expected]
    assert found(root) == []


UNKNOWN: dict[str, Node] = {
    "two files for buildah": uses(
        "redhat-actions/buildah-build@v2", containerfiles="|\n            a\n            b"
    ),
    "another owner without a context": uses("acme/build-push-action@v1", image="x"),
    "GitLab, a variable": written(".gitlab-ci.yml", "a:\n  script: docker build $DIR\n"),
    "GitLab, two values": written(
        ".gitlab-ci.yml",
        "a:\n  variables: {DIR: a}\n  script: docker build $DIR\n"
        "b:\n  variables: {DIR: b}\n  script: docker build $DIR\n",
    ),
    "GitLab, an input": written(".gitlab-ci.yml", "a:\n  script: docker build $[[ inputs.dir ]]\n"),
    "CircleCI, a parameter": written(
        ".circleci/config.yml",
        "jobs: {a: {steps: [{run: docker build << parameters.dir >>}]}}\n",
    ),
    "CircleCI, a directory": written(
        ".circleci/config.yml",
        "jobs: {a: {steps: [{run: {working_directory: $DIR, command: docker build .}}]}}\n",
    ),
    "Docker@2, a variable": written(
        "azure-pipelines.yml",
        "steps:\n- task: Docker@2\n  inputs: {Dockerfile: $(dir)/Dockerfile}\n",
    ),
    "Docker@2, many": written("azure-pipelines.yml", "steps:\n- task: Docker@2\n"),
    "Jenkins, a variable": written("Jenkinsfile", "node { sh 'docker build ' + dir }\n"),
    "Jenkins, a directory": written("Jenkinsfile", "dir(x) { sh 'docker build .' }\n"),
    "docker.build, a variable": written("Jenkinsfile", 'docker.build("a", "-f ${file} .")\n'),
    "Cloud Build": written(
        "cloudbuild.yaml", "steps: [{name: gcr.io/cloud-builders/docker, args: [build, $_DIR]}]\n"
    ),
    "Skaffold": written("skaffold.yaml", "build: {artifacts: [{image: a, context: '{{.DIR}}'}]}\n"),
    "devcontainer": written(".devcontainer.json", '{"build": {"dockerfile": "${localEnv:FILE}"}}'),
    "Quadlet": written("a.build", "[Build]\nFile=%h/Dockerfile\nSetWorkingDirectory=unit\n"),
    "Tilt, a variable": written("Tiltfile", "docker_build('a', dir)\n"),
    "Tilt, a part of the context": written("Tiltfile", "docker_build('a', '.', only=['x'])\n"),
    "Task": written(
        "Taskfile.yml", "tasks: {a: 'docker build {{.DIR}}', b: {cmd: 'docker build {{.DIR}}'}}\n"
    ),
    "just, a variable": written("justfile", "a dir:\n    docker build {{ dir }}\n"),
    "just, a directory": written("justfile", "[no-cd]\na:\n    docker build .\n"),
    "buildctl": written("a.sh", "buildctl build --local context=$1 --local dockerfile=.\n"),
    "kaniko": written("a.sh", "/kaniko/executor --context $1\n"),
    "gcloud, an unknown option": written("a.sh", "gcloud builds submit --new x --tag $1\n"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_written_out_contests_guesses(case: str, tmp_path: Path) -> None:
    nodes = [UNKNOWN[case], file("a/Dockerfile", STAGES), file("b/Dockerfile", STAGES)]
    root = build_tree(tmp_path / "repository", nodes)
    builds = discover(str(root)).builds
    assert [(each.guessed, each.contested) for each in builds] == [(True, True)] * 2


APP_ONLY = [("app", "app/Dockerfile", "", "buildkit")]
AROUND: dict[str, Case] = {
    "GitLab, before_script of the document": (
        [written(".gitlab-ci.yml", "before_script: cd app\na: {script: docker build .}\n")],
        APP_ONLY,
    ),
    "GitLab, default": (
        [
            written(
                ".gitlab-ci.yml",
                "default: {before_script: [cd app]}\na: {script: [docker build .]}\n"
                "b: {before_script: [], script: docker build -f Other app}\n",
            )
        ],
        APP_ONLY,
    ),
    "GitLab, extends": (
        [
            written(
                ".gitlab-ci.yml",
                ".a: {before_script: [cd app]}\n.b: {extends: .a, script: docker build .}\n"
                "c: {extends: [.b]}\n",
            )
        ],
        APP_ONLY,
    ),
    "GitLab, an unknown base": (
        [written(".gitlab-ci.yml", "a: {extends: .elsewhere, script: docker build .}\n"), TOP],
        [],
    ),
    "GitLab, a base that changes nothing": (
        [
            written(
                ".gitlab-ci.yml",
                "a: {extends: .x, before_script: cd app, script: docker build .}\n",
            )
        ],
        APP_ONLY,
    ),
    "GitLab, a reference": (
        [
            written(
                ".gitlab-ci.yml",
                "a: {script: [!reference [.in, before_script], docker build .]}\n",
            ),
            TOP,
        ],
        [],
    ),
    "GitLab, a variable made of the top": (
        [
            written(
                ".gitlab-ci.yml",
                "variables: {DIR: $CI_PROJECT_DIR/app}\n"
                "a: {script: /kaniko/executor --context $DIR --dockerfile $DIR/Dockerfile}\n",
            )
        ],
        APP_ONLY,
    ),
    "Azure, a list of variables": (
        [
            written(
                "azure-pipelines.yml",
                "variables:\n- name: file\n  value: $(Build.SourcesDirectory)/app/Dockerfile\n"
                "steps:\n- task: Docker@2\n  inputs: {Dockerfile: $(file)}\n",
            )
        ],
        APP_ONLY,
    ),
    "GitHub, a variable": (
        [
            workflow(
                "    env: {DIR: app}\n    steps:\n    - uses: docker/build-push-action@v6\n"
                "      with: {context: '${{ env.DIR }}'}\n"
            )
        ],
        APP_ONLY,
    ),
    "kaniko, a directory of the context": (
        [written("a.sh", "/kaniko/executor --context . --context-sub-path app\n")],
        APP_ONLY,
    ),
    "options before the subcommand": (
        [
            written(
                "a.sh",
                "docker --context r build app\ndocker buildx --builder b build -f Other app\n",
            )
        ],
        APP_ONLY,
    ),
    "buildctl-daemonless": (
        [
            written(
                "a.sh",
                "buildctl-daemonless.sh --addr x build --local context=app "
                "--local dockerfile=app\n",
            )
        ],
        APP_ONLY,
    ),
    "CircleCI, the directory of a job": (
        [
            written(
                ".circleci/config.yml",
                "jobs: {a: {working_directory: /go/src/x, steps: [{run: docker build app}]}}\n",
            )
        ],
        APP_ONLY,
    ),
    "Taskfile, short tasks": (
        [written("Taskfile.yml", "tasks: {a: docker build app, b: [docker build .]}\n"), TOP],
        [(".", "Dockerfile", "", "buildkit"), *APP_ONLY],
    ),
    "Jenkins, two texts": (
        [written("Jenkinsfile", "docker.build('a', '--target=dev ' + 'app')\n")],
        [("app", "app/Dockerfile", "dev", "buildkit")],
    ),
    "Cloud Build, below the top": (
        [
            written(
                "ci/cloudbuild.yaml",
                "steps: [{name: gcr.io/cloud-builders/docker, args: [build, app]}]\n",
            ),
            file("ci/app/Dockerfile", STAGES),
        ],
        APP_ONLY,
    ),
    "two builders": (
        [written("a.sh", "docker build app\npodman build app\n")],
        [*APP_ONLY, ("app", "app/Dockerfile", "", "podman")],
    ),
}


@pytest.mark.parametrize("case", AROUND)
def test_what_stands_around_a_build_counts(case: str, tmp_path: Path) -> None:
    nodes, expected = AROUND[case]
    app = [file("app/Dockerfile", STAGES)]
    assert found(build_tree(tmp_path / "repository", [*nodes, *app])) == expected


def test_the_agent_of_a_jenkinsfile_contests_guesses(tmp_path: Path) -> None:
    agent = written("Jenkinsfile", "pipeline { agent { dockerfile { dir 'build' } } }\n")
    (build,) = discover(str(build_tree(tmp_path / "repository", [agent, TOP]))).builds
    assert build.contested


def tables() -> dict[str, str]:
    """The tables of `docs/scan.md`, by the names in its comments."""
    rows = [(each.title, each.reads, each.build) for each in file_kinds()]
    files = ["| files | what is read |", "|---|---|"]
    for title, reads, forms in rows:
        actions = [each.title for each in forms if each.title and len(forms) > 2]
        text = reads + "".join(f"<br>{each}" for each in actions)
        files.append(f"| {title} | {text} |")
    return {
        "files": "\n".join(files),
        "commands": "\n".join(f"- {each.title}" for each in build_commands()),
    }


def test_the_page_lists_the_rows() -> None:
    page = Path(__file__).parents[2] / "docs/scan.md"
    text = page.read_text()
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{table}\n{end}{rest.split(end)[1]}"
    compare(page, text)


def test_a_last_name_is_enough_for_kinds_that_name_no_directory() -> None:
    """Else a path might be one of a kind whose last name is none."""
    for kind in file_kinds():
        if "/" in kind.name.replace("[^/]", ""):
            continue
        letters = re.sub(r"\\.|\[\^/\]", "", kind.name)  # without escapes, and without a slash
        assert not re.search(r"[.\[]", letters), kind.name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *(("a.sh", True), ("x/a.sh", True), ("x/y/Makefile", True), ("x/JENKINSFILE.b", True)),
        *((".github/workflows/a.yml", True), ("x/.gitlab/b/c.yml", True), ("package.json", True)),
        *(("justfile", True), ("x/.justfile", True), (".devcontainer/a/devcontainer.json", True)),
        *(("a.sh/x", False), ("workflows/a.yml", False), ("x/a.o", False), ("", False)),
        *(("Makefile/a", False), ("x.yml", False), ("a\n.sh", True), ("x\n/a.sh", True)),
    ],
)
def test_a_path_may_define_builds_if_a_kind_says_so(path: str, expected: bool) -> None:
    assert may_define_builds(path) == expected
    named = [kind for kind in file_kinds() if not kind.begins]
    assert any(kind.pattern.fullmatch(path) for kind in named) == expected
