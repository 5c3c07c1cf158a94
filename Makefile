# Two commands do everything: `make demo` and `make test`. Each makes .venv and installs what it needs from the
# lock, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint types unit lock clean bench

demo: $(VENV)/.core
	@exec $(BIN)/watchword demo $(ARGS)

test: lint types unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

# --no-deps: the locks are complete, but for the GUI build of OpenCV that one package asks for and that would
# overwrite the headless one (docs/decisions).
$(VENV)/.core: requirements/core.lock pyproject.toml | $(VENV)/.made
	$(PIP) install --no-deps --require-hashes -r requirements/core.lock
	$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.made
	$(PIP) install --no-deps --require-hashes -r requirements/dev.lock
	$(PIP) install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.core

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Watchword needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

UV := $(BIN)/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--no-emit-package opencv-python --no-emit-package watchword --custom-compile-command "make lock"
lock: | $(VENV)/.made
	$(PIP) install --quiet uv
	$(UV) -o requirements/core.lock
	$(UV) --extra dev --extra postgres -o requirements/dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
