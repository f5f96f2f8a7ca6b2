"""Property tests draw the same examples each time, so that a run says what a change did.

HYPOTHESIS_PROFILE=default make test draws others.
"""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
