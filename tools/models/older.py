"""Writes fixtures with one older release of XGBoost or LightGBM, whichever is installed.

Run by tools/models/run, once per release, on the tables that train.py left.
"""

import argparse

import numpy as np

from fixture import answers, write
SEED = 20010101  # as in flights.py, which needs pandas


def xgboost(out, d):
    import xgboost as xgb

    release = "xgb" + "".join(xgb.__version__.split(".")[:2])  # xgb17, xgb21
    common = {"nthread": 1, "seed": SEED, "tree_method": "hist", "max_depth": 4}
    test = xgb.DMatrix(d["test"])
    for name, objective, label, rounds, more in (
        ("binary", "binary:logistic", d["late"], 10, {"base_score": 0.3}),
        ("regression", "reg:squarederror", d["minutes"], 10, {}),
        ("multi", "multi:softprob", d["kind"], 5, {"num_class": 3}),
    ):
        booster = xgb.train({**common, "objective": objective, **more}, xgb.DMatrix(d["x"], label), rounds)
        write(out, f"{release}_{name}.json", bytes(booster.save_raw(raw_format="json")))
        answers(out, f"{release}_{name}", booster.predict(test))


def lightgbm(out, d):
    import lightgbm as lgb

    release = "lgb" + "".join(lgb.__version__.split(".")[:2])  # lgb22, lgb33
    common = {"num_threads": 1, "seed": SEED, "verbosity": -1, "num_leaves": 10}
    for name, objective, label, rounds, more in (
        ("binary", "binary", d["late"], 10, {}),
        ("multi", "multiclass", d["kind"], 4, {"num_class": 3}),
    ):
        # The weekday, feature 3, as a category.
        data = lgb.Dataset(d["x"], label, feature_name=list(d["names"]), categorical_feature=[3])
        booster = lgb.train({**common, "objective": objective, **more}, data, rounds)
        text = booster.model_to_string() if hasattr(booster, "model_to_string") else booster._save_model_to_string()
        write(out, f"{release}_{name}.txt", text)
        answers(out, f"{release}_{name}", booster.predict(d["test"]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    d = np.load(a.rows)
    try:
        xgboost(a.out, d)
    except ModuleNotFoundError:
        lightgbm(a.out, d)


main()
