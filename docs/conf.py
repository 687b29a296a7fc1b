"""How Sphinx builds these pages: offline, and warnings are errors (``make docs``)."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import pages  # noqa: E402
import references  # noqa: E402

import graphsparse  # noqa: E402

project = 'graphsparse'
author = 'the authors of graphsparse'
version = release = graphsparse.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.intersphinx',
    'sphinx.ext.mathjax',
    'sphinx.ext.napoleon',
    'sphinx-mathjax-offline',
]
exclude_patterns = ['inventories']
html_theme = 'furo'
html_title = f'graphsparse {version}'

myst_enable_extensions = ['dollarmath', 'colon_fence']
myst_heading_anchors = 3

autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
autodoc_member_order = 'bysource'
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 72

# Inventories stand beside this file, so that no network is asked. Those of Python and
# SciPy are from Debian's python3.11-doc and python-scipy-doc; the others are plain
# text, in the first version of the format, and hold the names that are linked to.
nitpicky = True
intersphinx_mapping = {
    'python': ('https://docs.python.org/3', 'inventories/python.inv'),
    'scipy': ('https://docs.scipy.org/doc/scipy', 'inventories/scipy.inv'),
    'numpy': ('https://numpy.org/doc/stable', 'inventories/numpy.txt'),
    'networkx': ('https://networkx.org/documentation/stable', 'inventories/nx.txt'),
    'torch': ('https://docs.pytorch.org/docs/stable', 'inventories/torch.txt'),
    'pyg': (
        'https://pytorch-geometric.readthedocs.io/en/latest',
        'inventories/torch_geometric.txt',
    ),
}


def setup(app):
    """Pages that are made from the package, and names that docstrings shorten."""
    app.connect('builder-inited', pages.write)
    app.connect('autodoc-process-signature', pages.show_defaults)
    app.connect('autodoc-skip-member', pages.skip_field)
    app.connect('autodoc-process-docstring', references.keep_properties, priority=900)
    app.connect('missing-reference', references.resolve)
    app.connect('doctree-read', references.drop_mail)
