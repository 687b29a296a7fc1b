import statistics

from graphsparse.experiments.summary import (
    KEYS,
    format_table,
    percent,
    shape,
    summarise,
)


def row(method, seed, test, **more):
    facts = dict(
        edges_kept=10,
        arcs_kept=20,
        isolated=seed,
        nonzero=5,
        macs=1e6,
        epoch_seconds=0.01,
        parameters=6,
        seconds=2.0,
        peak_rss_mb=100.0 + seed,
        graph_sparsity=0.5,
        weight_sparsity=0.0,
    )
    base = shape('ticket', method=method, dataset='digits', seeds=[seed], config={})
    return base | facts | dict(test_mean=test, val_mean=test, key='k') | more


def test_means_and_unbiased_deviations_over_seeds():
    rows = [row('a', s, t) for s, t in enumerate((0.8, 0.9, 0.7))] + [row('b', 0, 0.5)]
    a, b = summarise(rows)
    assert a['seeds'] == [0, 1, 2] and b['seeds'] == [0]
    assert a['test_mean'] == statistics.mean((0.8, 0.9, 0.7))
    assert a['test_std'] == statistics.stdev((0.8, 0.9, 0.7))
    assert b['test_std'] is None
    assert a['isolated'] == 1 and a['seconds'] == 6.0 and a['peak_rss_mb'] == 102.0
    assert 'key' not in a


def test_other_settings_stay_apart():
    rows = [row('a', 0, 0.8), row('a', 0, 0.7, config={'graph_sparsity': 0.1})]
    assert len(summarise(rows)) == 2


def test_one_shape():
    assert list(shape('data')) == list(KEYS)
    assert shape('x', test_mean=0.5)['test_mean'] == 0.5


def test_percent():
    assert percent(0.8213, 0.0041) == '82.1 ± 0.4'
    assert percent(0.5) == '50.0' and percent(None) == ''


def test_table_is_aligned():
    lines = format_table(summarise([row('long name', 0, 0.8), row('b', 0, 0.75)]))
    head, rule, *rest = lines.splitlines()
    assert len({len(line) for line in (head, rule, *rest)}) == 1
    assert '80.0' in rest[0] and '1.0 M' in rest[0]


def test_options_that_vary_get_a_column():
    rows = [
        row('a', 0, 0.8, config={'distillation': 0, 'graph_sparsity': 0.1, 'lr': 1}),
        row('a', 0, 0.7, config={'distillation': 10, 'graph_sparsity': 0.2, 'lr': 1}),
        row('dense', 0, 0.7, config={'lr': 1}),
    ]
    head, _, first, second, dense = format_table(summarise(rows)).splitlines()
    assert head.split()[:2] == ['method', 'distillation'] and 'lr' not in head.split()
    assert first.split()[1] == '0' and second.split()[1] == '10'
    assert dense.split()[1] == '50.0'  # the edges removed: it has no such option
