"""`python -m ementa` is the `ementa` command."""

from ementa.cli.main import main

if __name__ == "__main__":
    main()
