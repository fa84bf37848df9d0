"""`python train.py …` is `genzoo train …`; `python train.py --help` lists the options."""

import sys

from genzoo.cli.main import console

if __name__ == "__main__":
    console(["train", *sys.argv[1:]])
