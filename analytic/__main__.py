"""`python -m analytic` is the command `analytic`."""

import sys

from analytic.cli import main

sys.exit(main())
