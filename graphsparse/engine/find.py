"""Names resolve from subclasses: writing the class is all it takes to add one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import sys
from importlib.metadata import entry_points
from inspect import isabstract
from typing import Any, TypeVar

from class_resolver.utils import get_subclasses

from graphsparse.engine.errors import InputError

T = TypeVar('T')


def _words(name: str) -> list[str]:
    return re.findall(r'[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+', name)


def name_of(cls: type, base: type) -> str:
    """The name a class goes by: snake case, less the last word of its base.

    ``TeddyScore`` under ``EdgeScore`` is ``'teddy'``.
    """
    words, suffix = _words(cls.__name__), _words(base.__name__)[-1]
    if len(words) > 1 and words[-1] == suffix:
        words = words[:-1]
    return '_'.join(words).lower()


def _import_folder(base: type) -> None:
    """Import every module beside ``base`` and every plug-in of its axis."""
    folder = base.__module__.rpartition('.')[0]
    package = sys.modules.get(folder)
    for module in pkgutil.iter_modules(getattr(package, '__path__', ())):
        importlib.import_module(f'{folder}.{module.name}')
    for plugin in entry_points(group=f'graphsparse.{folder.rpartition(".")[2]}'):
        plugin.load()


def find(base: type[T]) -> dict[str, type[T]]:
    """All concrete subclasses of ``base`` by name, sorted.

    The folder of ``base`` is imported first; classes of the caller's own code and
    of the entry point group ``graphsparse.<folder>`` are found too. Looked up anew
    on every call, so that a class is known as soon as it is defined.
    """
    _import_folder(base)
    classes = get_subclasses(base, exclude_external=False, main_is_private=False)
    named = {name_of(cls, base): cls for cls in classes if not isabstract(cls)}
    return dict(sorted(named.items()))


def unknown(kind: str, name: object, known: list[str]) -> InputError:
    """The error for a name that is not among ``known``, with the nearest ones."""
    wanted = str(name).lower()
    near = [full for full in known if full.endswith(f'.{wanted}')]
    near = near or difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f' Did you mean {" or ".join(map(repr, near))}?' if near else ''
    return InputError(f'Unknown {kind} {name!r}.{hint} Known: {", ".join(known)}.')


def resolve(base: type[T], query: str | type[T] | T, **kwargs: Any) -> T:
    """An instance of ``base``: made by name or class, or ``query`` itself.

    Raises:
        InputError: If the name is unknown or an option does not fit.
    """
    if isinstance(query, base):
        if kwargs:
            raise InputError(f'{query!r} is made already, options {kwargs} come late.')
        return query
    if isinstance(query, type) and issubclass(query, base):
        cls: type[T] = query
    else:
        known = find(base)
        name = str(query).lower().replace('-', '_')
        if name not in known:
            kind = ' '.join(_words(base.__name__)).lower()
            raise unknown(kind, query, list(known))
        cls = known[name]
    try:
        return cls(**kwargs)
    except TypeError as error:
        raise InputError(f'{cls.__name__} cannot take {kwargs}: {error}.') from None
