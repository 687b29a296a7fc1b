import copy

import torch
from torch.func import functional_call

from graphsparse.nn import LinkNet, MLPDecoder, dot_product, score_pairs

Z = torch.tensor([[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]])
PAIRS = torch.tensor([[0, 2], [1, 0]])


def test_inner_product():
    assert dot_product(Z, PAIRS).tolist() == [11.0, 0.0]
    assert score_pairs(Z, PAIRS).tolist() == [11.0, 0.0]


def test_a_pair_has_one_score_whatever_its_order():
    decoder = MLPDecoder(2, 5)
    assert torch.equal(decoder(Z, PAIRS), decoder(Z, PAIRS.flip(0)))
    assert len(decoder.lins) == 3


def test_one_layer_is_a_weighted_inner_product():
    decoder = MLPDecoder(2, num_layers=1)
    (lin,) = decoder.lins
    expected = (Z[PAIRS[0]] * Z[PAIRS[1]] * lin.weight).sum(1) + lin.bias
    assert torch.allclose(decoder(Z, PAIRS), expected)


def test_pairs_are_scored_by_the_weights_of_the_forward_pass():
    net = LinkNet(torch.nn.Identity(), MLPDecoder(2, 5))
    doubled = {name: 2 * weight for name, weight in net.named_parameters()}
    out = functional_call(net, doubled, (Z,))
    twice = copy.deepcopy(net)
    twice.load_state_dict(doubled)
    assert torch.equal(score_pairs(out, PAIRS), twice.decoder(Z, PAIRS))
    score_pairs(out, PAIRS).sum().backward()
    assert net.decoder.lins[0].weight.grad.abs().sum() > 0


def test_pairs_are_scored_in_the_mode_of_the_forward_pass():
    net = LinkNet(torch.nn.Identity(), MLPDecoder(2, 50, dropout=0.5))
    net.eval()
    out = net(Z)
    net.train()
    assert torch.equal(out.score(PAIRS), out.score(PAIRS))
    assert net.decoder.training
    noisy = net(Z)
    assert not torch.equal(noisy.score(PAIRS), noisy.score(PAIRS))


def test_scores_are_scaled_as_logits_are():
    net = LinkNet(torch.nn.Identity(), MLPDecoder(2, 5))
    out = net(Z)
    scaled = (out * 6.0) / 2.0
    assert torch.allclose(scaled.score(PAIRS), 3 * out.score(PAIRS))
