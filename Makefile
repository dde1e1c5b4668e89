# Two commands do all the set-up: `make demo` and `make test`. Both make an environment in $(VENV).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= eoagent-demo
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test test-full bench clean

demo: $(STAMP)  ## install the core and take the tour
	$(BIN)/eoagent demo --out $(OUT)

test: $(DEV_STAMP)  ## install everything and run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-full: $(DEV_STAMP)  ## the long fault counts too
	$(BIN)/python -m pytest -m "full or not full" --override-ini addopts="--strict-markers --import-mode=importlib -ra --benchmark-skip"

bench: $(DEV_STAMP)  ## speed and memory, beside what one would do by hand
	$(BIN)/python tests/bench/run.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev -e ".[all]"
	touch $@

clean:
	rm -rf $(VENV) $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis
