"""The contract, clause by clause; and how the distribution is packed."""

from steer_acme.plugin import RUNTIME
from steer_acme.testing import SETUP
from steer_conformance import packaging_checks, runtime_checks

test_acme = runtime_checks(RUNTIME, SETUP)
test_packaging = packaging_checks(RUNTIME)
