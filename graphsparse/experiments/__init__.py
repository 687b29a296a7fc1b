"""Methods x seeds x sparsities: run, resume, summarise, report."""

from graphsparse.experiments.grid import Problem, Run, run_grid
from graphsparse.experiments.summary import summarise

__all__ = ['Problem', 'Run', 'run_grid', 'summarise']
