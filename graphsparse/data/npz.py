"""Arrays out of an npz without reading it whole: mapped into memory."""

from __future__ import annotations

import zlib
from pathlib import Path
from shutil import copyfileobj
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from graphsparse.engine import InputError, write_atomic


def map_member(archive: Path, name: str, folder: Path) -> Tensor:
    """One array of an npz as a tensor whose pages are read when they are needed.

    An npz is packed and cannot be mapped itself: the array is unpacked once, piece by
    piece, to ``folder/<name>.npy``. What is written into the tensor stays in memory.

    Raises:
        InputError: If the npz is cut off or holds no such array; nothing half
            unpacked is left.
    """
    path = folder / f'{name}.npy'
    try:
        if not path.exists():
            with (
                ZipFile(archive) as packed,
                packed.open(f'{name}.npy') as source,
                write_atomic(path) as aside,
                aside.open('wb') as out,
            ):
                copyfileobj(source, out, 1 << 24)
        return torch.from_numpy(np.load(path, mmap_mode='c', allow_pickle=False))
    except (KeyError, EOFError, OSError, ValueError, BadZipFile, zlib.error) as error:
        raise InputError(
            f"Array {name!r} cannot be read from '{archive}': {error}."
        ) from None
