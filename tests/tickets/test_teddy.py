import math
from itertools import pairwise

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import l0_support
from graphsparse.tickets import Dense, Teddy
from graphsparse.tickets.teddy import Distillation
from graphsparse.training import Task, Training, Watch

SHORT = Training(epochs=8)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def test_counts_are_exact(small):
    ticket = Teddy(0.3, 0.55, training=SHORT).search(factory, small)
    edges = to_adjacency(small).num_edges
    assert ticket.edge_mask.num_kept == edges - math.floor(0.3 * edges)
    total = sum(p.numel() for p in factory().parameters())
    assert ticket.weight_mask.num_kept == total - math.ceil(0.55 * total)
    nonzero = sum(int(t.count_nonzero()) for t in ticket.trained.values())
    assert nonzero <= ticket.weight_mask.num_kept


def test_every_epoch_is_in_the_ball_and_the_support_moves(small):
    search = Teddy(0.2, 0.5, distillation=0.0, training=Training(epochs=50))
    supports = []

    def look(step):
        weights = dict(step.model.named_parameters())
        total = sum(w.numel() for w in weights.values())
        nonzero = sum(int(w.count_nonzero()) for w in weights.values())
        assert nonzero <= total - math.ceil(0.5 * total)
        supports.append(torch.cat([(w != 0).reshape(-1) for w in weights.values()]))

    search.search(factory, small, watch=Watch((look,)))
    assert len(supports) == 50
    assert any(not torch.equal(a, b) for a, b in pairwise(supports))


def test_no_sparsity_and_no_teacher_is_the_dense_network(small):
    plain = Teddy(0.0, 0.0, distillation=0.0, training=SHORT).search(factory, small)
    dense = Dense(SHORT).search(factory, small)
    assert plain.weight_mask is None and plain.edge_mask.sparsity == 0
    for name, tensor in dense.trained.items():
        assert torch.equal(tensor, plain.trained[name])


def test_the_same_dense_ticket_saves_the_teacher(small):
    stages = set()
    watch = Watch((lambda step: stages.add(step.stage),))
    search = Teddy(0.3, 0.5, distillation=1.0, training=SHORT)
    alone = search.search(factory, small, seed=2, watch=watch)
    assert stages == {'dense', 'sparse'}
    dense = Dense(SHORT).search(factory, small, seed=2)
    stages.clear()
    helped = search.search(factory, small, seed=2, dense=dense, watch=watch)
    assert stages == {'sparse'}
    for name, tensor in alone.trained.items():
        assert torch.equal(tensor, helped.trained[name])


def test_distillation_values():
    teacher = torch.tensor([[0.5, 0.5]]).log()
    student = torch.tensor([[0.9, 0.1]]).log()
    term = Distillation(teacher, 1.0)
    model = torch.nn.Identity()
    assert float(term(model, student)) == pytest.approx(0.51082562, abs=1e-7)
    assert float(term(model, teacher)) == 0
    shifted = term(model, student + 3.0)
    assert float(shifted) == pytest.approx(0.51082562, abs=1e-6)
    two = Distillation(teacher.expand(2, -1), 10.0)
    both = two(model, torch.cat([student, teacher]))
    assert float(both) == pytest.approx(2.5541281, abs=1e-6)  # a mean over nodes


def test_distillation_reads_all_nodes_and_no_labels(small):
    """Labels outside the training part change nothing, features there do."""
    search = Teddy(0.2, 0.2, distillation=5.0, training=SHORT)
    first = search.search(factory, small)
    other = small.clone()
    other.y[small.test_mask] = 0
    second = search.search(factory, other)
    for name, tensor in first.trained.items():
        assert torch.equal(tensor, second.trained[name])


def test_baselines_differ_in_the_edges_only(small):
    search = Teddy(0.4, 0.3, training=SHORT)
    baselines = search.baselines()
    assert set(baselines) == {'random', 'degree'}
    masks = [
        other.search(factory, small).edge_mask.keep
        for other in (search, *baselines.values())
    ]
    assert len({int(mask.sum()) for mask in masks}) == 1
    assert not torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


def test_official_cuts_arcs_singly_with_loops_in_the_budget(small):
    loops = torch.arange(40).expand(2, -1)
    small.edge_index = torch.cat([small.edge_index, loops], dim=1)
    adj = to_adjacency(small)
    ticket = Teddy(0.3, 0.0, 0.0, official=True, training=SHORT).search(factory, small)
    stored = small.edge_index.size(1)
    assert not ticket.edge_mask.undirected
    assert ticket.edge_mask.keep.numel() == adj.num_arcs
    removed = adj.num_arcs - ticket.edge_mask.num_kept
    assert removed == math.floor(0.3 * stored)
    sparse = ticket.apply_graph(small)
    assert sparse.edge_index.size(1) == stored - removed
    assert to_adjacency(sparse).num_loops == 40


def test_connected_selection_leaves_no_new_isolated_node(small):
    search = Teddy(0.5, 0.0, 0.0, select='connected', training=SHORT)
    ticket = search.search(factory, small)
    before = to_adjacency(small).num_isolated()
    assert to_adjacency(ticket.apply_graph(small)).num_isolated() == before


def test_the_mask_is_the_support_of_what_was_chosen(small):
    ticket = Teddy(0.1, 0.6, training=SHORT).search(factory, small)
    parameters = {n for n, _ in factory().named_parameters()}
    weights = {n: t for n, t in ticket.trained.items() if n in parameters}
    support = l0_support(weights, 0.6).keep
    for name, mask in ticket.weight_mask.keep.items():
        assert torch.equal(mask, support[name])
        assert not ticket.trained[name][~mask].any()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_sparsity': 1.0}, r'graph_sparsity .* \(got 1\.0\)'),
        ({'weight_sparsity': -0.1}, r'weight_sparsity .* \(got -0\.1\)'),
        ({'graph_sparsity': float('nan')}, 'nan'),
        ({'distillation': -1.0}, r'distillation .* \(got -1\.0\)'),
        ({'score': 'tedy'}, "'tedy'.*Did you mean 'teddy'"),
        ({'score_args': {'c': 1}}, "'c'"),
        ({'select': 'best'}, "'best'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Teddy(**options)


def test_runs_on_a_task_too(small):
    ticket = Teddy(0.2, 0.2, training=SHORT).search(factory, Task.from_data(small))
    assert ticket.facts['epochs'] == 8
