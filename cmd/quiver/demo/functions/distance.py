"""Great-circle distances."""
from math import asin, cos, radians, sin, sqrt

import quiver

EARTH = 3958.8  # mean radius, miles


def distance(latitude1, longitude1, latitude2, longitude2):
    """Returns the distance of two places in miles, rounded to one decimal."""
    for latitude in (latitude1, latitude2):
        if not -90 <= latitude <= 90:
            raise quiver.Error(400, "%s is no latitude" % latitude)
    a, b = radians(latitude1), radians(latitude2)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(longitude2 - longitude1) / 2) ** 2
    return {"miles": round(2 * EARTH * asin(sqrt(h)), 1)}
