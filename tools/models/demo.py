"""Trains the small model of the demo's endpoint flights/delay: will a flight be more than
15 minutes late? What a caller knows comes first; the rest are columns of the demo's groups,
which sum up the same flights, so the model looks better than it would on new ones.

    python demo.py FOLDER_OF_FLIGHTS DEMO_FOLDER

The first folder holds flights-3m.parquet, the second airports.csv and routes.csv; the model,
cut points of its probabilities and a background sample go into DEMO_FOLDER/models.
"""

import json
import os
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd

SEED = 20010101
FEATURES = [
    "hour", "weekday", "distance_miles", "delay_mean", "share_late",
    "origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude",
]


def main(flights, demo):
    table = pd.read_parquet(os.path.join(flights, "flights-3m.parquet"))
    rng = np.random.default_rng(SEED)
    table = table.iloc[rng.permutation(len(table))[:200_000]].reset_index(drop=True)
    airports = pd.read_csv(os.path.join(demo, "airports.csv"), keep_default_na=False).drop_duplicates("iata").set_index("iata")
    routes = pd.read_csv(os.path.join(demo, "routes.csv"), keep_default_na=False)
    table["hour"], table["weekday"] = table.date.dt.hour, table.date.dt.day_of_week
    table = table.merge(routes, on=["origin", "destination"], how="left")
    for end in ("origin", "destination"):
        for axis in ("latitude", "longitude"):
            table[f"{end}_{axis}"] = table[end].map(pd.to_numeric(airports[axis]))
    x, y = table[FEATURES].astype(float), (table.delay > 15).astype(int)
    train, held = slice(0, 150_000), slice(150_000, None)
    model = lgb.train(
        {"objective": "binary", "num_leaves": 15, "learning_rate": 0.15, "seed": SEED, "num_threads": 1, "deterministic": True, "verbose": -1},
        lgb.Dataset(x[train], y[train]), num_boost_round=40,
    )
    out = os.path.join(demo, "models")
    os.makedirs(out, exist_ok=True)
    model.save_model(os.path.join(out, "delay.txt"))
    scores = model.predict(x[held])
    cuts = [round(float(q), 6) for q in np.quantile(scores, np.arange(1, 100) / 100)]
    with open(os.path.join(out, "percentiles.json"), "w") as f:
        json.dump({"percentiles": cuts}, f)
        f.write("\n")
    x[held].head(200).to_csv(os.path.join(out, "background.csv"), index=False)
    late = y[held].to_numpy()
    order = scores.argsort().argsort() + 1
    auc = (order[late == 1].sum() - late.sum() * (late.sum() + 1) / 2) / (late.sum() * (len(late) - late.sum()))
    print(f"AUC on held-out flights {auc:.3f}; {late.mean():.3f} of them are late")


main(*sys.argv[1:])
