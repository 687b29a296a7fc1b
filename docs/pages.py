"""Writes the pages of methods and of the API from the package itself.

Every abstract class that a package of ours exports is an axis, its subclasses are what
:func:`graphsparse.engine.find` finds; a class that is new has its page with the next
build. Classes of the rooms named in :data:`METHODS` get a page each, all others share
the page of their axis. Figures come from ``benchmarks/``.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from benchmarks.figures import Block, blocks, format_spread, label_of
from graphsparse import Training
from graphsparse.engine import find, name_of

METHODS = ('tickets', 'rewiring', 'scaling', 'soups', 'transfer')
CURVE = 'Cora, GCN of width 64: test accuracy against {} removed, three seeds'
VERBS = {'TicketSearch': 'ticket', 'Branch': 'scale', 'DynamicRewiring': 'rewire'}


@cache
def packages() -> dict[str, ModuleType]:
    """The rooms by name, those of methods first."""
    root = importlib.import_module('graphsparse')
    names = [m.name for m in pkgutil.iter_modules(root.__path__) if m.ispkg]
    names.sort(key=lambda n: (METHODS.index(n) if n in METHODS else len(METHODS), n))
    rooms = {name: importlib.import_module(f'graphsparse.{name}') for name in names}
    return {name: room for name, room in rooms.items() if hasattr(room, '__all__')}


def exported(room: ModuleType) -> list[Any]:
    """The public objects of a room that were written in it."""
    found = [getattr(room, name) for name in room.__all__]
    homes = [str(getattr(thing, '__module__', '')) for thing in found]
    both = zip(found, homes, strict=True)
    return [thing for thing, home in both if home.startswith(room.__name__)]


@cache
def axes() -> dict[type, dict[str, type]]:
    """The subclasses of every abstract class that is public, by name."""
    nested = [m for room in packages().values() for m in _nested(room)]
    public = [o for room in [*packages().values(), *nested] for o in exported(room)]
    bases = [o for o in public if inspect.isclass(o) and inspect.isabstract(o)]
    found = {base: find(base) for base in dict.fromkeys(bases)}
    return {base: named for base, named in found.items() if _beside(base, named)}


def _nested(room: ModuleType) -> list[ModuleType]:
    inside = [m.name for m in pkgutil.iter_modules(room.__path__) if m.ispkg]
    rooms = [importlib.import_module(f'{room.__name__}.{name}') for name in inside]
    return [inner for inner in rooms if hasattr(inner, '__all__')]


def _beside(base: type, named: dict[str, type]) -> list[type]:
    """Subclasses in the room of the base; without any it is no axis but a help."""
    room = '.'.join(base.__module__.split('.')[:2])
    return [c for c in named.values() if c.__module__.startswith(f'{room}.')]


def between(base: type) -> list[type]:
    """Abstract classes that some of the subclasses share."""
    found = {c for cls in axes()[base].values() for c in cls.__mro__}
    found -= {base, *axes()[base].values()}
    return sorted((c for c in found if issubclass(c, base)), key=lambda c: c.__name__)


def _own(named: dict[str, type]) -> list[type]:
    return [c for c in named.values() if c.__module__.startswith('graphsparse.')]


@cache
def alone() -> list[type]:
    """Methods that no axis has: they hold options and tell them, as the others do."""
    known = {cls for named in axes().values() for cls in named.values()} | {*axes()}
    rooms = [room for name, room in packages().items() if name in METHODS]
    public = [o for room in rooms for o in exported(room) if inspect.isclass(o)]
    return [
        cls
        for cls in public
        if cls not in known
        and is_dataclass(cls)
        and callable(getattr(cls, 'config', None))
    ]


def path_of(cls: type) -> str:
    """The shortest name it can be imported by, less the root package."""
    name = cls.__name__
    room = importlib.import_module('.'.join(cls.__module__.split('.')[:2]))
    short = name in getattr(room, '__all__', ()) and getattr(room, name) is cls
    return f'{room.__name__ if short else cls.__module__}.{name}'


def write(app: Any) -> None:
    """All pages, each only if it changed, so that what did not is not read again."""
    wanted = {**method_pages(), **api_pages()}
    folder = Path(app.srcdir) / 'generated'
    for old in folder.rglob('*.rst'):
        if str(old.relative_to(folder)) not in wanted:
            old.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def method_pages() -> dict[str, str]:
    """A page an axis, and one a method."""
    out: dict[str, str] = {}
    top: dict[str, type] = {}
    for base, named in axes().items():
        room = _room(base)
        stem = '_'.join(_words(base)).lower()
        classes = {n: c for n, c in named.items() if c in _own(named)}
        lines = [*heading(plural(base), '='), describe(base), '']
        lines += [describe(shared) for shared in between(base)]
        if room in METHODS:
            lines += _index({f'{stem}/{name}': cls for name, cls in classes.items()})
            for name, cls in classes.items():
                verb = VERBS.get(base.__name__)
                out[f'methods/{stem}/{name}.rst'] = page(cls, name, verb)
        else:
            for name, cls in classes.items():
                lines += [*heading(f'``{name}``', '-'), describe(cls), '']
                lines += measured(cls, cls.__name__)
        out[f'methods/{stem}.rst'] = '\n'.join(lines)
        top[stem] = base
    for cls in alone():
        stem = name_of(cls, object)
        out[f'methods/{stem}.rst'] = page(cls, cls.__name__, VERBS.get(cls.__name__))
        top[stem] = cls
    rooms = list(packages())  # those of methods first
    top = dict(sorted(top.items(), key=lambda one: rooms.index(_room(one[1]))))
    text = 'Every page below is made from the docstrings and from ``benchmarks/``.'
    lines = [*heading('Methods', '='), text, '', *_index(top)]
    for what in ('edges', 'weights'):
        lines += [f'.. image:: /curve-{what}.svg', f'   :alt: {CURVE.format(what)}', '']
    return out | {'methods/index.rst': '\n'.join(lines)}


def _index(classes: dict[str, type]) -> list[str]:
    """Pages below this one by path, each with the idea of its class."""
    rows = ['.. list-table::', '   :header-rows: 1', '', '   * - page', '     - idea']
    for path, cls in classes.items():
        idea = (inspect.getdoc(cls) or '').splitlines()[0]
        rows += [f'   * - :doc:`{path}`', f'     - {idea}']
    return [*rows, '', *toctree(list(classes), 1, hidden=True)]


def _room(cls: type) -> str:
    return cls.__module__.split('.')[1]


def page(cls: type, name: str, verb: str | None) -> str:
    """One method: its docstring with the options, how to ask for it, what it gave."""
    lines = [*heading(cls.__name__, '='), describe(cls), '']
    if verb:
        command = f'graphsparse {verb} {"dynamic" if verb == "rewire" else name}'
        told = f'On the command line: ``{command}``; ``{command} --help`` tells'
        lines += [f'{told} its options.', '']
    return '\n'.join([*lines, *measured(cls, name)])


def measured(cls: type, name: str) -> list[str]:
    """Every benchmark it took part in, beside all that stood there."""
    found = [(b, b.labels_of(cls, name)) for b in blocks()]
    found = [(block, own) for block, own in found if own]
    lines = heading('Measured', '~') if found else []
    for block, own in found:
        lines += _table(block, own)
    notes = dict.fromkeys(block.note for block, _ in found if block.note)
    return [*lines, *(line for note in notes for line in (note, ''))]


def _table(block: Block, own: list[str]) -> list[str]:
    facts = [block.setting, *block.removed()]
    if block.published is not None:
        facts.append(f'published: {block.published:g}')
    if block.reached is False:
        facts.append('**falls short** of what was asked of it')
    lines = [f'{"; ".join(facts)} (``{block.source}``).', '', '.. list-table::']
    lines += ['   :header-rows: 1', '', '   * -', f'     - {block.metric}']
    for label, spread in block.methods.items():
        shown = label_of(label)
        shown = f'**{shown}**' if label in own else shown
        lines += [f'   * - {shown}', f'     - {format_spread(spread)}']
    return [*lines, '']


def api_pages() -> dict[str, str]:
    """One page a room: what it exports."""
    elsewhere = {c for named in axes().values() for c in named.values()}
    elsewhere |= {*axes(), *alone(), *(c for base in axes() for c in between(base))}
    out = {}
    for name, room in packages().items():
        lines = heading(f'graphsparse.{name}', '=')
        lines += [inspect.getdoc(room) or '', '', f'.. py:module:: graphsparse.{name}']
        lines += ['']
        for public in sorted(room.__all__):
            thing = getattr(room, public)
            home = str(getattr(thing, '__module__', room.__name__))
            if inspect.isclass(thing) and thing in elsewhere:
                lines += [f'* :class:`~{path_of(thing)}`', '']
            elif not home.startswith(room.__name__):
                continue
            elif inspect.isclass(thing):
                lines += [describe(thing), '']
            elif inspect.isfunction(thing):
                lines += [f'.. autofunction:: graphsparse.{name}.{public}', '']
            elif get_origin(thing) is Literal:
                values = ', '.join(f'``{v!r}``' for v in get_args(thing))
                lines += [f'``{public}`` is one of {values}.', '']
        out[f'api/{name}.rst'] = '\n'.join(lines)
    rooms = toctree(sorted(packages()), 1)
    return out | {'api/index.rst': '\n'.join([*heading('API', '='), *rooms])}


def describe(cls: type) -> str:
    """The directive that shows a class."""
    return f'.. autoclass:: {path_of(cls)}\n   :members:\n   :show-inheritance:\n'


def heading(text: str, line: str) -> list[str]:
    """A title in reStructuredText."""
    return [text, line * len(text), '']


def toctree(names: list[str], depth: int, hidden: bool = False) -> list[str]:
    """The list of pages below this one."""
    options = [f'   :maxdepth: {depth}', *(['   :hidden:'] if hidden else []), '']
    return ['.. toctree::', *options, *(f'   {name}' for name in names), '']


def plural(base: type) -> str:
    """``EdgeScore`` as 'Edge scores'."""
    text = ' '.join(_words(base)).capitalize()
    if text.endswith('ed'):  # an adjective
        return f'{text} nets'
    return text + ('es' if text.endswith(('ch', 's')) else 's')


def _words(cls: type) -> list[str]:
    return name_of(cls, object).split('_')


def show_defaults(app, what, name, thing, options, signature, returned):
    """Options of a dataclass with their values, not ``<factory>``."""
    if not is_dataclass(thing) or '<factory>' not in (signature or ''):
        return None
    shown = []
    for field in fields(thing):
        if field.default_factory is not MISSING:
            shown.append(f'{field.name}={_short(field.default_factory())}')
        elif field.default is not MISSING:
            shown.append(f'{field.name}={field.default!r}')
        else:
            shown.append(field.name)
    return f'({", ".join(shown)})', returned


def _short(value: Any) -> str:
    """A value as one would write it: what is as by default is left out."""
    if not is_dataclass(value):
        return repr(value)
    plain = Training() if isinstance(value, Training) else None
    set_ = [
        f'{f.name}={getattr(value, f.name)!r}'
        for f in fields(value)
        if plain is None or getattr(value, f.name) != getattr(plain, f.name)
    ]
    return f'{type(value).__name__}({", ".join(set_)})'


def skip_field(app, what, name, thing, skip, options):
    """What Python itself says of a tuple's fields is no help to anyone."""
    doc = getattr(thing, '__doc__', None) or ''
    return True if doc.startswith('Alias for field number') else None
