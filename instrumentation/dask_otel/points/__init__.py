"""What Dask counts by itself, read on its event loop as plain metric points."""

from dask_otel.points.scheduler import SchedulerPoints as SchedulerPoints
from dask_otel.points.values import Attributes as Attributes
from dask_otel.points.values import Points as Points
from dask_otel.points.worker import WorkerPoints as WorkerPoints
