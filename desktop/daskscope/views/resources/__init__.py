"""Resources: CPU, memory and transfer of the whole cluster over the last minutes.

Three plots over one relative time axis (seconds before now, labelled once at the bottom), so that
an update sets the data of curves that exist and lays nothing out anew.
"""

from daskscope.views.resources.panel import ResourcesView

__all__ = ["ResourcesView"]
