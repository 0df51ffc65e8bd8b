"""The contract, clause by clause; and how the distribution is packed."""

from steer_conformance import packaging_checks, policy_checks
from steer_spending.plugin import POLICY
from steer_spending.testing import configure

test_spending = policy_checks(POLICY, configure)
test_packaging = packaging_checks(POLICY)
