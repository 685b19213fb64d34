"""A Hugging Face Hub served from this machine, for the demo, the tests, and for other machines; and a CivitAI."""

from modelready.mirror.cdn import Cdn
from modelready.mirror.civitai import Civitai
from modelready.mirror.faults import Fault
from modelready.mirror.log import Request
from modelready.mirror.mirror import Mirror

__all__ = ["Cdn", "Civitai", "Fault", "Mirror", "Request"]
