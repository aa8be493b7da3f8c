"""Every name that `dask_otel` emits: the contract with the desktop and with any other consumer.

The only module that both sides share, so it imports nothing else. Names follow OpenTelemetry's
semantic conventions 1.44 where one fits (`thread.id`, `error.type`, `process.*`), else the
namespace `dask.*`. Units are UCUM. A renamed attribute is a breaking change and goes into the
changelog.
"""

from dask_otel.conventions.attributes import *  # noqa: F403 - one namespace of many names
from dask_otel.conventions.metric import Metric as Metric
from dask_otel.conventions.metrics import *  # noqa: F403
from dask_otel.conventions.scheduler_metrics import *  # noqa: F403
from dask_otel.conventions.worker_metrics import *  # noqa: F403
