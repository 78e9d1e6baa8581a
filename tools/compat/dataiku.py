"""Calls a server with the official client of the Dataiku API node: lookups and admin."""
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


def main(url):
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


main(sys.argv[1])
