"""Why a span failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive.details.frame import Failure

if TYPE_CHECKING:
    from daskscope.derive.details.known import Known
    from daskscope.store.schema import Attributes


def failure(known: Known) -> Failure | None:
    """Type, message and traceback of what failed, None where nothing did.

    Until the whole is known, what the columns say.
    """
    details, error = known.details, known.subject.error
    exceptions = [
        event.attributes
        for event in (details.events if details else ())
        if event.name == conventions.EVENT_EXCEPTION
    ]
    if not exceptions and not error:
        return None
    kind, _, message = error.partition(": ")
    found: Attributes = exceptions[-1] if exceptions else {}
    said = (details.attributes if details else None) or {}
    status_text = details.status_text if details else ""
    return Failure(
        str(found.get(conventions.EXCEPTION_TYPE) or said.get(conventions.ERROR_TYPE) or kind),
        str(found.get(conventions.EXCEPTION_MESSAGE) or status_text or message),
        str(found.get(conventions.EXCEPTION_STACKTRACE, "")),
    )
