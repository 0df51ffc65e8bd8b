"""The plugin keeps the contract: the suite says so."""

from steer_acme.plugin import RUNTIME
from steer_acme.testing import SETUP
from steer_conformance import packaging_checks, runtime_checks

test_acme = runtime_checks(RUNTIME, SETUP)
test_acme_is_well_packed = packaging_checks(RUNTIME)
