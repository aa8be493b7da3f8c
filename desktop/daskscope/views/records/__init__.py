"""Events and errors: tables of what happened, in order of time."""

from daskscope.views.records.events import EventsTable
from daskscope.views.records.table import ERROR_COLUMNS, RecordsTable

__all__ = ["ERROR_COLUMNS", "EventsTable", "RecordsTable"]
