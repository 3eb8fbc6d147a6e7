# Two commands: `make demo` and `make test`. Each makes .venv when it is missing and starts at once when it is there.
PYTHON ?= python3
BIN := .venv/bin
# EXTRAS=radiomics,dev leaves out what one does not need.
EXTRAS ?= all,dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Plugins that no test needs take seconds to load in every worker. Files go out whole, in the order of tests/conftest.py.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -p no:nbmake -p no:zarr

.PHONY: demo test slow coverage notebooks lint install clean

demo: .venv/installed
	$(BIN)/radiogenomics demo --out demo

test: .venv/installed
	$(PYTEST)

slow: .venv/installed
	$(PYTEST) -m slow

# Reported, not chased: code that numba compiles and steps that run in processes of their own count as not run.
coverage: .venv/installed
	$(PYTEST) --cov=radiogenomics --cov-report=term:skip-covered $(ONLY)

# STUDY=DIR runs them on another finished study.
STUDY ?= $(CURDIR)/demo
notebooks: demo
	RADIOGENOMICS_STUDY=$(STUDY) $(BIN)/python -m pytest --nbmake -p no:cacheprovider notebooks

lint: .venv/installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "radiogenomics needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is " + sys.version.split()[0] + ": install python3.11 and python3.11-venv, then run make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) pip
	$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf .venv demo dist
