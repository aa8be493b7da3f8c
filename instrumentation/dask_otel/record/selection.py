"""Pure: which attempts are worth a span, by their length and by their prefix.

An attempt's transfers go with it. The same attempt is selected wherever it is reported from,
because its derived id decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from dask_otel import correlate
from dask_otel.events import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel.events import SpanEvent

#: What somebody will look for.
_ALWAYS: Final = frozenset({names.OUTCOME_FAILED, names.OUTCOME_LOST})
_N_IDS: Final = 1 << 64


class Selection:
    """Leaves out what the user does not want to see.

    Parameters
    ----------
    least_duration_s
        Attempts that took less are left out.
    shares
        Share of attempts to keep, by prefix; those not named are kept.
    """

    def __init__(self, least_duration_s: float, shares: Mapping[str, float]) -> None:
        self._least_duration_s = least_duration_s
        self._bounds = {prefix: share * _N_IDS for prefix, share in shares.items()}
        self._is_trivial = least_duration_s <= 0 and not self._bounds

    def keeps(self, event: SpanEvent) -> bool:
        """Whether `event` is to be sent; all are but attempts that went well."""
        if self._is_trivial or not isinstance(event, Attempt) or event.outcome in _ALWAYS:
            return True
        if event.stop_s - event.start_s < self._least_duration_s:
            return False
        bound = self._bounds.get(event.prefix)
        if bound is None:
            return True
        span_id = correlate.attempt_span_id(event.key, event.run_id)
        return int.from_bytes(span_id, "big") < bound
