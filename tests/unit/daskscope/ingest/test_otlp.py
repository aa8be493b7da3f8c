"""Bodies that cannot be parsed."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from daskscope.ingest import otlp
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import BadRequestError, parse


@pytest.mark.parametrize("encoding", Encoding)
def test_a_body_beyond_all_memory_is_refused(
    encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything else would end the thread that answers all requests."""
    endless = Mock(side_effect=MemoryError)
    endless.FromString.side_effect = MemoryError
    monkeypatch.setattr(otlp, "REQUEST_TYPES", {Signal.TRACES: endless})
    monkeypatch.setattr(otlp, "_CHECKS", {Signal.TRACES: endless.FromString})
    with pytest.raises(BadRequestError, match="more memory than there is"):
        parse(Signal.TRACES, encoding, b"{}")
