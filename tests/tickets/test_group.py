import pytest
import torch
from torch_geometric.nn import GCN, GIN, GraphSAGE

from graphsparse.engine import InputError
from graphsparse.kernels import global_topk
from graphsparse.pruning import prox_groups
from graphsparse.tickets import GroupSparsity
from graphsparse.tickets.group import column_norms, read_features
from graphsparse.training import Task, Training, Watch

LONG = Training(epochs=20)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def features_read(ticket):
    """Which features a ticket's first matrices read, the same in all of them."""
    read = [mask.any(0) for mask in ticket.weight_mask.keep.values()]
    for mask, columns in zip(ticket.weight_mask.keep.values(), read, strict=True):
        assert torch.equal(mask, columns.expand_as(mask))
        assert torch.equal(columns, read[0])
    return read[0]


@pytest.mark.parametrize('choose', ['prox', 'random'])
def test_exactly_k_features_are_read(choose, small):
    search = GroupSparsity(weight_sparsity=0.7, choose=choose, training=LONG)
    ticket = search.search(factory, small)
    columns = features_read(ticket)
    assert int(columns.sum()) == 16 - 12  # ceil of 11.2 go
    weight = ticket.trained['convs.0.lin.weight']
    assert torch.equal(weight.any(0), columns)
    model, graph = ticket.apply(factory, Task.from_data(small).graph)
    other = graph.clone()
    other.x[:, ~columns] = 7.0
    outs = [model.eval()(g.x, g.edge_index) for g in (graph, other)]
    assert torch.equal(*outs)


def test_a_step_is_the_optimisers_then_the_operator(small):
    states = []

    def look(step):
        states.append(step.model.raw()['convs.0.lin.weight'].detach().clone())

    options = {'graph_sparsity': 0.0, 'training': Training(epochs=1)}
    search = GroupSparsity(weight_sparsity=0.5, strength=20.0, until=1.0, **options)
    plain = GroupSparsity(weight_sparsity=0.5, strength=0.0, until=1.0, **options)
    # One epoch's end clears what is not chosen; here it is looked at before that.
    for method in (plain, search):
        longer = Training(epochs=2)
        type(method)(**{**vars(method), 'training': longer}).search(
            factory, small, watch=Watch((look,))
        )
    before, after = states[0], states[2]
    norms = before.double().norm(dim=0)
    factor = prox_groups(norms, 8, 0.01 * 20.0).float()
    assert torch.allclose(after, before * factor, atol=1e-7)
    assert (factor < 0.9).all()


def test_the_mask_is_of_the_largest_columns_and_stays_at_the_end(small):
    seen = []

    def look(step):
        weight = step.model.raw()['convs.0.lin.weight'].detach()
        columns = step.model.keep['convs.0.lin.weight'][0].clone()
        if step.epoch < 15:
            assert torch.equal(columns, global_topk(weight.norm(dim=0), 4))
        if step.epoch >= 14:
            assert torch.equal(weight.any(0), columns)
        seen.append((columns, int(weight.any(0).sum())))

    search = GroupSparsity(weight_sparsity=0.75, strength=5.0, training=LONG)
    search.search(factory, small, watch=Watch((look,)))
    assert all(torch.equal(columns, seen[14][0]) for columns, _ in seen[14:])
    assert seen[0][1] > 4 == seen[-1][1]


def test_a_very_strong_penalty_reaches_k_at_once(small):
    alive = []

    def look(step):
        weight = step.model.raw()['convs.0.lin.weight']
        alive.append(int(weight.any(0).sum()))

    search = GroupSparsity(
        weight_sparsity=0.75, strength=1e8, until=1.0, training=Training(epochs=6)
    )
    search.search(factory, small, watch=Watch((look,)))
    assert all(number == 4 for number in alive)


def test_which_matrices_read_the_features():
    assert set(read_features(factory(), 16)) == {'convs.0.lin.weight'}
    assert set(read_features(GraphSAGE(16, 16, 2, 3), 16)) == {
        'convs.0.lin_l.weight',
        'convs.0.lin_r.weight',
    }
    wide = read_features(GIN(16, 16, 2, 3), 16)
    assert len(wide) == 1 and next(iter(wide)).startswith('convs.0.')
    with pytest.raises(InputError, match=r'reads the 9 features'):
        read_features(factory(), 9)


def test_groups_reach_over_both_matrices_of_sage(small):
    ticket = GroupSparsity(training=LONG).search(lambda: GraphSAGE(16, 8, 2, 3), small)
    assert len(ticket.weight_mask.keep) == 2
    assert int(features_read(ticket).sum()) == 16 - 13
    norms = column_norms({'a': torch.tensor([[3.0, 0]]), 'b': torch.tensor([[4.0, 1]])})
    assert norms.tolist() == [5, 1]


def test_random_features_follow_the_seed(small):
    search = GroupSparsity(choose='random', training=LONG)
    read = [features_read(search.search(factory, small, seed=s)) for s in (0, 1, 0)]
    assert torch.equal(read[0], read[2]) and not torch.equal(read[0], read[1])
    assert not search.baselines()
    assert GroupSparsity().baselines() == {'random': GroupSparsity(choose='random')}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weight_sparsity': 1.0}, r'weight_sparsity .* \(got 1\.0\)'),
        ({'strength': -1.0}, r'strength .* \(got -1\.0\)'),
        ({'strength': float('inf')}, 'inf'),
        ({'choose': 'best'}, "choice 'best'"),
        ({'until': 1.5}, r'until .* \(got 1\.5\)'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        GroupSparsity(**options)


def test_a_budget_of_no_feature_is_refused(small):
    with pytest.raises(
        InputError, match=r'weight_sparsity=0\.99 leaves none of the 16'
    ):
        GroupSparsity(weight_sparsity=0.99).search(factory, small)
