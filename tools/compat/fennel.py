"""Calls a server with the official Fennel client: log, query, lookup, inspect, erase, branches."""
import sys
from datetime import datetime, timezone

import pandas as pd
from fennel.client import Client


def check(got, want):
    if got != want:
        sys.exit("got  %r\nwant %r" % (got, want))


def refused(call, *args, **more):
    try:
        call(*args, **more)
    except Exception as e:
        return str(e)
    sys.exit("%r %r is not refused" % (call, args))


def main(url):
    client = Client(url, "FENNELKEY0000001.secret")
    at = [datetime(2026, 1, 1, 12, i, tzinfo=timezone.utc) for i in range(3)]
    client.log("app", "users", pd.DataFrame({
        "id": [1, 2, 3], "name": ["Ann", "Bob", "Cy"], "age": [30.0, float("nan"), 50.0], "seen": at}), batch_size=2)

    names = ["User.id"]
    ask = pd.DataFrame({"User.id": [1, 2, 9]})
    got = client.query(names, ["User.name", "User.age", "User.senior"], ask)
    check(list(got.columns), ["User.name", "User.age", "User.senior"])
    check(got["User.name"].tolist(), ["Ann", "Bob", "nobody"])
    check([None if pd.isna(v) else int(v) for v in got["User.age"]], [30, None, None])
    check([bool(v) for v in got["User.senior"]], [False, False, False])
    check(sorted(client.query(names, ["User"], ask).columns), ["User.age", "User.id", "User.name", "User.senior"])
    client.query(names, ["User.name"], ask, log=True, workflow="compat", sampling_rate=1.0)

    values, found = client.lookup("users", pd.DataFrame({"id": [3, 9]}))
    check(found.tolist(), [True, False])
    check(values["name"].tolist()[0], "Cy")
    one, found = client.lookup("users", pd.DataFrame({"id": [1]}), fields=["name"])
    check((one.tolist(), found.tolist()), (["Ann"], [True]))
    early = pd.Series([datetime(2025, 1, 1, tzinfo=timezone.utc)])
    check(client.lookup("users", pd.DataFrame({"id": [1]}), timestamps=early)[1].tolist(), [False])
    check(len(client.inspect("users", n=2)), 2)

    client.erase("users", pd.DataFrame({"id": [1]}))
    check(client.lookup("users", pd.DataFrame({"id": [1]}))[1].tolist(), [False])

    # Branches take the rights of an administrator.
    print(refused(client.clone_branch, "trial", "main"))
    client = Client(url, "FENNELADMIN00001.secret")
    client.clone_branch("trial", "main")
    check(client.branch(), "trial")
    check(sorted(client.list_branches()), ["main", "trial"])
    check(client.query(names, ["User.name"], ask)["User.name"].tolist(), ["nobody", "Bob", "nobody"])
    client.log("app", "users", pd.DataFrame({"id": [2], "name": ["Bo"], "age": [1.0], "seen": [datetime(2026, 2, 1, tzinfo=timezone.utc)]}))
    for branch in ("trial", "main"):  # what is logged goes to every branch that has the endpoint
        client.checkout(branch)
        check(client.query(names, ["User.name"], ask)["User.name"].tolist()[1], "Bo")
    client.delete_branch("trial")
    check(client.list_branches(), ["main"])

    print(refused(client.query, names, ["User.nothing"], ask))
    print(refused(client.query, ["User.name"], ["User.age"], pd.DataFrame({"User.name": ["x"]})))
    print(refused(client.log, "app", "users", pd.DataFrame({"id": [1]})))
    print(refused(client.log, "app", "nothing", pd.DataFrame({"id": [1]})))
    print(refused(client.lookup, "nothing", pd.DataFrame({"id": [1]})))
    print(refused(client.init_branch, "main"))
    print(refused(Client(url, "wrong").query, names, ["User.name"], ask))


main(sys.argv[1])
