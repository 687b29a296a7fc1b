# make setup   a virtual environment with the package in it
# make test    the tests
# make demo    the main job on the embedded data set, into runs/demo
# make lint    style, types, and that imports only point down
TORCH ?= torch
# Threads that spin while they wait slow small graphs down by far on a busy machine.
export OMP_WAIT_POLICY ?= passive
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(wildcard graphsparse/kernels/cpp/*) CMakeLists.txt

.PHONY: setup test demo lint clean

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml $(NATIVE)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

test: setup
	$(BIN)/python -m pytest

demo: setup
	$(BIN)/graphsparse ticket compare --dataset digits --model gcn \
	  --hidden_channels 64 --graph_sparsity 0.2,0.4,0.6,0.8 --seeds 3 --out runs/demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist runs
