"""What `python -m dragoman` starts. It knows no command of its own: the command line lives in `dragoman.cli`."""

import sys

from dragoman.cli import main

if __name__ == "__main__":
    sys.exit(main())
