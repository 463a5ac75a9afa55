# Two commands do everything: make book, make test.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
LOCKED := --require-hashes -r requirements.lock
# The machine's uv if it runs; or else one that pip brings.
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)
INSTALLER := analysis_lib/book/unpacked/installer.lock
# A file of tests stays in one process, and shares there what it has built; the longest begin first.
TESTS := -m pytest -n 2 --dist loadfile --no-loadscope-reorder -p no:nbval
# Parts that need nothing of each other run at once, so that no core waits for the end of one; what
# a part says stands together.
TOGETHER := --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),-O)
# Dozens of processes import the same modules: each is compiled once.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: book pdf lint check test units pages cells lab refresh reconstruct simulate bench mutants
.PHONY: new-version lock clean help
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'

book: $(READY)  ## check the data, run the notebooks, write _build/html
	@$(BIN)/python -m analysis_lib build

pdf: $(READY)  ## print the whole book to _build/book.pdf (needs Chromium)
	@$(BIN)/python -m analysis_lib pdf

lint: $(READY)  ## style, types, and the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: $(READY)  ## the quick one: lint, and the unit tests but the slow, on fewer examples
	@$(MAKE) $(TOGETHER) lint units QUICK='-m "not slow" --hypothesis-profile quick'

test: $(READY)  ## all of it: every unit test on all examples, the book in a browser, every notebook
	@echo "four parts: lint, unit tests, book with its pages, notebooks; each tells when it has ended"
	@$(MAKE) $(TOGETHER) lint units pages cells

units: $(READY)
	$(BIN)/python $(TESTS) tests/unit -q $(QUICK)

pages: book
	$(BIN)/python $(TESTS) tests/book tests/browser

cells: $(READY)
	PYTHONPATH=tests:$$PYTHONPATH $(BIN)/python -m pytest notebooks -n 2 --dist loadfile -p nbval_kernels \
	  --no-loadscope-reorder --nbval --nbval-kernel-name python3 --nbval-cell-timeout 300 \
	  --nbval-sanitize-with analysis_lib/book/unpacked/tests/nbval_sanitize.cfg -o addopts= -q

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

refresh: $(READY)  ## run the notebooks in place, so that their stored outputs are current
	@$(BIN)/python tools/notebooks.py notebooks/*.ipynb

reconstruct: $(READY)  ## compute the effects that the review does not print, into data/
	@$(BIN)/python tools/reconstruct.py

simulate: $(READY)  ## simulate how often intervals cover at the review's designs, into book/tables/
	@$(BIN)/python tools/simulate.py --workers 2
	@$(BIN)/python tools/subgroup_level.py

bench: book  ## measure speed, memory and pages, into benchmarks/
	$(BIN)/python benchmarks/run.py --book
	$(BIN)/python benchmarks/pages.py

mutants: $(READY)  ## change the code a little, and count how many changes the tests see (an hour)
	@$(PIP) --upgrade --target _build/mutmut "mutmut==3.8.1"
	@PYTHONPATH=$(CURDIR)/_build/mutmut nice $(BIN)/python tools/mutants.py

new-version: $(READY)  ## record a version of the data: make new-version VERSION=1.2 NOTE="..."
	@$(BIN)/python -m analysis_lib version . "$(VERSION)" --note "$(NOTE)" \
	  --status "living: searched and screened again when somebody brings a trial"

lock:  ## solve the environment again (needs uv)
	uv pip compile pyproject.toml --extra book --extra test --universal --generate-hashes \
	  --no-emit-index-url --no-header --upgrade -q -o requirements.lock
	echo uv | uv pip compile - --only-binary :all: --emit-build-options --universal \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade -q -o $(INSTALLER)

clean:  ## remove what was built, and the environment
	rm -rf _build .venv

$(READY): requirements.lock pyproject.toml
	@echo "making the environment, in less than a minute"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; found $$($(PYTHON) --version)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(if $(UV),,$(PIP) --require-hashes -r $(INSTALLER) || true)
	@$(or $(UV),$(BIN)/uv) pip install -q --python $(BIN)/python $(LOCKED) || \
	  { echo "without uv: pip installs, in one to three minutes"; $(PIP) $(LOCKED); }
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
