"""Lines as the commands print them."""


def print_aligned(lines):
    for name, text in lines.items():
        print(f"{name:<12}{text}")


def phrase(values):
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
