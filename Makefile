# Two commands for a newcomer: `make demo` and `make test`.
# PYTHON chooses the interpreter: make test PYTHON=python3.10

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
DEMO := .venv/demo-$(VERSION)
TEST := .venv/test-$(VERSION)
FUZZ_EXAMPLES ?= 20000
# Tests run in one process more than there are processors, as some wait; JOBS=0 for just one.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST_ARGS ?=
CORE := ctxsize/engine/native/_core.abi3.so
# COV=1 measures coverage, which takes half as long again.
COVERAGE := $(if $(COV),--cov --cov-report=term:skip-covered)

.PHONY: help demo test check pytest pages core wheel same record fuzz sanitize bench clean

help:
	@echo 'make demo      measure an example context'
	@echo 'make test      lint, types and every test'
	@echo 'make check     lint and types only'
	@echo 'make pages     renew the pages, screens and golden files that come from the program'
	@echo 'make core      compile the core, if there is a C compiler'
	@echo 'make wheel     the sdist, and the wheel for this machine, into dist'
	@echo 'make same      show what a change did to the answers of every command (BASE=HEAD)'
	@echo 'make record    ask the real engines everything, and keep their answers'
	@echo 'make fuzz      the property tests at length (FUZZ_EXAMPLES=$(FUZZ_EXAMPLES))'
	@echo 'make sanitize  the tests of the compiled core under the sanitizers of gcc'
	@echo 'make bench     equal lists first, then times beside a C floor, the peers and measure'
	@echo 'make clean     remove the virtual environments and what was built'

demo: $(DEMO)/installed
	$(DEMO)/bin/python examples/generate.py
	$(DEMO)/bin/ctxsize examples/rust-service
	@printf '\nTo measure your own project, type this there:\n  %s\n' "$(CURDIR)/$(DEMO)/bin/ctxsize"

test: check pytest

check: $(TEST)/installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy

pytest: $(TEST)/installed $(CORE)
	$(TEST)/bin/pytest $(COVERAGE) -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

# Each of these tests compares a file with what it is made from, or writes the file: parts of
# pages first, then whole pages, which another process must not write meanwhile.
PARTS := tests/repository/test_recognisers.py::test_the_page_lists_the_rows \
	tests/integrations/test_comment.py::test_the_comment_in_the_documentation \
	tests/clean/test_docs.py tests/lints/test_pages.py tests/recommender/test_knowledge.py
PAGES := tests/test_readme.py tests/test_screens.py tests/test_docs_commands.py \
	tests/cli/test_schema.py tests/page/test_picture.py
GOLDEN := tests/formats/test_suggest.py tests/formats/test_clean.py tests/formats/test_exchange.py \
	tests/formats/test_golden.py tests/formats/test_findings.py tests/cli/test_diff.py \
	tests/cli/test_check.py

pages: $(TEST)/installed $(CORE)
	CTXSIZE_UPDATE=1 $(TEST)/bin/pytest -n $(JOBS) $(PARTS)
	CTXSIZE_UPDATE=1 $(TEST)/bin/pytest -n $(JOBS) $(PAGES) $(GOLDEN)
	git --no-pager diff --stat

core: $(CORE)

# Without a compiler there is no such file: Python walks, and the next run tries again.
$(CORE): ctxsize/engine/native/_core.c hatch_build.py | $(TEST)/installed
	$(TEST)/bin/python hatch_build.py

# Built from the sdist, as pip does it elsewhere; CTXSIZE_BUILD_NATIVE=1 requires the core.
wheel: $(TEST)/installed
	rm -f dist/ctxsize-*
	$(TEST)/bin/python -m hatchling build --target sdist --directory dist
	$(TEST)/bin/python -m pip wheel --quiet --no-cache-dir --no-deps --no-build-isolation \
		--wheel-dir dist dist/ctxsize-*.tar.gz
	@ls dist

# BASE is the revision to compare with: by default the last commit.
same: $(TEST)/installed $(CORE)
	$(TEST)/bin/python -m tests.same $(BASE)

# Needs root, Docker and buildah, and those of tests/oracles/newer-docker in the folder
# that CTXSIZE_NEWER_DOCKER names.
record: $(TEST)/installed $(CORE)
	CI=true CTXSIZE_ENGINES=record $(TEST)/bin/pytest -n $(JOBS) -m engine $(PYTEST_ARGS)
	$(TEST)/bin/python -m tests.oracles.answers

fuzz: $(TEST)/installed $(CORE)
	HYPOTHESIS_PROFILE=fuzz FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(TEST)/bin/pytest -m fuzz $(PYTEST_ARGS)

# Needs gcc with its sanitizers, which Debian's gcc brings along.
sanitize: $(TEST)/installed
	tests/engine/native/sanitize $(TEST)/bin/python $(PYTEST_ARGS)

# BENCH and GROWTH hold options, for instance BENCH='--scale 0.1 --rounds 3'.
bench: $(TEST)/installed $(CORE)
	$(TEST)/bin/python benchmarks/run.py $(BENCH)
	$(TEST)/bin/python benchmarks/growth.py $(GROWTH)

clean:
	rm -rf .venv build dist $(CORE)

# An environment is made again only when pyproject.toml changed,
# that of the demo also with the core, which the installation compiles.
$(DEMO)/installed: pyproject.toml ctxsize/engine/native/_core.c
	$(call make_venv,$(DEMO))
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# `pip install --group` came with pip 25.1.
$(TEST)/installed: pyproject.toml
	$(call make_venv,$(TEST))
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group test
	@touch $@

define make_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	echo '$(PYTHON) does not run or is older than 3.10; choose another: make PYTHON=python3.12 ...' >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo '$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
rm -rf $(1)
$(PYTHON) -m venv $(1)
endef
