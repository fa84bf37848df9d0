"""How sure a share is."""

import math


def wilson(hits, n, z=1.959964):
    """(low, high): the Wilson score interval of `hits` out of n, of 95 % by default (Wilson 1927)."""
    share, spread = hits / n, z * z / n
    centre = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (centre - reach) / (1 + spread)), min(1.0, (centre + reach) / (1 + spread))
