# What a person or the continuous integration can ask for. `make` alone prints the list.

PYTHON ?= python3
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input -q

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test fuzz clients check format lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp  ## serve on this machine; make run ARGS="--port 3000"
	@exec $(BIN)/dragoman serve $(ARGS)

test: $(VENV)/dev.stamp  ## every test; make test ARGS="-k stream"
	$(BIN)/python -m pytest -q $(ARGS)

fuzz: $(VENV)/dev.stamp  ## the laws of translation over many more random requests and answers; some minutes
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-400} $(BIN)/python -m pytest -q tests/test_laws_random.py $(ARGS)

fidelity: $(VENV)/dev.stamp  ## write docs/fidelity.md anew, from trials of every pair of dialects
	$(BIN)/python -m tests.fidelity

clients: $(VENV)/run.stamp  ## real clients and coding agents through the gateway, every dialect over every other
	$(BIN)/python tests/clients_run.py $(ARGS)

check: $(VENV)/dev.stamp  ## style, types, borders between modules, shape, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict --cache-dir .mypy_cache/strict src/dragoman/core src/dragoman/dialects
	$(BIN)/mypy src/dragoman
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_shape.py tests/test_docs.py

format: $(VENV)/dev.stamp  ## mend what the style check would complain about
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A pin stays until its range or `make lock UPGRADE=--upgrade` asks for another.
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --strip-extras \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

lock: $(VENV)/dev.stamp  ## write the pinned requirements anew; UPGRADE=--upgrade takes newer versions
	cd requirements && ../$(COMPILE) run.in -o run.txt
	cd requirements && ../$(COMPILE) build.in -o build.txt
	cd requirements && ../$(COMPILE) dev.in -c run.txt -c build.txt -o dev.txt

clean:  ## remove all that these targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -- set-up: each stamp is older than what it came from only when that has changed --

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed; $(PYTHON) is {v.major}.{v.minor}. Name another: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/run.stamp: $(BIN)/python requirements/run.txt requirements/build.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
