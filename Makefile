# Two commands: `make demo` and `make test`. Each makes .venv when it is missing and starts at once when it is there.
PYTHON ?= python3
BIN := .venv/bin
# EXTRAS=radiomics,dev leaves out what one does not need.
EXTRAS ?= all,dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test slow notebooks lint install clean

demo: .venv/installed
	$(BIN)/radiogenomics demo --out demo

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

slow: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n 2 --dist loadfile

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
