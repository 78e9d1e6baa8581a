"""Calls a server with the official client of the Dataiku API node: lookups, predictions, admin."""
import csv
import gzip
import os
import sys

import dataikuapi
from dataikuapi.utils import DataikuException


def check(got, want):
    if got != want:
        sys.exit("got  %r\nwant %r" % (got, want))


def refused(call, *args):
    try:
        call(*args)
    except DataikuException as e:
        return str(e)
    sys.exit("%r %r is not refused" % (call, args))


def table(folder, name):
    with gzip.open(os.path.join(folder, name + ".csv.gz"), "rt") as f:
        return list(csv.reader(f))


def close(got, want):
    if not abs(got - want) <= 1e-5:
        sys.exit("got  %r\nwant %r" % (got, want))


def predictions(client, folder):
    """predict_record and predict_records with held-out flights, against XGBoost's own answers."""
    names, *cells = table(folder, "rows")
    want = [float(row[0]) for row in table(folder, "xgb_binary.answers")[1:]]
    # A cell that is missing is what pandas makes of it.
    rows = [{n: float(c) if c else float("nan") for n, c in zip(names[:20], row)} for row in cells[:200]]
    holes = [any(v != v for v in row.values()) for row in rows]
    assert 0 < sum(holes) < len(rows)

    for i in range(3):
        answer = client.predict_record("late", rows[i], context={"why": "test"})
        check(set(answer), {"result", "timing", "apiContext"})
        result = answer["result"]
        check(set(result), {"prediction", "probas", "probaPercentile", "ignored"})
        close(result["probas"]["late"], want[i])
        check(result["prediction"], "late" if want[i] >= 0.3 else "on time")
        check({type(v) for v in answer["timing"].values()} | {type(result["probaPercentile"])}, {int})

    answer = client.predict_records("late", [{"features": row} for row in rows])
    check(len(answer["results"]), len(rows))
    for result, p in zip(answer["results"], want):
        close(result["probas"]["late"], p)

    # Rows with something missing are ignored in place by the endpoint that says so.
    results = client.predict_records("strict", [{"features": row, "context": {"n": i}} for i, row in enumerate(rows)])["results"]
    for result, hole, p in zip(results, holes, want):
        check(result["ignored"], hole)
        if hole:
            check(result, {"ignored": True, "ignoreReason": "IGNORED_BY_MODEL"})
        else:
            close(result["probas"]["late"], p)
    check(client.predict_records("late", [])["results"], [])

    # Explanations, off unless asked for, and the same when asked again.
    for method, steps in (("ICE", None), ("SHAPLEY", 100), ("TREESHAP", None)):
        ask = lambda: client.predict_record("late", rows[0], with_explanations=True, explanation_method=method, n_explanations=4, n_explanations_mc_steps=steps)
        first = ask()["result"]["explanations"]
        check(len(first), 4)
        check(set(first) <= set(names[:20]), True)
        check({type(v) for v in first.values()} <= {int, float}, True)
        check(ask()["result"]["explanations"], first)
    many = client.predict_records("late", [{"features": row} for row in rows[:3]], with_explanations=True, explanation_method="SHAPLEY", n_explanations=2)
    check([len(r["explanations"]) for r in many["results"]], [2, 2, 2])
    print(refused(lambda: client.predict_record("late", rows[0], with_explanations=True, n_explanations_mc_steps=1)))

    # Generations, mapped or not.
    for tag in ("v1", "v2"):
        check(client.predict_record("late", rows[0], forced_generation=tag)["apiContext"]["serviceGeneration"], tag)
    print(refused(lambda: client.predict_record("late", rows[0], forced_generation="v9")))
    keys = {client.predict_record("late", rows[0], dispatch_key="me")["apiContext"]["serviceGeneration"] for _ in range(5)}
    check(len(keys), 1)


def queries(client):
    """sql_query on each database, with parameters and without any."""
    for name in ("sqlite", "postgres", "mariadb"):
        answer = client.sql_query(name, {"n": 41, "said": "it's \u00e9; --"})
        check(set(answer), {"results", "timing", "apiContext"})
        result = answer["results"][0]
        check(result["rows"], [["42", "it's \u00e9; --"]])
        check([c["name"] for c in result["columns"]], ["next", "said"])
        check((type(result["columns"][0]["type"]), result["updatedRows"]), (str, 0))
        check({type(v) for v in answer["timing"].values()}, {int})
        check(client.sql_query(name, {"n": "-1", "said": None})["results"][0]["rows"], [["0", None]])
        for nothing in ({}, None):
            check(client.sql_query(name + " none", nothing)["results"][0]["rows"], [["1"]])
        print(refused(client.sql_query, name, {"n": 1}))
        print(refused(client.sql_query, name, {"n": "one", "said": ""}))


def functions(client):
    """run_function in Python and R, with arguments and without any."""
    for name in ("add", "add in r"):
        answer = client.run_function(name, a=41)
        check(answer["response"], 42)
        check(set(answer["timing"]), {"preProcessing", "wait", "execution", "functionInternal"})
        check({type(v) for v in answer["timing"].values()}, {int})
        check(answer["apiContext"]["endpointId"], name)
        check(client.run_function(name, a=1.5, b=2)["response"], 3.5)
        print(refused(client.run_function, name))
    print(refused(lambda: client.run_function("add", a=1, b="2")))
    print(refused(lambda: client.run_function("add", a=1, c=2)))
    check(client.run_function("nothing")["response"], None)
    check(client.run_function("whole"), {"a": 1})


def main(url, folder):
    for base in (url, url + "/"):
        client = dataikuapi.APINodeClient(base, "svc", api_key="KEY")
        check(client.lookup_record("e", {"id": 1}), {"data": {"id": 1, "name": "one"}, "ignored": False})
        check(client.lookup_record("e", {"id": float("nan")})["data"], {"id": None, "name": None})
        check(client.lookup_record("e", {"id": 9007199254740993}, context={"a": 1})["data"]["name"], "big")
        answer = client.lookup_records("e", [{"data": {"id": "1"}}, {"data": {"id": 2}}])
        check([r["data"]["name"] for r in answer["results"]], ["one", None])
        check(answer["apiContext"], {"serviceId": "svc", "endpointId": "e", "serviceGeneration": "v1"})
        check({type(v) for v in answer["timing"].values()}, {int})
    bearer = dataikuapi.APINodeClient(url, "svc", bearer_token="KEY")
    check(bearer.lookup_record("e", {"id": 1})["data"]["name"], "one")
    print(refused(dataikuapi.APINodeClient(url, "svc").lookup_record, "e", {"id": 1}))
    print(refused(client.predict_record, "e", {"id": 1}))
    predictions(client, folder)
    functions(client)
    queries(client)

    admin = dataikuapi.APINodeAdminClient(url + "/", "ADM")
    admin.create_service("made")
    check([s["serviceId"] for s in admin.list_services()], ["made", "svc"])
    admin.service("made").delete()
    service = admin.service("svc")
    check([g["tag"] for g in service.list_generations()], ["v2", "v1"])
    service.preload_generation("v2")
    service.switch_to_single_generation("v2")
    check(client.lookup_records("e", [])["apiContext"]["serviceGeneration"], "v2")
    service.set_generations_mapping({"entries": [{"generation": "v1", "proba": 0.5}, {"generation": "v2", "proba": 0.5}]})
    service.disable()
    print(refused(client.lookup_record, "e", {"id": 1}))
    service.enable()
    service.switch_to_newest()
    check(client.lookup_records("e", [])["apiContext"]["serviceGeneration"], "v2")
    check("endpoints" in admin.get_metrics(), True)
    auth = admin.auth()
    key = auth.add_key(label="made")
    check(sorted(k["id"] for k in auth.list_keys()), ["adm", "key", "made"])
    auth.delete_key(key["key"])
    print(refused(dataikuapi.APINodeAdminClient(url, "KEY").list_services))


main(*sys.argv[1:])
