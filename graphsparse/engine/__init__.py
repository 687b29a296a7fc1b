"""What every floor stands on: errors, name lookup, atomic files, memory."""

from graphsparse.engine.errors import InputError
from graphsparse.engine.files import (
    append_line,
    cache_folder,
    digest_tensors,
    load_tensors,
    make_folder,
    read_lines,
    save_tensors,
    write_atomic,
)
from graphsparse.engine.find import find, name_of, resolve
from graphsparse.engine.memory import PeakMemory

__all__ = [
    'InputError',
    'PeakMemory',
    'append_line',
    'cache_folder',
    'digest_tensors',
    'find',
    'load_tensors',
    'make_folder',
    'name_of',
    'read_lines',
    'resolve',
    'save_tensors',
    'write_atomic',
]
