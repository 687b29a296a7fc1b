"""Python reads this first where it is on PYTHONPATH: `make sanitize`.

The sanitized build then takes the place of the installed one in every process, the
editable install's own finder notwithstanding, which also stands first in line.
"""

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

BUILD = Path(__file__).parents[2] / 'build' / 'sanitize' / 'graphsparse' / 'kernels'
(NATIVE,) = BUILD.glob('_native*.so')


class SanitizedFinder(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != 'graphsparse.kernels._native':
            return None
        return importlib.util.spec_from_file_location(fullname, NATIVE)


sys.meta_path.insert(0, SanitizedFinder())
