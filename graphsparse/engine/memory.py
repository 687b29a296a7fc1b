from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

_STATUS = Path('/proc/self/status')


def anonymous_memory() -> int:
    """Bytes of anonymous memory this process holds now (Linux ``RssAnon``).

    Mapped files are not counted. 0 where the system does not tell.
    """
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith('RssAnon:'):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class PeakMemory:
    """The largest anonymous memory of this process while the block runs.

    Sampled every ``interval`` seconds, inputs included. What an earlier block left
    in the allocator still counts: compare runs only across fresh processes.

    Example:
        >>> with PeakMemory() as peak:
        ...     work()
        >>> peak.megabytes
    """

    def __init__(self, interval: float = 0.02) -> None:
        self.interval = interval
        self.bytes = 0

    @property
    def megabytes(self) -> float:
        """The peak so far in units of 10^6 bytes."""
        return round(self.bytes / 1e6, 1)

    def _sample(self) -> None:
        while not self._stop.wait(self.interval):
            self.bytes = max(self.bytes, anonymous_memory())

    def __enter__(self) -> PeakMemory:
        self.bytes = anonymous_memory()
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
        self.bytes = max(self.bytes, anonymous_memory())
