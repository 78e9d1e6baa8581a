"""The table that the models are trained on: flights with what was known before them."""

import os

import numpy as np
import pandas as pd

SEED = 20010101
TRAIN, HELD = 40_000, 1_000

# The numeric features of every model, in model order.
NUMERIC = [
    "distance", "hour", "minute", "weekday", "day",
    "origin_lat", "origin_lon", "destination_lat", "destination_lon", "north",
    "origin_flights", "destination_flights", "route_flights",
    "origin_delay", "destination_delay", "route_delay",
    "origin_late", "destination_late", "route_late", "hour_delay",
]
# The categorical ones, which only some models use.
CATEGORY = ["origin_state", "destination_state"]


def read(folder):
    """Training and held-out tables: features, `delay` in minutes and `late` (over 15)."""
    flights = pd.read_parquet(os.path.join(folder, "flights-3m.parquet"))
    airports = pd.read_csv(os.path.join(folder, "airports.csv")).drop_duplicates("iata").set_index("iata")
    rng = np.random.default_rng(SEED)
    picked = rng.permutation(len(flights))[: TRAIN + HELD]
    table = features(flights.iloc[picked].reset_index(drop=True), airports)
    history(table, TRAIN)
    holes(table, rng)
    table["late"] = (table.delay > 15).astype(int)
    return table.iloc[:TRAIN].reset_index(drop=True), table.iloc[TRAIN:].reset_index(drop=True)


def features(f, airports):
    """What a flight's own row and its airports say."""
    t = pd.DataFrame({"delay": f.delay.astype(float), "distance": f.distance.astype(float)})
    t["hour"] = f.date.dt.hour.astype(float)
    t["minute"] = f.date.dt.hour * 60.0 + f.date.dt.minute
    t["weekday"] = f.date.dt.weekday.astype(float)
    t["day"] = f.date.dt.dayofyear.astype(float)
    for end in ("origin", "destination"):
        t[end] = f[end].astype(str)
        t[end + "_lat"] = f[end].map(airports.latitude).round(4)
        t[end + "_lon"] = f[end].map(airports.longitude).round(4)
        t[end + "_state"] = f[end].map(airports.state).astype(object)
    t["north"] = (t.destination_lat - t.origin_lat).round(3)
    t["route"] = t.origin + "-" + t.destination
    return t


def history(t, train):
    """Counts, mean delays and late shares of the training rows, per airport, route and hour."""
    known = t.iloc[:train]
    for name in ("origin", "destination", "route"):
        by = known.groupby(name).delay
        t[name + "_flights"] = t[name].map(by.size()).astype(float)
        t[name + "_delay"] = t[name].map(by.mean()).round(3)
        t[name + "_late"] = t[name].map(by.apply(lambda d: (d > 15).mean())).round(4)
    t["hour_delay"] = t.hour.map(known.groupby("hour").delay.mean()).round(3)


def holes(t, rng):
    """Missing values, so that models learn where to send them."""
    for name, share in (("route_delay", 0.06), ("route_late", 0.04), ("origin_lat", 0.03), ("distance", 0.01), ("origin_state", 0.02)):
        t.loc[rng.random(len(t)) < share, name] = np.nan
