"""Calls a server with the official Hopsworks client: vectors, batches, what is missing, errors.

Only the cluster that the client logs in to is replaced; requests, decoding and the
dropping of missing features are the client's own.
"""
import datetime
import sys
from types import SimpleNamespace
from unittest import mock
from urllib.parse import urlsplit

from hopsworks_common import client as cluster
from hopsworks_common.client import online_store_rest_client as transport
from hopsworks_common.client.exceptions import RestAPIError
from hsfs.core.online_store_rest_client_engine import OnlineStoreRestClientEngine


def check(got, want):
    if got != want:
        sys.exit("got  %r\nwant %r" % (got, want))


def refused(status, call, *args, **more):
    try:
        call(*args, **more)
    except RestAPIError as e:
        check(e.response.status_code, status)
        return e.response.text
    sys.exit("%r %r is not refused" % (call, args))


def feature(name, kind, group, label=False):
    return SimpleNamespace(
        name=name, type=kind, label=label, feature_group=SimpleNamespace(id=group),
        inference_helper_column=False, training_helper_column=False)


def connect(url, key):
    at = urlsplit(url)
    cluster._get_instance()._auth._token = key
    transport._init_or_reset_online_store_rest_client(reset_client=True, optional_config={
        "host": at.hostname, "port": at.port, "use_ssl": False, "verify_certs": False})


def main(url):
    # What the client asks of the cluster: that there is a connection, and addresses that
    # the configuration overrules.
    there = SimpleNamespace(_connected=True, _get_ca_chain_path=lambda: None, _auth=SimpleNamespace(_token=None))
    with mock.patch.object(cluster, "_get_instance", return_value=there), \
            mock.patch.object(cluster, "_is_external", return_value=True), \
            mock.patch("hopsworks_common.core.variable_api.VariableApi._get_loadbalancer_external_domain", return_value="localhost"):
        connect(url, "HOPSWORKSKEY0001.secret")
        calls(url)


def calls(url):
    view = OnlineStoreRestClientEngine("shop_featurestore", "customer", 1, [
        feature("id", "bigint", 7), feature("born", "date", 7), feature("photo", "binary", 7),
        feature("spent", "decimal(10,2)", 7), feature("churned", "boolean", 7, label=True),
        feature("city_id", "bigint", 8), feature("city_name", "string", 8)])

    # One vector: dates and bytes are decoded by the client.
    whole = {"id": 1, "born": datetime.date(1984, 2, 29), "photo": b"\x00\x01\x02", "spent": 12.5, "city_id": 5, "city_name": "Bern"}
    check(view._get_single_feature_vector({"id": 1, "city_id": 5}), whole)
    check(view._get_single_feature_vector({"id": 1, "city_id": 5}, drop_missing=True), whole)
    check(view._get_single_feature_vector({"id": "1", "city_id": 5})["id"], "1")

    # A row that is not there: nulls, or, as by default, its group's features are dropped.
    check(view._get_single_feature_vector({"id": 1, "city_id": 9})["city_name"], None)
    check("city_name" in view._get_single_feature_vector({"id": 1, "city_id": 9}, drop_missing=True), False)
    check(view._get_single_feature_vector({"id": 2, "city_id": 5}, drop_missing=True), {"city_id": 5, "city_name": "Bern"})

    # A null key is left out by the client and read as missing.
    check("city_name" in view._get_single_feature_vector({"id": 1, "city_id": None}, drop_missing=True), False)

    # A batch in which entries are missing or wrong, with every way of reading it.
    entries = [{"id": 1, "city_id": 5}, {"id": 2, "city_id": 5}, {"id": "one", "city_id": 5}, {"other": 1}]
    rows = view._get_batch_feature_vectors(entries)
    check(rows[0], whole)
    check([r["born"] for r in rows[1:]], [None] * 3)
    rows = view._get_batch_feature_vectors(entries, drop_missing=True)
    check(rows[0], whole)
    check(rows[1], {"city_id": 5, "city_name": "Bern"})
    check([rows[2], rows[3]], [{}, {}])
    check(len(view._get_batch_feature_vectors([{"id": 1, "city_id": 5}] * 250, drop_missing=True)), 250)

    # The answer as it is, with what the features are called.
    raw = view._get_single_feature_vector(
        {"id": 1, "city_id": 5}, metadata_options={"featureName": True, "featureType": True}, return_type="response_json")
    check(raw["status"], "COMPLETE")
    check(raw["metadata"][1], {"featureName": "born", "featureType": "date"})
    check(len(raw["metadata"]), 6)

    # What the caller knows better.
    check(view._get_single_feature_vector({"id": 1, "city_id": 5}, passed_features={"city_name": "Thun"})["city_name"], "Thun")

    # Errors.
    absent = OnlineStoreRestClientEngine("shop_featurestore", "absent", 1, [])
    print(refused(400, absent._get_single_feature_vector, {"id": 1}))
    print(refused(415, view._get_single_feature_vector, {"id": "one"}))
    print(refused(400, view._get_single_feature_vector, {"other": 1}))
    print(refused(400, view._get_batch_feature_vectors, []))
    other = OnlineStoreRestClientEngine("closed_featurestore", "customer", 1, [])
    print(refused(401, other._get_single_feature_vector, {"id": 1}))
    connect(url, "HOPSWORKSKEY0001.wrong")
    print(refused(400, view._get_single_feature_vector, {"id": 1, "city_id": 5}))


main(sys.argv[1])
