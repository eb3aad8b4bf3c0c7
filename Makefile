# Every verb sets up what it needs: `make` alone prints them.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# What is compiled is kept: where a machine forbids it, each of the many processes that are started compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo test browser check bench faults mutants forecast nightly constraints clean

help: ## print these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml deployments/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "acredita needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "setting up $(VENV) (once, about two minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deployments/constraints.txt -e '.[dev]'
	@touch $(READY)

run: $(READY) ## start everything: Prefect server, database, demo or your program, schedules
	@$(BIN)/acredita up

demo: $(READY) ## replay the whole Mexico program on a synthetic cohort and print its report
	@$(BIN)/acredita replay mexico

# Of the three processes one mostly waits for the Prefect server and for processes that it killed.
test: $(READY) ## the fast suite, on two cores
	@$(BIN)/python -m pytest -n 3 --dist loadgroup

browser: $(READY) ## what people see, in Debian's Chromium
	@$(BIN)/python -m pytest tests/browser

check: $(READY) ## lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY) ## ratios to the bare driver and to bare connections, as tables
	@$(BIN)/python -m tests.benchmarks.bench --write

forecast: $(READY) ## the forecast judged on cohorts it has not seen, as tables
	@$(BIN)/python -m tests.benchmarks.forecast.measure

faults: $(READY) ## kill, stop, fill and unplug what delivers mail, and count what was lost or sent twice
	@$(BIN)/python -m tests.faults.campaign --write

mutants: $(READY) ## deliberate bugs of the delivery: which schedule of the simulation finds each
	@$(BIN)/python -m tests.simulated.mutants

nightly: $(READY) ## the laws with many more examples, every day of the program, and a real worker
	@ACREDITA_HYPOTHESIS=nightly $(BIN)/python -m pytest -m "nightly or not nightly" tests/unit tests/simulation tests/integration/test_worker.py

constraints: $(READY) ## write the versions of this environment as the ones to install
	@$(BIN)/python -m pip freeze --exclude-editable --exclude acredita | grep -v '@ ' > deployments/constraints.txt

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
