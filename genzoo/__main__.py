"""`python -m genzoo` is `genzoo`."""

from genzoo.cli.main import console

if __name__ == "__main__":
    console()
