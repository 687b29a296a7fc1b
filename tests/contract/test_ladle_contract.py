"""What every ladle has to hold, however it mixes."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError, PeakMemory, find
from graphsparse.engine.memory import anonymous_memory
from graphsparse.pruning import Ticket, WeightMask, count_kept
from graphsparse.soups import Ladle, recalibrate
from graphsparse.training import Task
from tests.soups.conftest import GCN as RECIPE
from tests.soups.conftest import Normed, as_ticket, same
from tests.soups.conftest import files as files
from tests.soups.conftest import graph as graph
from tests.soups.conftest import sparse as sparse

LADLES = {
    name: ladle
    for name, ladle in find(Ladle).items()
    if ladle.__module__.startswith('graphsparse.')
}
SMALL = {'granularity': 4, 'epochs': 5, 'num_parts': 6, 'epoch_parts': 2}


def make(kind, **options):
    known = {field.name for field in fields(kind)}
    return kind(**{k: v for k, v in SMALL.items() if k in known}, **options)


@pytest.fixture(params=LADLES.values(), ids=list(LADLES))
def kind(request):
    return request.param


def net():
    return RECIPE.build(16, 3)


def state(soup):
    return soup.model.state_dict()


def test_has_a_test_of_its_own(kind):
    *_, room, module = kind.__module__.split('.')
    assert (Path(__file__).parents[1] / room / f'test_{module}.py').exists()


def test_what_it_gives(kind, files, graph):
    ladle = make(kind)
    soup = ladle.ladle(files, graph, seed=3)
    report = soup.report
    assert ladle.name == report['ladle'] and LADLES[ladle.name] is kind
    assert report['config'] == ladle.config()
    assert report['number'] == 4 and report['seed'] == 3
    task = Task.from_data(graph)
    found = [Ticket.load(file).apply(net(), task.graph) for file in files]
    vals = [task.validate(*pair) for pair in found]
    lines = {line['ingredient']: line for line in report['ingredients']}
    assert [lines[file.name]['val'] for file in files] == vals
    assert report['val_best'] == max(vals)
    assert report['val_mean'] == pytest.approx(sum(vals) / 4)
    assert report['val'] == soup.evaluate().val
    assert report['accepted'] == sum(line['accepted'] for line in lines.values()) > 0
    assert report['fitted_on_validation'] == ('learned' in ladle.name)
    assert not soup.model.training


def test_one_ingredient_and_equal_ones_come_back_bit_for_bit(kind, files, graph):
    alone = Ticket.load(files[0])
    for given in ([files[0]], [alone], [files[0], alone, files[0]]):
        assert same(state(make(kind).ladle(given, graph)), dict(alone.trained))


@pytest.mark.parametrize('align', [False, True])
def test_neither_the_order_nor_where_they_are_matters(kind, align, files, graph):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    soup = make(kind, align=align).ladle(files, graph)
    tickets = [Ticket.load(file) for file in reversed(files)]
    kept = [dict(ticket.trained) for ticket in tickets]
    copies = [{n: t.clone() for n, t in one.items()} for one in kept]
    again = make(kind, align=align).ladle(tickets, graph)
    assert same(state(soup), state(again))
    assert all(same(a, b) for a, b in zip(kept, copies, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_other_test_labels_same_bits(kind, files, graph):
    other = graph.clone()
    other.y[graph.test_mask] = (other.y[graph.test_mask] + 1) % 3
    a, b = (make(kind).ladle(files, data) for data in (graph, other))
    assert same(state(a), state(b)) and a.report == b.report
    assert a.evaluate().test != b.evaluate().test


def test_validation_never_falls_where_that_is_promised(kind, files, sparse, graph):
    for given, options in ((files, {}), (sparse, {'mask': 'reprune'})):
        soup = make(kind, **options).ladle(given, graph)
        if kind.climbs:
            course = [line['soup'] for line in soup.report['ingredients']]
            assert course == sorted(course) and course[-1] == soup.report['val']
            assert course[0] == soup.report['ingredients'][0]['val']


def test_a_soup_of_tickets_is_a_ticket(kind, sparse, graph, tmp_path):
    task = Task.from_data(graph)
    soup = make(kind, mask='reprune').ladle(sparse, task)
    ticket = soup.ticket()
    ticket.save(tmp_path / 'soup.safetensors')
    again = Ticket.load(tmp_path / 'soup.safetensors')
    model, cut = again.apply(soup.model, task.graph)
    assert same(model.state_dict(), state(soup))
    assert torch.equal(cut.edge_index, soup.graph.edge_index)
    assert again.facts['soup']['ladle'] == soup.report['ladle']
    more = make(kind, mask='reprune').ladle([tmp_path / 'soup.safetensors'], task)
    assert same(state(more), state(soup))


def test_eight_tickets_at_80_percent_make_exactly_80_percent(kind, sparse, graph):
    first = Ticket.load(sparse[0])
    weights, edges = first.weight_mask, first.edge_mask
    assert weights.num_kept == count_kept(weights.num_total, 0.8, count='ceil')
    soup = make(kind, mask='reprune').ladle(sparse, graph)
    assert soup.weight_mask.num_kept == weights.num_kept
    assert soup.edge_mask.num_kept == edges.num_kept
    shared = [
        as_ticket(net(), weights.keep, edges, **Ticket.load(file).trained)
        for file in sparse
    ]
    for ticket in shared:
        ticket.facts['recipe'] = first.facts['recipe']
    equal = make(kind, mask='shared').ladle(shared, graph)
    assert same(dict(equal.weight_mask.keep), dict(weights.keep))
    assert torch.equal(equal.edge_mask.keep, edges.keep)
    for one in (soup, equal):
        for name, keep in one.weight_mask.keep.items():
            assert not state(one)[name][~keep].any()
    with pytest.raises(InputError, match="'union', 'majority' or 'reprune'"):
        make(kind, mask='shared').ladle(sparse, graph)


def test_types_and_integers_stay_and_norms_fit_the_mixture(kind, graph):
    graph, tickets = graph.clone(), []
    graph.x = graph.x.double()
    for seed in range(3):
        torch.manual_seed(seed)
        net = Normed().double()
        tickets.append(as_ticket(net, **{'norm.num_batches_tracked': 5}))
    soup = make(kind).ladle(tickets, graph, Normed().double())
    found = state(soup)
    assert found['version'].dtype == torch.int64 and int(found['version']) == 7
    assert int(found['norm.num_batches_tracked']) == 5
    assert found['lin.weight'].dtype == torch.float64
    if soup.report['accepted'] > 1:
        torch.testing.assert_close(found['norm.running_mean'], graph.x.mean(0))
        fitted = {name: tensor.clone() for name, tensor in found.items()}
        recalibrate(soup.model, Task.from_data(graph))
        assert same(fitted, state(soup))


def test_at_most_three_states_are_in_memory(
    kind, files, graph, tmp_path, freed_at_once
):
    def factory():
        return GCN(16, 800, 14, 3)

    big, large = factory(), []
    size = sum(t.numel() * t.element_size() for t in big.state_dict().values())
    for seed in range(5):
        with torch.no_grad():
            for weight in big.parameters():
                weight.add_(0.01 * seed)
        large.append(tmp_path / f'{seed}.safetensors')
        as_ticket(big).save(large[-1])
    del big
    options = {'epochs': 1, 'granularity': 2, 'shares': (0.5,), 'align': True}
    known = {field.name for field in fields(kind)}
    ladle = kind(**{k: v for k, v in options.items() if k in known})
    ladle.ladle(files, graph)  # what torch imports on first use is no state
    before = anonymous_memory()
    with PeakMemory(0.002) as peak:
        ladle.ladle(large, graph, factory)
    # One tensor of fourteen may be on its way besides, and activations.
    assert peak.bytes - before < 3.6 * size


def test_bad_input_gets_one_clear_error(kind, files, graph):
    ladle = make(kind)
    with pytest.raises(InputError, match='at least one'):
        ladle.ladle([], graph)
    with pytest.raises(InputError, match='a ticket or its file'):
        ladle.ladle([7], graph)
    with pytest.raises(InputError, match='no file'):
        ladle.ladle(['nowhere'], graph)
    with pytest.raises(InputError, match='list'):
        ladle.ladle(files, [graph])
    with pytest.raises(InputError, match='does not tell its net'):
        ladle.ladle([as_ticket(Normed())], graph)
    with pytest.raises(InputError, match="of another net: 'version' is missing there"):
        ladle.ladle(files, graph, Normed())
    untrained = replace(as_ticket(Normed()), trained=None)
    with pytest.raises(InputError, match='no trained weights'):
        ladle.ladle([untrained], graph, Normed())
    with pytest.raises(InputError, match='reprune'):
        make(kind, mask='prune')
    mask = WeightMask({'lin.weight': torch.ones(3, 16, dtype=torch.bool)})
    odd = WeightMask({'norm.weight': torch.ones(16, dtype=torch.bool)})
    pair = [as_ticket(Normed(), mask.keep), as_ticket(Normed(), odd.keep)]
    with pytest.raises(InputError, match=r'lin\.weight, norm\.weight'):
        make(kind, mask='union').ladle(pair, graph, Normed())
