"""Methods x seeds x sparsities: run, resume, summarise, report."""

from graphsparse.experiments.fitted_links import FittedLinks
from graphsparse.experiments.form import SubmissionForm
from graphsparse.experiments.grid import Run, run_grid
from graphsparse.experiments.link_predictor import LinkPredictor
from graphsparse.experiments.problem import Problem, Source
from graphsparse.experiments.summary import summarise
from graphsparse.experiments.ticket_run import TicketRun

__all__ = [
    'FittedLinks',
    'LinkPredictor',
    'Problem',
    'Run',
    'Source',
    'SubmissionForm',
    'TicketRun',
    'run_grid',
    'summarise',
]
