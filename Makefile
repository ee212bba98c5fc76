# Rivermouth: `make run` runs the product, `make test` tests it. Needs Python >= 3.11 and a package index.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run demo test bench lint format

run: .venv/installed
	@exec $(BIN)/python -m sandbox.launcher.run

# While `make run` is up in another terminal.
demo: .venv/installed
	@exec $(BIN)/python -m sandbox.demo

# Most tests wait for processes and clocks: side by side they wait at the same time. A file stays on one worker, and the
# files' order is the tests' (pyproject.toml, tests/conftest.py).
test: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

# QUICK=1: in minutes, with fewer peers and rounds. AGAINST=FOLDER: another checkout beside this one, in ten minutes.
# `python -m benchmarks --help` has the rest.
bench: .venv/installed
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(AGAINST),--against $(AGAINST))

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	DEBUG=1 DATABASE_URL=postgres://unused REDIS_URL=redis://unused $(BIN)/mypy .
	$(BIN)/lint-imports
	find . -name '*.py' -not -path './.*' -not -path '*/node_modules/*' -exec \
		$(BIN)/django-upgrade --check --target-version 5.2 --skip request_headers {} +

format: .venv/installed
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The stamp is newer than the requirements only after a complete installation.
.venv/installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Rivermouth needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing the dependencies into .venv (once; a minute or two)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements-dev.txt
	@touch $@
