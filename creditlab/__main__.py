"""`python -m creditlab` is the command line."""

from creditlab.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
