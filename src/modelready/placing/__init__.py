"""Where a model's files lie, what of them is missing, and bringing it."""

from modelready.placing.locating import locate
from modelready.placing.planning import Options, Plan, plan_all
from modelready.placing.provisioning import provision

__all__ = ["Options", "Plan", "locate", "plan_all", "provision"]
