"""python -m examples.order_processing [--server URL]"""

import sys

from examples.order_processing.main import main

sys.exit(main())
