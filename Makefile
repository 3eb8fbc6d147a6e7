# Two commands: `make demo` and `make test`. Each makes .venv when it is missing and starts at once when it is there.
PYTHON ?= python3
BIN := .venv/bin
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

# The order matters: torch before anything that could pull another build of it, numpy before pyradiomics,
# whose build needs numpy in the environment and no build isolation.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "radiogenomics needs Python 3.11, and $(PYTHON) is " + sys.version.split()[0] + ": install python3.11 and python3.11-venv, then run make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) pip setuptools wheel numpy
	$(PIP) torch==2.13.0
	$(PIP) torchvision==0.28.0
	$(PIP) --no-build-isolation pyradiomics==3.0.1
	$(PIP) --editable '.[radiomics,deep,pywgcna,archives,notebooks,dev]'
	@touch $@

clean:
	rm -rf .venv demo dist
