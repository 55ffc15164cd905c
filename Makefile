# make run      set up .venv and run the whole chain on the embedded default: no GPU, no endpoint, no account
# make run-full the same in half an hour: the model also reads passages, refuses, and keeps what its base could
# make test     set up .venv with the test tools, then lint, type-check and run all tests
# make setup    only the set-up for a CPU;  make setup-gpu: the set-up for an NVIDIA GPU
# On Linux, PIP_EXTRA_INDEX_URL can name PyTorch's CPU wheel index to keep CUDA out of a CPU environment.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run run-full test test-fast torture lint audit sbom lock setup setup-gpu clean

# The first Python that is 3.11 or 3.12; override with `make run PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python; do \
	$$p -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
PIP := .venv/bin/python -m pip --disable-pip-version-check
LOCKED := install --quiet --progress-bar on --no-deps --require-hashes
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONUNBUFFERED := 1

run: .venv/.setup
	@doclore check
	dvc repro
	@doclore summary

# The same model in half an hour: it also reads, refuses and keeps what its base could (docs/howto/recipes.md).
run-full: .venv/.setup
	@doclore check
	doclore rehearse --answers 5
	dvc exp run $$(doclore preset know-and-read --dry-run) -S train.learning_rate=0.0011
	@doclore summary

# As many processes as there are cores; the tests of a file stay in one. conftest.py orders the files.
PYTEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --durations=15

test: lint
	$(PYTEST)

test-fast: .venv/.setup-test
	$(PYTEST) -m "not slow"

# Kills, faults, damage, full disks, hostile pages, two of everything: what is lost (docs/trust.md). Half an hour, or one
# kind of trial: make torture ONLY=kills
torture: .venv/.setup-test
	python -m bench.torture $(if $(ONLY),--only $(ONLY))

lint: .venv/.setup-test
	ruff format --check .
	ruff check .
	mypy

# Known vulnerabilities of the pinned versions, from PyPI's advisories; needs the network.
audit: .venv/.setup
	$(PIP) install --quiet pip-audit==2.10.1
	.venv/bin/pip-audit --disable-pip --require-hashes --requirement requirements.txt --requirement requirements-nodeps.txt
	.venv/bin/pip-audit --disable-pip --no-deps --requirement requirements-torch.txt

# What is installed, as a CycloneDX bill of materials with versions and licences, for a release.
sbom: .venv/.setup .cache/sbom/bin/cyclonedx-py
	.cache/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.cdx.json .venv/bin/python

.cache/sbom/bin/cyclonedx-py: | .venv/bin/python
	.venv/bin/python -m venv .cache/sbom
	.cache/sbom/bin/pip --disable-pip-version-check install --quiet cyclonedx-bom==7.5.0

# The hashes of all files of the versions that requirements*.txt name, after a version was moved; needs uv.
HASHES := uv pip compile --quiet --generate-hashes --no-deps --no-annotate --no-header --universal --python-version 3.11
lock:
	@for file in requirements.txt requirements-nodeps.txt requirements-test.txt; do \
		{ grep '^\#' $$file; grep -o '^[A-Za-z0-9][^ ;]*' $$file | $(HASHES) -; } > $$file.new && mv $$file.new $$file || exit 1; \
	done

setup: .venv/.setup

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "doclore needs Python 3.11 or 3.12 with venv; type: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || \
		{ echo "PYTHON=$(PYTHON) is not Python 3.11 or 3.12 with venv; name another"; exit 1; }
	$(PYTHON) -m venv .venv

# Each step leaves a mark; what is marked and unchanged is not done again.
.venv/.torch: requirements-torch.txt | .venv/bin/python
	@test -e .venv/.gpu || $(PIP) install --quiet --progress-bar on -r requirements-torch.txt
	@touch $@

.venv/.setup: .venv/.torch requirements.txt requirements-nodeps.txt pyproject.toml doclore/launcher.py
	@test -e .venv/.gpu || $(PIP) $(LOCKED) -r requirements.txt
	@test -e .venv/.gpu || $(PIP) $(LOCKED) -r requirements-nodeps.txt
	$(PIP) install --quiet --no-deps .
	@touch $@

.venv/.setup-test: .venv/.setup requirements-test.txt
	$(PIP) $(LOCKED) -r requirements-test.txt
	@touch $@

# PyTorch for the CUDA that driver and cards run: cu130 from the package index, cu126 from PyTorch's own. `CUDA=cu126` names
# it where there is no card yet, as in an image. Everything else in the versions that a CPU gets, from a lock with hashes.
# The marks keep later makes from bringing the CPU's packages.
CUDA ?=
PYTORCH_INDEX ?= https://download.pytorch.org/whl

setup-gpu: | .venv/bin/python
	@cuda=$(CUDA); test -n "$$cuda" || cuda=$$(.venv/bin/python stages/commands/examining/cards.py) || exit 1; \
	case $$cuda in \
		cu130) $(PIP) $(LOCKED) -r requirements-cu130.txt ;; \
		cu126) $(PIP) install --index-url $(PYTORCH_INDEX)/cu126 -r requirements-cu126.txt ;; \
		*) echo "CUDA=$$cuda: accepted is cu130 or cu126"; exit 1 ;; \
	esac
	$(PIP) $(LOCKED) -r requirements-gpu.txt
	$(PIP) install --quiet --no-deps .
	@touch .venv/.gpu .venv/.torch .venv/.setup

clean:
	rm -rf .venv .cache/models .cache/tiktoken .cache/unsloth_compiled data/docs.jsonl data/chunks.jsonl data/dataset data/formatted data/rejected.jsonl models reports
