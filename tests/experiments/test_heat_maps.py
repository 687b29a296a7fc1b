import torch

from graphsparse.experiments.heat_maps import draw_flow
from graphsparse.rewiring import Flow


def flow(energy, rank):
    gradient = torch.tensor([[1.0, 0.0], [0.1, 10.0], [0.01, 1e-30]]).double()
    looked = torch.tensor([0, 2])
    return Flow(('a', 'b'), torch.arange(3), gradient, looked, energy, rank, rank)


def test_a_map_for_each_thing_measured():
    unseen = torch.full((2, 2), float('nan')).double()
    seen = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    for energy, rank, maps in ((unseen, unseen, 1), (seen, unseen, 2), (seen, seen, 3)):
        svg = draw_flow(flow(energy, rank), 'A & B')
        assert svg.startswith('<svg') and svg.count('id="axes_') == 2 * maps  # and bars


def test_what_is_0_or_not_finite_is_empty_not_an_error():
    nothing = torch.zeros(0, 2).double()
    none = Flow(
        ('a', 'b'),
        torch.arange(1),
        torch.zeros(1, 2).double(),
        torch.arange(0),
        nothing,
        nothing,
        nothing,
    )
    assert draw_flow(none, 'nothing').startswith('<svg')
