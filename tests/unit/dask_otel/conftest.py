"""What tests of the instrumentation have in common."""

from tests.emitters import everybody_is_patient as everybody_is_patient
