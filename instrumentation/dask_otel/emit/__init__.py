"""The hand-over from Dask's hooks to a background thread, and what keeps them from harm."""

from dask_otel.emit.emitter import Emitter as Emitter
from dask_otel.emit.hooks import guarded as guarded
