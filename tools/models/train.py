"""Trains small models on the flights with the current libraries and writes fixtures.

Run by tools/models/run. Everything is seeded and runs on one thread.
"""

import argparse
import json
import os
import tempfile

import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fixture import answers, csv, write
from flights import CATEGORY, NUMERIC, SEED, read

MIXED = ["distance", "hour", "weekday", "origin_delay"]  # with CATEGORY: the models with categories
BRIEF = 200  # held-out rows whose contributions are kept where there are many outputs


def classes(delay):
    """0 early or on time, 1 a little late, 2 late."""
    return np.digitize(delay, [0.5, 15.5])


def late_minutes(t):
    """Delay in minutes, the far ends cut off."""
    return t.delay.clip(-60, 300)


def xgboost_models(out, train, held):
    common = {"nthread": 1, "seed": SEED, "tree_method": "hist"}
    data = xgb.DMatrix(train[NUMERIC], train.late)
    test = xgb.DMatrix(held[NUMERIC])

    def save(name, booster, test, contributions=0, ending="json", output=None):
        write(out, f"{name}.{ending}", bytes(booster.save_raw(raw_format=ending)))
        given = booster.predict(test) if output is None else output
        part = test.slice(range(contributions)) if 0 < contributions < test.num_row() else test
        answers(out, name, given, booster.predict(part, pred_contribs=True) if contributions else None)

    booster = xgb.train({**common, "objective": "binary:logistic", "max_depth": 6, "eta": 0.1}, data, 100)
    save("xgb_binary", booster, test, len(held))
    scores = np.sort(booster.predict(data))
    cuts = [float(scores[len(scores) * i // 100]) for i in range(1, 100)]
    write(out, "percentiles.json", json.dumps({"percentiles": cuts}))

    data.set_label(late_minutes(train))
    booster = xgb.train({**common, "objective": "reg:squarederror", "max_depth": 5, "base_score": 5.5}, data, 40)
    save("xgb_regression", booster, test, len(held))
    write(out, "xgb_regression.ubj", bytes(booster.save_raw(raw_format="ubj")))

    booster = xgb.train({**common, "objective": "reg:absoluteerror", "max_depth": 4}, data, 10)
    save("xgb_absolute", booster, test, ending="ubj")

    data.set_label(train.delay.clip(0, 300))
    booster = xgb.train({**common, "objective": "count:poisson", "max_depth": 3, "eta": 0.3}, data, 15)
    save("xgb_poisson", booster, test)

    data.set_label(classes(train.delay))
    booster = xgb.train({**common, "objective": "multi:softprob", "num_class": 3, "max_depth": 4, "eta": 0.3}, data, 20)
    save("xgb_multi", booster, test, BRIEF, ending="ubj")
    booster = xgb.train({**common, "objective": "multi:softmax", "num_class": 3, "max_depth": 3, "eta": 0.3}, data, 5)
    save("xgb_softmax", booster, test)

    data.set_label(train.late)
    booster = xgb.train({**common, "objective": "binary:logistic", "max_depth": 4, "booster": "dart", "rate_drop": 0.3}, data, 20)
    save("xgb_dart", booster, test, BRIEF)
    booster = xgb.train({**common, "objective": "binary:logistic", "max_depth": 5, "num_parallel_tree": 4, "subsample": 0.5, "eta": 1}, data, 3)
    save("xgb_forest", booster, test)

    frame = mixed(train)
    data = xgb.DMatrix(frame, train.late, enable_categorical=True)
    test = xgb.DMatrix(mixed(held, frame), enable_categorical=True)
    for name, one_hot in (("xgb_category", 4), ("xgb_onehot", 100)):
        booster = xgb.train({**common, "objective": "binary:logistic", "max_depth": 5, "max_cat_to_onehot": one_hot, "eta": 0.2}, data, 25)
        save(name, booster, test, BRIEF)

    # Early stopping: the scikit-learn wrapper predicts with the best round only.
    model = xgb.XGBClassifier(n_estimators=60, max_depth=6, learning_rate=0.5, early_stopping_rounds=5, n_jobs=1, random_state=SEED)
    model.fit(train[NUMERIC][:8000], train.late[:8000], eval_set=[(train[NUMERIC][8000:12000], train.late[8000:12000])], verbose=False)
    assert model.get_booster().num_boosted_rounds() > model.best_iteration + 1
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.json")
        model.save_model(path)  # unlike the booster's own, it says that the wrapper wrote it
        with open(path, "rb") as f:
            write(out, "xgb_stopped.json", f.read())
    answers(out, "xgb_stopped", model.predict_proba(held[NUMERIC])[:, 1])


def mixed(t, like=None):
    """MIXED and CATEGORY, the latter as pandas categories in sorted order."""
    frame = t[MIXED + CATEGORY].copy()
    for name in CATEGORY:
        kinds = sorted(t[name].dropna().unique()) if like is None else like[name].cat.categories
        frame[name] = pd.Categorical(t[name], categories=kinds)
    return frame


def lightgbm_models(out, train, held):
    common = {"num_threads": 1, "seed": SEED, "deterministic": True, "force_row_wise": True, "verbosity": -1}

    def save(name, booster, test, contributions=0):
        write(out, f"{name}.txt", booster.model_to_string())
        answers(out, name, booster.predict(test), booster.predict(test[:contributions], pred_contrib=True) if contributions else None)

    def fit(params, x, y, rounds):
        return lgb.train({**common, **params}, lgb.Dataset(x, y, free_raw_data=False), rounds)

    x, test = train[NUMERIC], held[NUMERIC]
    save("lgb_binary", fit({"objective": "binary", "num_leaves": 31}, x, train.late, 100), test, len(held))
    save("lgb_regression", fit({"objective": "regression", "num_leaves": 20}, x, late_minutes(train), 30), test, BRIEF)
    save("lgb_zero", fit({"objective": "regression", "num_leaves": 15, "zero_as_missing": True}, x, late_minutes(train), 20), test, BRIEF)
    save("lgb_nomissing", fit({"objective": "regression_l1", "num_leaves": 15, "use_missing": False}, x, late_minutes(train), 10), test)
    save("lgb_sqrt", fit({"objective": "regression", "reg_sqrt": True, "num_leaves": 8}, x, late_minutes(train), 10), test)
    save("lgb_poisson", fit({"objective": "poisson", "num_leaves": 8}, x, train.delay.clip(0, 300), 10), test)
    save("lgb_multi", fit({"objective": "multiclass", "num_class": 3, "num_leaves": 15}, x, classes(train.delay), 15), test, BRIEF)
    save("lgb_ova", fit({"objective": "multiclassova", "num_class": 3, "num_leaves": 8}, x, classes(train.delay), 5), test)
    save("lgb_forest", fit({"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "num_leaves": 15}, x, train.late, 10), test)
    frame = mixed(train)
    save("lgb_category", fit({"objective": "binary", "num_leaves": 31, "min_data_per_group": 20}, frame, train.late, 30), mixed(held, frame), BRIEF)


def onnx_models(out, train, held):
    """scikit-learn models; the answers are scikit-learn's own, not ONNX Runtime's."""
    x, test = train[NUMERIC].to_numpy(np.float32), held[NUMERIC].to_numpy(np.float32)
    words = np.array(["on time", "late"])

    def save(name, model, given, inputs, options=None):
        proto = to_onnx(model, initial_types=inputs, options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        write(out, f"{name}.onnx", proto.SerializeToString())
        answers(out, name, given)

    tensor = [("features", FloatTensorType([None, len(NUMERIC)]))]
    forest = make_pipeline(SimpleImputer(), RandomForestClassifier(30, max_depth=6, random_state=SEED, n_jobs=1)).fit(x, train.late)
    save("onnx_forest", forest, forest.predict_proba(test), tensor, {"zipmap": False})
    labels = words[train.late]
    forest = make_pipeline(SimpleImputer(), RandomForestClassifier(10, max_depth=5, random_state=SEED, n_jobs=1)).fit(x, labels)
    save("onnx_zipmap", forest, forest.predict_proba(test), tensor)
    multi = make_pipeline(SimpleImputer(), RandomForestClassifier(10, max_depth=5, random_state=SEED, n_jobs=1)).fit(x, classes(train.delay))
    save("onnx_multi", multi, multi.predict_proba(test), tensor)
    boost = make_pipeline(SimpleImputer(), GradientBoostingRegressor(n_estimators=30, max_depth=4, random_state=SEED)).fit(x, late_minutes(train))
    save("onnx_boost", boost, boost.predict(test), tensor)
    net = make_pipeline(SimpleImputer(), StandardScaler(), MLPRegressor(hidden_layer_sizes=(32, 16), random_state=SEED, max_iter=12)).fit(x, late_minutes(train))
    save("onnx_net", net, net.predict(test), tensor)
    # What the benchmarks of predictions ask.
    hundred = make_pipeline(SimpleImputer(), GradientBoostingClassifier(n_estimators=100, max_depth=5, random_state=SEED)).fit(x, train.late)
    save("onnx_hundred", hundred, hundred.predict_proba(test), tensor, {"zipmap": False})
    groups = make_pipeline(SimpleImputer(), StandardScaler(), KMeans(5, random_state=SEED, n_init=1)).fit(x)
    save("onnx_cluster", groups, groups.predict(test), tensor)

    # One input per feature, by name; strings among them.
    frame = train[MIXED + CATEGORY].copy()
    ask = held[MIXED + CATEGORY].copy()
    for t in (frame, ask):
        t[MIXED] = t[MIXED].astype(np.float32)
        t[CATEGORY] = t[CATEGORY].fillna("").astype(object)
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), MIXED),
        ("words", OneHotEncoder(handle_unknown="ignore"), CATEGORY),
    ])
    model = make_pipeline(prepare, LogisticRegression(max_iter=300, random_state=SEED)).fit(frame, labels)
    inputs = [(n, FloatTensorType([None, 1])) for n in MIXED] + [(n, StringTensorType([None, 1])) for n in CATEGORY]
    save("onnx_mixed", model, model.predict_proba(ask), inputs)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--from", dest="source", required=True, help="folder with airports.csv and flights-3m.parquet")
    p.add_argument("--out", required=True, help="folder for the fixtures")
    p.add_argument("--rows", required=True, help="where to leave the tables for older.py")
    a = p.parse_args()
    train, held = read(a.source)
    np.savez(a.rows, x=train[NUMERIC].to_numpy(), late=train.late, minutes=late_minutes(train), kind=classes(train.delay), test=held[NUMERIC].to_numpy(), names=NUMERIC)
    csv(a.out, "rows", NUMERIC + CATEGORY, held[NUMERIC + CATEGORY].itertuples(index=False))
    csv(a.out, "background", NUMERIC + CATEGORY, train[NUMERIC + CATEGORY][:1000].itertuples(index=False))
    xgboost_models(a.out, train, held)
    lightgbm_models(a.out, train, held)
    onnx_models(a.out, train, held)


main()
