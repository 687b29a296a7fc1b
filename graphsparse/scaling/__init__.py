"""Ways to train on graphs too large for full batches, one paper's idea a file."""

from graphsparse.scaling.base import Branch, Branched
from graphsparse.scaling.correct_and_smooth import CorrectAndSmooth
from graphsparse.scaling.decoupled import Decoupled
from graphsparse.scaling.engcn import EnGCN
from graphsparse.scaling.full_batch import FullBatch
from graphsparse.scaling.label_reuse import LabelReuse
from graphsparse.scaling.pseudo_labels import PseudoLabelState
from graphsparse.scaling.sampled import Sampled

__all__ = [
    'Branch',
    'Branched',
    'CorrectAndSmooth',
    'Decoupled',
    'EnGCN',
    'FullBatch',
    'LabelReuse',
    'PseudoLabelState',
    'Sampled',
]
