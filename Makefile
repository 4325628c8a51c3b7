# Everything from a fresh clone: each target first makes .venv and installs into it what constraints.txt names.
#
# PYTHON     which Python makes .venv (3.10 or later)
# PIP_FLAGS  handed to pip; --extra-index-url with an index of CPU wheels of torch, say, where the default one is a CUDA build
# WORKERS    test processes, one thread each
# DATA       folder of the public data sets, for `make bench`
PYTHON ?= python3
PIP_FLAGS ?=
WORKERS ?= 2
DATA ?= ../shared/data

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt
INSTALLED := .venv/.installed

.PHONY: help install demo test quick lint format docs bench clean

help:
	@echo "make demo    train on dates that the program makes, print the score and two predictions"
	@echo "make test    every test"
	@echo "make quick   the tests that take less than a few seconds each"
	@echo "make lint    ruff and pyright"
	@echo "make format  ruff's formatting and its safe mending"
	@echo "make docs    write docs/cli.md and docs/config.md anew"
	@echo "make bench   the measurements of benchmarks/README.md (DATA=$(DATA))"
	@echo "make clean   remove .venv and caches"

install: $(INSTALLED)

# torch goes first and alone: the constraint holds it to one version before anything else can ask for another.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) -e '.[train,sound,parquet,report,tensorboard,bench,dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/seqloom train --example dates --out runs/demo --overwrite --budget 2m
	$(BIN)/seqloom evaluate runs/demo
	$(BIN)/seqloom predict runs/demo "3 March 1984" "Saturday, July 4th, 2015"

# One thread a test process: two that each take all cores are several times slower than two that share them.
test: $(INSTALLED)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

quick: $(INSTALLED)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)
	$(BIN)/python -m seqloom.reference docs

bench: $(INSTALLED)
	$(BIN)/python benchmarks/main_job.py --data $(DATA)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
