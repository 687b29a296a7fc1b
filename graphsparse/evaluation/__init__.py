"""What is measured, on arrays: metrics and costs."""

from graphsparse.evaluation.cost import count_macs
from graphsparse.evaluation.metrics import accuracy

__all__ = ['accuracy', 'count_macs']
