# make run: the main job.  make test: all tests.  make check: lint, types, layers.
PYTHON ?= python3
VENV ?= .venv
ENGINE ?= embedded
JOBS ?= 2
BIN := $(VENV)/bin
RUNTIME := fast yaml cli migrate server hypothesis prometheus opentelemetry sentry django flask
UNIT := fast yaml cli migrate server hypothesis prometheus sentry
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-pythons test-oldest test-newest check format structure docs coverage wheel lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Each package in the version, and with the hash, that the last `make lock` found.
$(STAMP): setup.cfg pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $(STAMP)

# What the main job needs, and no more: a new user waits seconds for it and not minutes.
$(VENV)/.installed-%: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[$*]'
	@touch $@

run: $(VENV)/.installed-$(if $(filter oss,$(ENGINE)),oss,server) ## run sample orders through a workflow on the embedded server; ENGINE=oss for the real one
	$(BIN)/python -m examples.order_processing --engine $(ENGINE)

test: $(STAMP) ## run all tests, those on the real server included
	$(BIN)/python tools/run_tests.py -q -n $(JOBS)

test-unit: $(STAMP) ## run the tests that open no socket, in under a minute
	$(BIN)/python tools/run_tests.py -q -n $(JOBS) tests/unit tests/contract tests/packaging

# The unit and contract tests on each other Python that tools/pythons.py finds, from the source tree: `make test` runs
# them on the one of $(VENV). Each takes about 40 s on two cores; the functional tests would take minutes.
test-pythons: $(STAMP) ## run unit and contract tests on every Python from 3.10 to 3.14 that is found
	@$(PYTHON) tools/pythons.py $(if $(CI),--at-least 3)
	@current=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	others=$$($(PYTHON) tools/pythons.py | cut -d' ' -f1 | grep -vx "$$current"); \
	[ -n "$$others" ] || exit 0; \
	$(MAKE) --no-print-directory -j 4 $$(printf '$(VENV)-%s/.installed ' $$others) && \
	for version in $$others; do \
		echo "Python $$version"; $(VENV)-$$version/bin/python tools/run_tests.py -q -n $(JOBS) tests/unit tests/contract || exit 1; \
	done

$(VENV)-3.%/.installed: requirements/unit.txt
	$$($(PYTHON) tools/pythons.py 3.$*) -m venv $(VENV)-3.$*
	$(VENV)-3.$*/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/unit.txt
	@touch $@

$(VENV)-oldest/.installed: setup.cfg requirements/oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install -q --disable-pip-version-check -r requirements/oldest.txt
	$(VENV)-oldest/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

# What speaks to other packages. Without those that need PostgreSQL, schemathesis or gunicorn, and those that start many
# processes to try the same again.
OLDEST := $(addprefix tests/unit/,cli clients contrib models server testing transport worker) $(addprefix tests/functional/,cli django flask embedded testing)
NOT_OLDEST := $(addprefix functional/,django/test_postgres.py django/test_tasks.py embedded/test_schemathesis.py flask/test_processes.py \
	embedded/test_crash.py cli/test_definitions.py cli/test_worker_check.py cli/test_workflow.py) \
	unit/server/test_any_execution.py

test-oldest: $(VENV)-oldest/.installed ## run unit and functional tests with the oldest versions that setup.cfg allows
	$(VENV)-oldest/bin/python tools/run_tests.py -q -n $(JOBS) $(OLDEST) $(addprefix --ignore=tests/,$(NOT_OLDEST))

$(VENV)-newest/.installed: setup.cfg
	$(PYTHON) -m venv $(VENV)-newest
	$(VENV)-newest/bin/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

test-newest: $(VENV)-newest/.installed ## run all tests with the newest versions, whatever is pinned
	$(VENV)-newest/bin/python tools/run_tests.py -q -n $(JOBS)

check: $(STAMP) ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict conductor tests/typing
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

structure: $(STAMP) ## measure size, coupling, and files crossed per operation (docs/design/structure.md)
	$(BIN)/python tools/structure.py

docs: $(STAMP) ## build the site into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# Tests with time limits may fail while they are measured: `make test` decides about failures, this about coverage.
coverage: $(STAMP) ## measure what the tests execute; fails below the target in pyproject.toml
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest -q -n $(JOBS) tests/unit tests/contract tests/functional
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

wheel: $(STAMP) ## build the distributions into dist and check their metadata
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.10 --upgrade --custom-compile-command 'make lock'

lock: $(STAMP) ## pin what the tests and tools run with, each with its hash, and the oldest versions that setup.cfg allows
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(COMPILE) setup.cfg --extra dev --generate-hashes -o requirements/dev.txt
	$(COMPILE) setup.cfg requirements/unit.in $(UNIT:%=--extra %) --constraint requirements/dev.txt --generate-hashes \
		-o requirements/unit.txt
	$(COMPILE) setup.cfg requirements/oldest.in $(RUNTIME:%=--extra %) --resolution lowest-direct --no-annotate \
		-o requirements/oldest.txt

clean: ## remove the environment and what the tools left
	rm -rf $(VENV) $(VENV)-3.* $(VENV)-oldest $(VENV)-newest build dist docs/_build docs/reference/generated *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
