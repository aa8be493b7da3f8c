"""What OpenTelemetry's SDK keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk import resources

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import ResourceDetector


def configured_detectors() -> list[ResourceDetector]:
    """The detectors of `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`, in its order.

    Not the one that makes up a `service.instance.id` for the whole process, in which there may be
    several schedulers and workers.
    """
    made_up = resources.ServiceInstanceIdResourceDetector
    found = resources._build_resource_detectors()
    return [detector for detector in found if not isinstance(detector, made_up)]
