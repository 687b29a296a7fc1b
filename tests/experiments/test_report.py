import re
from html.parser import HTMLParser

from graphsparse.experiments.report import CURVES, draw, write_report
from tests.experiments.test_summary import row


def rows():
    return [
        row('dense', 0, 0.9, graph_sparsity=0.0, test_std=0.01),
        row('<b>', 0, 0.8, graph_sparsity=0.5, test_std=0.02),
        row('<b>', 0, 0.7, graph_sparsity=0.25, test_std=None),
    ]


def test_one_page_that_needs_nothing_else(tmp_path):
    write_report(tmp_path / 'deep' / 'report.html', 'Cora & GCN', rows())
    page = (tmp_path / 'deep' / 'report.html').read_text()
    assert 'Cora &amp; GCN' in page and '<td>&lt;b&gt;</td>' in page
    assert not re.search(r'(src|href)="?(http|//|file)', page)
    assert page.count('<svg') == 3  # weights do not vary: no curve of them
    HTMLParser().feed(page)
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == ['report.html']


def test_same_rows_same_page(tmp_path):
    for name in 'ab':
        write_report(tmp_path / name, 't', rows())
    strip = re.compile(r'id="\w+"|#\w+|url\([^)]*\)')
    a, b = (strip.sub('', (tmp_path / n).read_text()) for n in 'ab')
    assert a == b


def test_dense_is_a_line_across():
    svg = draw(rows(), CURVES[0])
    assert svg.startswith('<svg') and svg.rstrip().endswith('</svg>')
    assert 'stroke-dasharray' in svg
