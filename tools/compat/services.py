"""Calls a server with the official client of the Dataiku API node, of whatever version:
archives, cleaning, tokens, Swagger documents. What a version lacks is said."""
import inspect
import sys

import dataikuapi
from dataikuapi.utils import DataikuException
import requests


def check(got, want):
    if got != want:
        sys.exit("got  %r\nwant %r" % (got, want))


def refused(call, *args):
    try:
        call(*args)
    except DataikuException as e:
        return str(e)
    sys.exit("%r %r is not refused" % (call, args))


def main(url, archive, elsewhere, token, stranger):
    for base in (url, url + "/"):
        client = dataikuapi.APINodeClient(base, "svc", api_key="KEY")
        check(client.lookup_record("e", {"id": 1}), {"data": {"id": 1, "name": "one"}, "ignored": False})
        check(client.lookup_record("e", {"id": float("nan")}), {"data": {"id": None, "name": None}, "ignored": False})
        check(refused(client.lookup_record, "none", {"id": 1}).startswith("quiver.NotFoundException: Service \"svc\" has no endpoint"), True)

    # A generation from an archive: ready, forced before it is mapped, then mapped.
    admin = dataikuapi.APINodeAdminClient(url + "/", "ADM")
    service = admin.service("svc")
    check("is not in" in refused(service.import_generation_from_archive, elsewhere), True)
    service.import_generation_from_archive(archive)
    check("already" in refused(service.import_generation_from_archive, archive), True)
    check([(g["tag"], g["mappedProba"]) for g in service.list_generations()], [("v3", 0), ("v1", 1)])
    nan = {"x": float("nan"), "other": float("inf")}
    check(client.predict_record("m", nan, forced_generation="v3")["result"], {"prediction": 1, "ignored": False})
    answer = client.predict_records("m", [{"features": nan}, {"features": {"x": "9"}}], forced_generation="v3")
    check([r["prediction"] for r in answer["results"]], [1, 2])
    check(answer["apiContext"]["serviceGeneration"], "v3")
    check("none" in refused(lambda: client.predict_record("m", nan, forced_generation="none")), True)
    service.preload_generation("v3")
    service.switch_to_single_generation("v3")
    check(client.predict_record("m", {"x": 1})["result"]["prediction"], 1)

    if "bearer_token" in inspect.signature(dataikuapi.APINodeClient.__init__).parameters:
        holder = dataikuapi.APINodeClient(url + "/", "tok", bearer_token=token)
        check(holder.lookup_record("e", {"id": 1})["data"]["name"], "one")
        check("its key is not one of the issuer" in refused(dataikuapi.APINodeClient(url, "tok", bearer_token=stranger).lookup_record, "e", {"id": 1}), True)
    else:
        print("no tokens in this version of the client")
    check("NotAuthenticatedException" in refused(dataikuapi.APINodeClient(url, "tok", api_key="KEY").lookup_record, "e", {"id": 1}), True)

    path = "%s//public/api/v1/svc/swagger" % url
    check(requests.get(path, auth=("KEY", "")).json()["swagger"], "2.0")
    check(requests.get(path).status_code, 401)

    for name in ("clean_unused_services_and_generations", "clean_code_env_cache", "clear_model_cache"):
        if hasattr(admin, name):
            getattr(admin, name)()
        else:
            print("no %s in this version of the client" % name)
    if hasattr(admin, "clean_unused_services_and_generations"):
        check([g["tag"] for g in service.list_generations()], ["v3"])
        check(sorted(s["serviceId"] for s in admin.list_services()), ["svc", "tok"])


main(*sys.argv[1:])
