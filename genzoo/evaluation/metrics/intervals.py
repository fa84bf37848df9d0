"""How sure a share is."""

import math


def wilson(hits, n, z=1.959964):
    """Returns the Wilson score interval (Wilson 1927) of a share of `hits` out of n: (low, high), 95 % by default."""
    share, spread = hits / n, z * z / n
    centre = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (centre - reach) / (1 + spread)), min(1.0, (centre + reach) / (1 + spread))
