"""Class-conditional DDPM with classifier-free guidance (Ho & Salimans 2022)."""

from genzoo.models.ddpm import DDPM


class CDDPM(DDPM):
    """A DDPM whose network is told the labels of the data, where its own would invent some; see `Guided`."""
