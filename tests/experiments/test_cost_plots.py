from graphsparse.experiments.cost_plots import draw_costs


def test_a_dot_a_method_and_none_for_what_was_not_measured():
    row = {'method': 'a & b', 'test_mean': 0.8, 'test_std': 0.1, 'peak_rss_mb': 300.0}
    costly = row | {'method': 'c', 'activation_mb': 2.0, 'epoch_seconds': 0.1}
    other = {'method': 'd', 'test_std': None, 'test_mean': 0.7, 'peak_rss_mb': 400.0}
    (svg,) = draw_costs([row, costly, costly | other])
    assert svg.startswith('<svg') and svg.count('id="axes_') == 3
    assert svg.count('<!-- c -->') == svg.count('<!-- d -->') == 3
    assert svg.count('<!-- a &amp; b -->') == 1
