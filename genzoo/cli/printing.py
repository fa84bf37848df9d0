"""Lines as the commands print them."""


def print_aligned(lines):
    for name, text in lines.items():
        print(f"{name:<12}{visible(str(text))}")


def visible(text):
    """Returns a text with what would steer a terminal written out, as in '\\x1b'."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def phrase(values):
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
