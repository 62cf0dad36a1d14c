# Everything in two commands: `make demo` and `make test`. Needs Python 3.11 or later, Git and make.
# ARGS is handed on:  make demo ARGS="--check --keep out"   make test ARGS="tests/core -x"   make bench ARGS="ingest"

SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench simulate vectors words requirements clean run-tools test-tools

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: run-tools ## three hospitals and a patients' agent tell the story (ARGS="--check", "--keep DIR", "--from PATH")
	@$(PYTHON) -m medrec demo $(ARGS)

# Each part runs whatever the one before said, so that one run tells everything; the end is the worst of them.
test: test-tools ## lint, types and all tests; says what was skipped and why (ARGS goes to pytest)
	@mkdir -p out; rm -f out/tests.xml; failed=; \
	$(MAKE) --no-print-directory lint || failed="$$failed lint"; \
	$(PYTHON) -m pytest -n $(WORKERS) --junitxml=out/tests.xml $(ARGS) || failed="$$failed tests"; \
	$(PYTHON) tools/report_skips.py out/tests.xml || failed="$$failed skips"; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed"; exit 1; fi; echo "All is well."

soak: test-tools ## hours of faults on real validators (MINUTES=30, SEED=1): partitions over both kinds of wires, a storm
	@MEDREC_SOAK=$(or $(MINUTES),10) MEDREC_SOAK_SEED=$(or $(SEED),1) $(PYTHON) -m pytest -n 0 tests/network $(ARGS)

lint: test-tools ## ruff, formatting, mypy
	@failed=; \
	$(PYTHON) -m ruff check . || failed=1; \
	$(PYTHON) -m ruff format --check . || failed=1; \
	$(PYTHON) -m mypy || failed=1; \
	[ -z "$$failed" ]

format: test-tools ## put the code into its one form
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

bench: run-tools ## figures beside their bars (ARGS="ingest", PEERS=1 to measure others in the same run, PROFILE=1)
	@$(PYTHON) -m bench $(ARGS)

simulate: test-tools ## whole networks in one process (SEED=17 tells one step by step, SEEDS=100000 plays many)
	@$(PYTHON) -m tests.simulator $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

vectors: test-tools ## make the test vectors anew from their cases and show what changed
	@$(PYTHON) tests/core/ledger_vectors.py
	@$(PYTHON) tests/core/consent/decision_basis.py
	@$(PYTHON) tests/receipt/build.py
	@git --no-pager diff --stat -- tests/vectors
	@git diff --quiet -- tests/vectors && echo "The vectors are as they were." || \
	git --no-pager diff --unified=0 -- tests/vectors | cut -c 1-160

words: test-tools ## bring the catalogues of the pages up to date with the English texts, and say what to translate
	@$(PYTHON) tools/update_words.py

requirements: ## choose and pin the requirements anew (UPGRADE=1 for newer versions)
	@tools/pin_requirements $(if $(UPGRADE),--upgrade)

clean: ## remove everything that was made here
	rm -rf $(VENV) node_modules src/medrec/portal/built out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

run-tools:
	@tools/set_up run

test-tools:
	@tools/set_up test
