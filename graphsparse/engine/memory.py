from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

_STATUS = Path('/proc/self/status')


def anonymous_memory() -> int:
    """Bytes of anonymous memory this process holds now (Linux ``RssAnon``).

    Mapped files are not counted. 0 where the system does not tell.
    """
    return resident_memory()[0]


def resident_memory() -> tuple[int, int]:
    """Bytes of anonymous memory and of mapped files (``RssFile``) held now.

    The pages of a file are the system's to take back; libraries are among them.
    """
    held = {'RssAnon': 0, 'RssFile': 0}
    try:
        for line in _STATUS.read_text().splitlines():
            name, _, size = line.partition(':')
            if name in held:
                held[name] = int(size.split()[0]) * 1024
    except OSError:
        pass
    return held['RssAnon'], held['RssFile']


@contextmanager
def collecting() -> Iterator[Callable[[], object]]:
    """A garbage collection that looks through what was made within alone.

    Loaders refer to themselves, so that a run's data stays until a collection; a full
    one takes longer than a small run, most of it in the modules of libraries. All that
    is frozen (``gc.freeze``) is free again afterwards, a caller's own too.

    Example:
        >>> with collecting() as collect:
        ...     for run in runs:
        ...         run()
        ...         collect()
    """
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()


class PeakMemory:
    """The largest anonymous memory of this process while the block runs.

    Sampled every ``interval`` seconds, inputs included. What an earlier block left
    in the allocator still counts: compare runs only across fresh processes.

    Example:
        >>> with PeakMemory() as peak:
        ...     work()
        >>> peak.megabytes

    Attributes:
        bytes: The most anonymous memory so far.
        mapped: The most of mapped files in memory so far, apart.
    """

    def __init__(self, interval: float = 0.02) -> None:
        self.interval = interval
        self.bytes = self.mapped = 0

    @property
    def megabytes(self) -> float:
        """The peak so far in units of 10^6 bytes."""
        return round(self.bytes / 1e6, 1)

    def _sample(self) -> None:
        while not self._stop.wait(self.interval):
            self._look()

    def _look(self) -> None:
        anonymous, mapped = resident_memory()
        self.bytes, self.mapped = max(self.bytes, anonymous), max(self.mapped, mapped)

    def __enter__(self) -> PeakMemory:
        self.bytes = self.mapped = 0
        self._look()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()
