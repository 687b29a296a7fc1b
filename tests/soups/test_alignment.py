from itertools import permutations

import pytest
import torch
from torch_geometric.nn import MLP as PyGMLP
from torch_geometric.nn import GraphSAGE

from graphsparse.engine import InputError
from graphsparse.evaluation.links import LinkSplit
from graphsparse.nn import LinkNet, MLPDecoder, ModelRecipe
from graphsparse.pruning import Ticket
from graphsparse.soups import Greedy, Interpolate, Recipe, Uniform, train_ingredients
from graphsparse.soups.alignment import hidden_units, match_units, permute
from graphsparse.tickets import Dense
from graphsparse.training import LinkTask, Task, Training
from tests.soups.conftest import Normed, as_ticket, same

NETS = {
    'gcn': lambda: ModelRecipe('gcn', 6, 3).build(16, 3),
    'sage': lambda: ModelRecipe('sage', 6, 3).build(16, 3),
    'pyg': lambda: GraphSAGE(16, 6, 3, 3, norm='batch_norm'),
    'children': lambda: torch.nn.Sequential(
        torch.nn.Linear(16, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    ),
}


def runs_on(graph):
    def predict(model):
        with torch.no_grad():
            if isinstance(model, torch.nn.Sequential):
                return model(graph.x)
            return model(graph.x, graph.edge_index)

    return predict


@pytest.mark.parametrize('name', NETS)
def test_other_orders_of_units_are_the_same_net(name, graph):
    torch.manual_seed(0)
    model, predict = NETS[name]().eval(), runs_on(graph)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    layers = hidden_units(model, predict)
    assert same(model.state_dict(), before)
    assert len(layers) == (1 if name == 'children' else 2)
    out = predict(model)
    orders = [torch.arange(before[of[0][0]].size(0)).roll(2) for of in layers]
    moved = permute(before, layers, orders)
    assert not same(moved, before)
    model.load_state_dict(moved)
    torch.testing.assert_close(predict(model), out)
    back = permute(moved, layers, [order.argsort() for order in orders])
    assert same(back, before)


@pytest.mark.parametrize('name', NETS)
def test_a_shuffled_net_is_found_again(name, graph):
    torch.manual_seed(1)
    model = NETS[name]().eval()
    state = {n: t.clone() for n, t in model.state_dict().items()}
    layers = hidden_units(model, runs_on(graph))
    orders = [torch.randperm(state[of[0][0]].size(0)) for of in layers]
    moved = permute(state, layers, orders)
    found = match_units(moved, state, layers)
    assert same(permute(moved, layers, found), state)
    stays = match_units(state, state, layers)
    assert all(torch.equal(o, torch.arange(len(o))) for o in stays)


def test_one_hidden_layer_is_matched_exactly(graph):
    torch.manual_seed(2)
    a, b = (torch.nn.Sequential(torch.nn.Linear(16, 5), torch.nn.Linear(5, 3)).eval()
            for _ in range(2))  # fmt: skip
    layers = hidden_units(a, runs_on(graph))
    one, other = a.state_dict(), b.state_dict()

    def inner(order):
        moved = permute(other, layers, [torch.tensor(order)])
        return sum(float((one[n] * moved[n]).sum()) for n in one)

    best = max(inner(order) for order in permutations(range(5)))
    assert inner(match_units(other, one, layers)[0].tolist()) == pytest.approx(best)


def test_soups_of_one_net_in_other_orders_are_that_net(graph):
    torch.manual_seed(3)
    model = NETS['gcn']().eval()
    layers = hidden_units(model, runs_on(graph))
    tickets = [as_ticket(model)]
    for _ in range(3):
        orders = [torch.randperm(6) for _ in layers]
        state = permute(model.state_dict(), layers, orders)
        tickets.append(as_ticket(model, **state))
    task = Task.from_data(graph)
    for ladle in (Uniform, Greedy, Interpolate):
        soup = ladle(align=True).ladle(tickets, graph, NETS['gcn'])
        best = soup.best.trained
        for name, tensor in soup.model.state_dict().items():
            torch.testing.assert_close(tensor, best[name])
        assert soup.report['val'] == task.validate(model, task.graph)
    apart = Uniform().ladle(tickets, graph, NETS['gcn'])
    assert not torch.allclose(
        apart.model.state_dict()['convs.0.lin.weight'], best['convs.0.lin.weight']
    )


def test_nets_that_began_apart_mix_better_in_one_order(graph, tmp_path):
    recipe = Recipe(ModelRecipe('gcn', 16, 2), Dense(Training(epochs=30)))
    files = train_ingredients(recipe, graph, 6, tmp_path)
    apart, aligned = (
        Interpolate(align=on).ladle(files, graph).report['ingredients'][1:]
        for on in (False, True)
    )
    fall = [sum(line['barrier'] for line in lines) for lines in (apart, aligned)]
    assert fall[1] < fall[0]
    vals = [Uniform(align=on).ladle(files, graph).report['val'] for on in (False, True)]
    assert vals[1] > vals[0]


def test_masks_move_with_their_weights(sparse, graph):
    with pytest.raises(InputError, match='align=True say mask='):
        Uniform(align=True).ladle(sparse[:1] * 2, graph)
    soup = Uniform(mask='union', align=True).ladle(sparse, graph)
    kept = soup.weight_mask.keep
    for name, tensor in soup.model.state_dict().items():
        if name in kept:
            assert not tensor[~kept[name]].any()
    first = Ticket.load(sparse[0]).weight_mask
    soup = Uniform(mask='reprune', align=True).ladle(sparse, graph)
    assert soup.weight_mask.num_kept == first.num_kept


@pytest.mark.parametrize('name', ['gat', 'gcnii', 'gin'])
def test_what_cannot_be_moved_is_refused(name, graph):
    def factory():
        return ModelRecipe(name, 6, 3).build(16, 3)

    torch.manual_seed(0)
    tickets = [as_ticket(factory()), as_ticket(factory())]
    with pytest.raises(InputError, match=r'hidden units of a .*Leave align out'):
        Uniform(align=True).ladle(tickets, graph, factory)


def test_a_net_that_scores_pairs_is_refused(graph):
    split = LinkSplit.from_graph(graph, val=0.1, test=0.1, seed=0)
    task = LinkTask.from_split(split, graph.x, metric='auc')

    def factory():
        return LinkNet(ModelRecipe('sage', 8).build(16, 8), MLPDecoder(8, 8, 2))

    search = Dense(Training(epochs=1))
    tickets = [search.search(factory, task, seed=seed) for seed in range(2)]
    assert Uniform().ladle(tickets, task, factory).report['number'] == 2
    with pytest.raises(InputError, match='hidden units of a LinkNet'):
        Uniform(align=True).ladle(tickets, task, factory)


def test_no_hidden_layer_is_refused(graph):
    tickets = [as_ticket(Normed()), as_ticket(Normed())]
    with pytest.raises(InputError, match='hidden units of a Normed'):
        Uniform(align=True).ladle(tickets, graph, Normed)
    with pytest.raises(InputError, match='hidden units of a MLP'):
        hidden_units(PyGMLP([16, 8, 3]).eval(), lambda model: model(graph.x))
