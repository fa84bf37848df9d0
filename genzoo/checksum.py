"""The checksum of named arrays, wherever they lie."""

import hashlib


def sha256(names, array_of):
    """Returns the sha256 (hex) of arrays, read one after the other by array_of(name): their names, sorted, types,
    shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(names):
        value = array_of(name)
        digest.update(repr((name, value.dtype.str, value.shape)).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
