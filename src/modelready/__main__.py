"""`python -m modelready` is `modelready`."""

from modelready.cli import main

if __name__ == "__main__":
    main()
