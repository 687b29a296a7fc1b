"""What is to be learned, and learning it."""

from graphsparse.training.fit import Callback, Fit, Step, Training, Watch, fit
from graphsparse.training.node import NodeTask
from graphsparse.training.probe import make_probe
from graphsparse.training.task import Task, as_task

__all__ = [
    'Callback',
    'Fit',
    'NodeTask',
    'Step',
    'Task',
    'Training',
    'Watch',
    'as_task',
    'fit',
    'make_probe',
]
