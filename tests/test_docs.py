"""The documentation: it builds without a warning, and every method has its page."""

import importlib.util
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from graphsparse.engine import find
from graphsparse.scaling import Branch
from graphsparse.soups import Ladle
from graphsparse.tickets import TicketSearch

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    any(
        not importlib.util.find_spec(name) for name in ('sphinx', 'myst_parser', 'furo')
    ),
    reason="the documentation needs pip install 'graphsparse[docs]'",
)


@pytest.fixture(scope='module')
def html(tmp_path_factory):
    """The pages, built as ``make docs`` does, with no network to ask."""
    out = tmp_path_factory.mktemp('docs')
    refuse = (
        'import socket, sys\n'
        'def refuse(*args): raise AssertionError("network")\n'
        'socket.socket.connect = refuse\n'
        'from sphinx.cmd.build import main\n'
        'sys.exit(main(sys.argv[1:]))\n'
    )
    options = ['-q', '-W', '--keep-going', '-n', '-d', str(out / 'trees')]
    done = subprocess.run(
        [sys.executable, '-c', refuse, *options, str(ROOT / 'docs'), str(out / 'html')],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return out / 'html'


@pytest.mark.parametrize('base', [TicketSearch, Branch, Ladle])
def test_every_method_has_a_page(html, base):
    folder = next((html / 'generated/methods').glob(f'{base.__name__.lower()[:5]}*/'))
    for name, cls in find(base).items():
        if cls.__module__.startswith('graphsparse.'):
            page = (folder / f'{name}.html').read_text()
            assert f'{cls.__name__}' in page
            assert '&lt;factory&gt;' not in page


def test_a_page_has_equation_options_paper_and_figures(html):
    page = (html / 'generated/methods/ticket_search/ugs.html').read_text()
    for part in ('\\[', 'Parameters', 'ICML 2021', 'falls short', 'command line'):
        assert part in page, part


def test_equations_need_no_network(html):
    page = (html / 'generated/methods/ticket_search/ugs.html').read_text()
    scripts = re.findall(r'<script[^>]* src="([^"]*)"', page)
    math = [src for src in scripts if 'mathjax' in src]
    assert math and not any(src.startswith('http') for src in scripts)
    (file,) = {
        (html / 'generated/methods/ticket_search' / s.split('?')[0]) for s in math
    }
    assert file.is_file()


def test_a_metric_is_no_address(html):
    page = unescape((html / 'generated/methods/link_teacher.html').read_text())
    assert 'recall@1.25' in page and 'mailto:' not in page


def test_a_method_without_an_axis_has_a_page_that_the_index_names(html):
    index = (html / 'generated/methods/index.html').read_text()
    for name in ('DynamicRewiring', 'EdgeLP', 'LinkTeacher', 'MLPStudent'):
        assert f'>{name}</span>' in index, name
    page = (html / 'generated/methods/edge_lp.html').read_text()
    assert 'Last.fm' in page and 'TMLR 2023' in page


def test_names_of_others_are_linked(html):
    page = (html / 'generated/api/pruning.html').read_text()
    assert 'docs.pytorch.org/docs/stable/tensors.html#torch.Tensor' in page


def test_a_new_class_gets_a_page():
    """In a process of its own, so that nobody else finds the class."""
    code = (
        'import sys; sys.path.insert(0, "docs")\n'
        'import pages\n'
        'from graphsparse.pruning.edges.degree import DegreeScore\n'
        'from graphsparse.tickets import Dense\n'
        'class Sprout(Dense):\n'
        '    """Grows."""\n'
        '    __module__ = "graphsparse.tickets.sprout"\n'
        'class SproutScore(DegreeScore):\n'
        '    """Grows too."""\n'
        '    __module__ = "graphsparse.pruning.edges.sprout"\n'
        'found = pages.method_pages()\n'
        'page = found["methods/ticket_search/sprout.rst"]\n'
        'assert "autoclass:: graphsparse.tickets.sprout.Sprout" in page\n'
        'assert "graphsparse ticket sprout" in page\n'
        'assert "Grows." in found["methods/ticket_search.rst"]\n'
        'assert "edges.sprout.SproutScore" in found["methods/edge_score.rst"]\n'
        'print(len(found))\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
