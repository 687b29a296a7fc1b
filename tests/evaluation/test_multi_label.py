import math

import pytest
import torch
from sklearn.metrics import f1_score

from graphsparse.data.ogb import make_evaluator
from graphsparse.engine import InputError
from graphsparse.evaluation import mean_average_precision, mean_roc_auc, micro_f1


def drawn(seed, labels, ties):
    generator = torch.Generator().manual_seed(seed)
    out = torch.randn(200, labels, generator=generator)
    if ties:
        out = out.round()
    y = torch.randint(2, out.shape, generator=generator).float()
    y[torch.rand(out.shape, generator=generator) < 0.2] = float('nan')
    if labels > 2:
        y[:, 1] = 0  # of one kind: left out
    return out, y


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    ('name', 'labels', 'metric'),
    [
        ('ogbg-molhiv', 1, mean_roc_auc),
        ('ogbg-moltox21', 12, mean_roc_auc),
        ('ogbn-proteins', 112, mean_roc_auc),
        ('ogbg-molpcba', 128, mean_average_precision),
    ],
)
def test_to_the_bit_as_ogb(name, labels, metric, seed, ties):
    out, y = drawn(seed, labels, ties)
    evaluator = make_evaluator(name)
    told = evaluator.eval({'y_true': y, 'y_pred': out})[evaluator.eval_metric]
    assert metric(out, y) == told


def test_micro_f1_is_that_of_scikit_learn():
    out, y = drawn(0, 7, ties=False)
    full = y.nan_to_num(0)
    assert micro_f1(out, full) == f1_score(full, out > 0, average='micro')
    known = ~y.isnan()
    expected = f1_score(y[known], out[known] > 0)
    assert micro_f1(out, y) == pytest.approx(expected, abs=1e-15)
    assert micro_f1(-torch.ones(2, 1), torch.zeros(2, 1)) == 0.0


def test_nothing_to_judge_is_nan():
    assert math.isnan(mean_roc_auc(torch.rand(3, 1), torch.ones(3, 1)))
    out, y = drawn(0, 1, ties=False)
    out[0] = float('nan')
    assert math.isnan(mean_roc_auc(out, y))


def test_shapes_and_types_that_do_not_fit():
    with pytest.raises(InputError, match=r'\[3\] and \[3, 1\]'):
        micro_f1(torch.zeros(3), torch.zeros(3, 1))
    with pytest.raises(InputError, match='int64'):
        mean_roc_auc(torch.zeros(3, 1), torch.zeros(3, 1, dtype=torch.long))
