"""How a model that is being trained is asked for samples: the candidate's half, which knows no library of either side.

A candidate trains in a process of its own and sits an exam now and then: it draws PART images at a time, a tenth of
each digit, and sends them, until the examiner has seen enough. What passes between the two is (images seen in training,
shape, uint8 bytes) one way, and one of the words below the other way.
"""

import time

PART = 100  # images
MORE, TRAIN, OWN, STOP = "more", "train", "own", "stop"  # another part; back to training; see `sit`; the end
SHARE = 0.2  # of a candidate's time may go into exams


class Timetable:
    """When to sit: `least` seconds after the last exam, or later where exams would take more than their SHARE."""

    def __init__(self, least):
        self.least = least
        self.next = time.monotonic() + least

    def due(self):
        return time.monotonic() >= self.next

    def sat(self, seconds):
        """An exam took so long, and is over."""
        self.next = time.monotonic() + max(self.least, seconds * (1 - SHARE) / SHARE)


def labels_of_part(classes=10):
    return [i % classes for i in range(PART)]


def sit(connection, timetable, seen, draw, own=None):
    """One exam. draw(labels, seed): images, uint8 [len(labels), h, w, 1]; own(labels, seed): the same by the recipe
    that the baseline comes with, which has all the time it wants. → TRAIN or STOP."""
    began, seed, labels = time.monotonic(), 0, labels_of_part()
    while True:
        images = draw(labels, seed)
        connection.send((seen, images.shape, images.tobytes()))
        word, seed = connection.recv(), seed + 1
        if word == OWN:
            draw, labels = own, list(range(10))  # a part of it is one image of each digit
        elif word != MORE:
            timetable.sat(time.monotonic() - began)
            return word
