"""What docstrings name in short is linked to the page that has it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from pydoc import locate

from docutils import nodes
from sphinx.ext import intersphinx
from sphinx.util.docstrings import prepare_docstring

INVENTORIES = Path(__file__).parent / 'inventories'


@cache
def elsewhere() -> dict[str, str]:
    """Names of PyTorch, PyG, ... by their last word."""
    found = {'Path': 'pathlib.Path'}
    for file in sorted(INVENTORIES.glob('*.txt')):
        names = [line.split()[0] for line in file.read_text().splitlines()[3:]]
        found |= {name.rsplit('.', 1)[-1]: name for name in names}
    return found


@cache
def ours() -> set[str]:
    """All names in modules of the package, among them those that have no page."""
    rooms = [m for name, m in sys.modules.items() if name.startswith('graphsparse')]
    return {name for room in rooms for name in vars(room)}


def resolve(app, env, node, contnode):
    """The object that a short name means; plain text where it has no page.

    A name that is nowhere stays missing, which is a warning.
    """
    if node.get('refdomain') != 'py':
        return None
    target = node['reftarget'].lstrip('~.')
    last = target.rsplit('.', 1)[-1]
    foreign = target.startswith(('torch', 'numpy', 'scipy', 'networkx'))
    if not foreign:
        domain = env.domains['py']
        ends = [target, '.'.join(target.split('.')[-2:]), last]
        for end in ends if target.startswith('graphsparse') else [target]:
            found = [name for name in domain.objects if name.endswith(f'.{end}')]
            if found:
                here = (node.get('py:module') or '').split('.')[:2]
                near = [name for name in found if name.split('.')[:2] == here]
                name = min(near or found, key=len)
                return domain.resolve_xref(
                    env, node['refdoc'], app.builder, 'obj', name, node, contnode
                )
    if last in elsewhere() and (foreign or '.' not in target):
        node['reftarget'] = elsewhere()[last]
        return intersphinx.missing_reference(app, env, node, contnode)
    known = last in ours() or last in _attributes(node)
    known = known or (target.startswith('graphsparse.') and locate(target) is not None)
    known = known or node['reftype'] == 'obj'  # PyG's way to write a value
    return contnode if known and not foreign else None


def _attributes(node) -> tuple[str, ...]:
    """Of the class a docstring is in: set in its constructor, so without a page."""
    module = sys.modules.get(node.get('py:module') or '')
    cls = getattr(module, (node.get('py:class') or ' ').split('.')[0], None)
    return tuple(getattr(cls, '__annotations__', ())) + tuple(dir(cls)) if cls else ()


def drop_mail(app, doctree):
    """``recall@1.25`` is no address."""
    for node in list(doctree.findall(nodes.reference)):
        if node.get('refuri', '').startswith('mailto:'):
            node.replace_self(node.children)


def keep_properties(app, what, name, thing, options, lines):
    """Napoleon takes the words before a colon for a type; a property's are none."""
    if what in ('property', 'attribute') and isinstance(thing, property):
        lines[:] = prepare_docstring(thing.__doc__ or '')
