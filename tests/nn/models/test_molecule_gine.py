import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.nn import ATOM_SIZES, BOND_SIZES, MoleculeGINE


def molecules(seed=0):
    generator = torch.Generator().manual_seed(seed)
    sizes = (ATOM_SIZES, 5), (BOND_SIZES, 6)
    x, bonds = (
        torch.stack([torch.randint(n, (rows,), generator=generator) for n in part], 1)
        for part, rows in sizes
    )
    edges = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])
    return x, edges, bonds, torch.tensor([0, 0, 0, 1, 1])


def test_a_layer_is_what_the_formula_says():
    x, edges, bonds, batch = molecules()
    net = MoleculeGINE(3, 8, num_layers=1).eval()
    h, e = net.atoms(x), net.bonds[0](bonds)
    total = h.clone().index_add_(0, edges[1], (h[edges[0]] + e).relu())
    mean = net.norms[0](net.convs[0].nn(total))
    mean = torch.stack([mean[batch == graph].mean(0) for graph in (0, 1)])
    assert torch.allclose(net(*molecules()), net.read_out(mean), atol=1e-6)


def test_graphs_do_not_touch_and_every_weight_learns():
    net = MoleculeGINE(3, 8, num_layers=2, dropout=0.0, pool='sum')
    net.eval()
    x, edges, bonds, batch = molecules()
    first = net(x[:3], edges[:, :4], bonds[:4], batch[:3])
    assert torch.allclose(net(x, edges, bonds, batch)[:1], first, atol=1e-6)
    net.train()
    net(x, edges, bonds, batch).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_no_such_pooling():
    with pytest.raises(InputError, match="'max'"):
        MoleculeGINE(1, pool='max')
