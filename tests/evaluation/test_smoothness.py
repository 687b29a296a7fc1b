import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.evaluation import depth_curve, mean_average_distance, smoothness
from tests.helpers import modest


def brute_force(h, target):
    """The definition on the whole matrix, in numpy."""
    norm = np.linalg.norm(h, axis=1)
    both = np.outer(norm, norm)
    cosine = np.divide(h @ h.T, both, out=np.ones_like(both), where=both > 0)
    far = np.where(1 - cosine > 1e-12, 1 - cosine, 0) * target
    count = (far > 0).sum(1)
    rows = (far.sum(1) / np.maximum(count, 1))[count > 0]
    return rows.mean() if rows.size else 0.0


@st.composite
def features(draw):
    """Few directions, so that some rows are equal, opposite or zero."""
    shape = draw(st.integers(0, 7)), draw(st.integers(0, 3))
    entries = st.lists(
        st.integers(-1, 1), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
    )
    return torch.tensor(draw(entries), dtype=torch.float32).view(shape)


@modest
@given(features(), st.data())
def test_is_the_definition(h, data):
    size = h.size(0)
    keep = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    keep = torch.tensor(keep, dtype=torch.bool)
    dense = h.double().numpy()
    everything, some = np.ones((size, size)), np.outer(keep, keep)
    assert mean_average_distance(h) == pytest.approx(brute_force(dense, everything))
    assert mean_average_distance(h, keep) == pytest.approx(brute_force(dense, some))


@modest
@given(features(), st.data())
def test_pairs_are_the_target_mask(h, data):
    size = h.size(0)
    target = data.draw(
        st.lists(st.booleans(), min_size=size**2, max_size=size**2).map(
            lambda entries: np.array(entries, dtype=bool).reshape(size, size)
        )
    )
    keep = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    keep = np.array(keep, dtype=bool)
    pairs = torch.tensor(np.stack(target.nonzero()))
    dense = h.double().numpy()
    found = mean_average_distance(h, pairs=pairs)
    assert found == pytest.approx(brute_force(dense, target))
    found = mean_average_distance(h, torch.tensor(keep), pairs)
    assert found == pytest.approx(brute_force(dense, target * np.outer(keep, keep)))


def test_closed_forms():
    rows = torch.randn(1, 5).expand(9, 5)
    assert mean_average_distance(rows) == 0
    assert mean_average_distance(torch.zeros(4, 3)) == 0
    assert mean_average_distance(torch.eye(6)) == 1
    assert mean_average_distance(torch.tensor([[1.0, 2.0], [-2.0, -4.0]])) == 2


def test_scale_of_a_row_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(30, 4, generator=generator)
    scale = 10 ** torch.randn(30, 1, generator=generator)
    assert mean_average_distance(h * scale) == pytest.approx(mean_average_distance(h))
    huge = mean_average_distance(h.double() * 1e200)
    assert huge == pytest.approx(mean_average_distance(h))


def test_equal_directions_do_not_count_whatever_they_round_to():
    """Two bundles at right angles: 0 within, which rounding must not dilute."""
    generator = torch.Generator().manual_seed(0)
    length = torch.rand(40, 1, generator=generator) + 0.1
    a, b = torch.tensor([0.3, 0.7, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    h = torch.cat([length * a, length * b])
    assert mean_average_distance(h) == pytest.approx(1)


def test_blocks_change_nothing(monkeypatch):
    h = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    pairs = torch.randint(50, (2, 200), generator=torch.Generator().manual_seed(0))
    whole = mean_average_distance(h), mean_average_distance(h, pairs=pairs)
    monkeypatch.setattr(smoothness, 'CELLS', 130)
    parts = mean_average_distance(h), mean_average_distance(h, pairs=pairs)
    assert parts == pytest.approx(whole)


def test_a_net_that_diverged_has_no_distance():
    h = torch.tensor([[1.0, float('nan')], [1.0, 0.0], [0.0, 1.0]])
    assert math.isnan(mean_average_distance(h))
    assert mean_average_distance(h, torch.tensor([False, True, True])) == 1


def test_depth_curve_is_layer_by_layer():
    layers = [torch.eye(4), torch.ones(4, 2)]
    assert depth_curve(layers) == [1.0, 0.0]
    edge = torch.tensor([[0, 1], [1, 0]])
    assert depth_curve(layers, pairs=edge) == [1.0, 0.0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r'\[nodes, features\].*\[3\]'):
        mean_average_distance(torch.ones(3))
    with pytest.raises(InputError, match=r'3 nodes \(got torch.bool of shape \[2\]'):
        mean_average_distance(torch.ones(3, 2), torch.ones(2).bool())
    with pytest.raises(InputError, match=r'pairs\[1, 0\] is 3'):
        mean_average_distance(torch.ones(3, 2), pairs=torch.tensor([[0], [3]]))
