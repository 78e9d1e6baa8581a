"""Runs one user function in a worker process of Quiver.

Frames are a 4-byte big-endian length and that many bytes of JSON: requests come in on
descriptor 3, answers go out on descriptor 4. The first request says what to load;
every further one holds the arguments of one call. Answers are numbered from 0.
The process ends when the server closes descriptor 3, or dies.
"""
import os
import sys

REQUESTS, ANSWERS = 3, 4
for _descriptor in (REQUESTS, ANSWERS):  # commands that user code starts must not hold them
    os.set_inheritable(_descriptor, False)

import base64
import datetime
import decimal
import importlib.util
import inspect
import json
import resource
import time
import traceback
import types

MESSAGE, TRACE = 4096, 16384  # characters kept of a message and of a traceback
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Error(Exception):
    """Raised by user code to choose the status and the text of the answer."""

    def __init__(self, status=500, message=""):
        if isinstance(status, str):  # quiver.Error("text") means 500
            status, message = 500, status
        super().__init__(message)
        self.status, self.message = int(status), str(message)


class Response:
    """Returned by user code to answer with a body, a status and headers of its own.

    headers is a dict or a list of pairs; a name may occur repeatedly. body is text,
    bytes, or anything else, which is sent as JSON.
    """

    def __init__(self, status=200, headers=(), body=""):
        pairs = headers.items() if isinstance(headers, dict) else headers
        self.status, self.body = int(status), body
        self.headers = [(str(name), str(value)) for name, value in pairs]


class Called(Exception):
    """What a call of another endpoint answered instead of a result."""

    def __init__(self, status, kind, message):
        super().__init__("%s: %s" % (kind, message))
        self.status, self.kind, self.message = status, kind, message


def call_endpoint(_endpoint, **arguments):
    """Calls another function of the same service, in the name of whoever made the
    present call, and returns its result. It needs `request: true` of the endpoint."""
    import http.client
    import ssl
    import urllib.parse

    request = module.request
    if not request or not request.get("server"):
        raise RuntimeError("quiver.call needs `request: true` of the endpoint, and a server that listens")
    server = urllib.parse.urlsplit(request["server"])
    if server.scheme == "https":  # on loopback, whatever name the certificate is for
        connection = http.client.HTTPSConnection(server.netloc, timeout=60, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(server.netloc, timeout=60)
    path = "/public/api/v1/%s/%s/run" % tuple(urllib.parse.quote(s, safe="") for s in (request["service"], _endpoint))
    headers = {k: v for k, v in request["headers"].items() if k.lower() == "authorization"}
    try:
        connection.request("POST", path, json.dumps(arguments), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read().decode())
    finally:
        connection.close()
    if answer.status >= 400:
        raise Called(answer.status, body.get("errorType"), body.get("message"))
    return body["response"]


class BadArguments(Exception):
    """The function cannot be called with these arguments; it was not."""


# What user code gets from `import quiver`.
module = types.ModuleType("quiver")
module.Error, module.Response, module.Called = Error, Response, Called
module.call, module.request = call_endpoint, None
for _public in (Error, Response, Called):
    _public.__module__ = "quiver"
sys.modules["quiver"] = module


def read(stream):
    """Returns the next frame, None at the end of the server."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    want = int.from_bytes(size, "big")
    body = stream.read(want)
    return body if len(body) == want else None


def send(body):
    data = memoryview(len(body).to_bytes(4, "big") + body)
    while data:
        data = data[os.write(ANSWERS, data):]


def limit(limits):
    """Sets resource limits, hard and soft; returns what could not be set."""
    kinds = {
        "memory": resource.RLIMIT_AS, "cpu": resource.RLIMIT_CPU, "core": resource.RLIMIT_CORE,
        "files": resource.RLIMIT_NOFILE, "processes": resource.RLIMIT_NPROC,
    }
    failed = []
    for name, value in limits.items():
        try:
            hard = resource.getrlimit(kinds[name])[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(kinds[name], (value, value))
        except (OSError, ValueError) as e:
            failed.append("%s: %s" % (name, e))
    return failed


def trace(e):
    """Returns the traceback of e from the first line of user code on."""
    tb = e.__traceback__
    while tb and (tb.tb_frame.f_code.co_filename == __file__ or "importlib" in tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        text = "".join(traceback.format_exception(type(e), e, tb))
    except Exception:
        text = "(the traceback cannot be shown)"
    return text if len(text) <= TRACE else "[...]\n" + text[-TRACE:]


def failure(kind, e, **more):
    try:
        message = str(e)
    except Exception:
        message = "(its text cannot be shown)"
    name = type(e).__name__
    if type(e).__module__ not in ("builtins", "__main__"):
        name = type(e).__module__ + "." + name
    out = {"kind": kind, "type": name, "message": message[:MESSAGE]}
    out.update(more)
    return out


def load(setup):
    """Imports the user's file and returns the function in it."""
    folder, file = setup["folder"], setup["file"]
    sys.path.insert(0, folder)
    path = os.path.join(folder, file)
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError("%s is no Python file" % file)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    function = getattr(loaded, setup["function"], None)
    if not callable(function):
        has = sorted(n for n, v in vars(loaded).items() if isinstance(v, types.FunctionType) and v.__module__ == name)
        raise NameError("%s has no function %s; it has: %s" % (file, setup["function"], ", ".join(has) or "none"))
    return function


class Keywords:
    """Calling convention "arguments": the members of the object are keyword arguments."""

    def __init__(self, name, function):
        self.name, self.function = name, function
        self.required, self.allowed, self.any, positional = set(), [], False, []
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # written in C: it judges its arguments itself
            self.any, parameters = True, ()
        for p in parameters:
            if p.kind is p.VAR_KEYWORD:
                self.any = True
            elif p.kind is p.POSITIONAL_ONLY:
                if p.default is p.empty:
                    positional.append(p.name)
            elif p.kind is not p.VAR_POSITIONAL:
                self.allowed.append(p.name)
                if p.default is p.empty:
                    self.required.add(p.name)
        if positional:
            raise TypeError("%s cannot be called by name: %s can only be given by position" % (name, ", ".join(positional)))
        self.names = set(self.allowed)

    def arguments(self, args):
        if not isinstance(args, dict):
            raise BadArguments("the arguments of %s are given as a JSON object, not as %s" % (self.name, type(args).__name__))
        names = args.keys()
        if self.required <= names and (self.any or names <= self.names):
            return (), args
        wrong = []
        missing = [n for n in self.allowed if n in self.required and n not in args]
        if missing:
            wrong.append("missing " + ", ".join(missing))
        if not self.any:
            unknown = sorted(n for n in names if n not in self.names)
            if unknown:
                wrong.append("unexpected " + ", ".join(unknown))
        raise BadArguments("%s(%s): %s" % (self.name, ", ".join(self.allowed) + (", **" if self.any else ""), "; ".join(wrong)))

    def result(self, value):
        return value

    def special(self, number):
        return None  # NaN and the infinities are no JSON; they mean that there is no value

    def plain(self, value):
        if hasattr(value, "tolist"):  # numpy scalars and arrays
            return value.tolist()
        raise TypeError("a value of type %s cannot be written as JSON" % type(value).__name__)


def typed(spec, column):
    """The values of a column as what their type is in Python; see package function."""
    one = reader(spec)
    return column if one is None else [None if v is None else one(v) for v in column]


def reader(spec):
    """Makes a value that is not None of its JSON; None if it is that already."""
    if isinstance(spec, str):
        return READERS[spec]
    kind, of = spec
    if kind == "struct":
        fields = {name: reader(inner) for name, inner in of.items()}
        return lambda v: {k: x if x is None or fields.get(k) is None else fields[k](x) for k, x in v.items()}
    one = reader(of)
    if one is None:
        return None
    if kind == "list":
        return lambda v: [None if x is None else one(x) for x in v]
    return lambda v: {k: None if x is None else one(x) for k, x in v.items()}


READERS = {
    "plain": None,
    "float": lambda v: Columns.WORDS[v] if type(v) is str else v,
    "datetime": lambda v: datetime.datetime.fromisoformat(v.replace("Z", "+00:00")),
    "date": datetime.date.fromisoformat,
    "decimal": lambda v: decimal.Decimal(repr(v)),
    "bytes": base64.b64decode,
}


class Columns:
    """Calling convention "columns": f(ts, column, ...) -> {name: column}."""

    WORDS = {"NaN": float("nan"), "+infinity": float("inf"), "-infinity": float("-inf")}

    def __init__(self, name, function):
        self.name, self.function = name, function
        try:
            self.signature = inspect.signature(function)
        except (TypeError, ValueError):
            self.signature = None

    def arguments(self, args):
        types = args.get("types") or [None] * len(args["inputs"])
        columns = [
            self.numbers(args["data"][name]) if spec is None else typed(spec, args["data"][name])
            for name, spec in zip(args["inputs"], types)
        ]
        now = datetime.datetime.fromisoformat(args["now"].replace("Z", "+00:00"))
        given = [[now] * (len(columns[0]) if columns else args.get("rows", 1))] + columns
        if self.signature is not None:
            try:
                self.signature.bind(*given)
            except TypeError as e:
                names = ", ".join(["ts"] + args["inputs"])
                raise BadArguments("%s%s cannot be called with (%s): %s" % (self.name, self.signature, names, e)) from None
        return given, {}

    def numbers(self, column):
        """Float columns carry NaN and the infinities as words; makes them numbers."""
        words = self.WORDS
        if any(type(v) is str and v in words for v in column) and all(
            v is None or type(v) in (int, float) or type(v) is str and v in words for v in column
        ):
            return [words[v] if type(v) is str else v for v in column]
        return column

    def result(self, value):
        if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a DataFrame
            return value.to_dict("list")
        if hasattr(value, "tolist") and getattr(value, "name", None) is not None:  # a named Series
            return {value.name: value}
        if isinstance(value, dict):
            return value
        raise TypeError("%s must return a dict of columns, not %s" % (self.name, type(value).__name__))

    def special(self, number):
        return "NaN" if number != number else "+infinity" if number > 0 else "-infinity"

    def plain(self, value):
        if hasattr(value, "tolist"):
            return value.tolist()
        if isinstance(value, datetime.datetime):
            if value != value:  # not a time
                return None
            if value.tzinfo is not None:
                value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
            return value.isoformat(timespec="microseconds") + "Z"
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, decimal.Decimal):
            return str(value)
        if isinstance(value, (bytes, bytearray)):
            return base64.b64encode(value).decode()
        if isinstance(value, (set, frozenset, range, map, filter)):
            return list(value)
        raise TypeError("a value of type %s cannot be written as JSON" % type(value).__name__)


class Frames(Keywords):
    """Calling convention "frames": f(frame) -> predictions, for all rows in one call."""

    def __init__(self, name, function, table):
        self.name, self.function = name, function
        self.columns, self.answer = table["columns"], table["answer"]
        self.classes = table["classes"] or []
        self.index = {c: i for i, c in enumerate(self.classes)}
        try:
            import pandas
            self.table = pandas.DataFrame
        except ImportError:
            self.table = dict

    def arguments(self, args):
        data, self.rows = {}, args["rows"]
        for name, column in zip(self.columns, args["data"]):
            numbers = any(type(v) in (int, float) for v in column)
            data[name] = [float("nan") if v is None else v for v in column] if numbers else column
        return (self.table(data),), {}

    def result(self, value):
        if isinstance(value, tuple) and len(value) == 2:  # labels and probabilities
            value = value[1] if self.answer == "probabilities" else value[0]
        if self.answer == "probabilities":
            value = self.probabilities(value)
        else:
            value = self.listed(value, self.name)
            if self.answer == "labels":
                value = [self.label(v) for v in value]
        return [self.number(v) for v in value]

    def listed(self, value, what):
        value = value.tolist() if hasattr(value, "tolist") else list(value)
        if len(value) != self.rows:
            raise ValueError("%s returned %d predictions for %d rows" % (what, len(value), self.rows))
        return value

    def probabilities(self, value):
        """Returns the probability of the second of two classes, or those of all classes row by row."""
        if hasattr(value, "columns"):  # a DataFrame with a column for each class
            value = {c: value[c] for c in value.columns}
        if isinstance(value, dict):
            named = {str(c): column for c, column in value.items()}
            missing = [c for c in self.classes if c not in named]
            if missing:
                raise ValueError("%s returned no probabilities of %s" % (self.name, ", ".join(missing)))
            columns = [self.listed(named[c], "%s, class %s," % (self.name, c)) for c in self.classes]
            rows = list(zip(*columns))
        else:
            rows = self.listed(value, self.name)
        two = len(self.classes) == 2
        out = []
        for row in rows:
            row = row.tolist() if hasattr(row, "tolist") else row
            if two and not isinstance(row, (list, tuple)):
                out.append(row)
                continue
            if row is None:
                row = [None] * len(self.classes)
            if len(row) != len(self.classes):
                raise ValueError("%s returned %d probabilities for %d classes" % (self.name, len(row), len(self.classes)))
            out.extend(row[1:] if two else row)
        return out

    def label(self, value):
        if value is None or value != value:
            return None
        if str(value) not in self.index:
            raise ValueError("%s returned %r, which is none of the classes %s" % (self.name, value, ", ".join(self.classes)))
        return self.index[str(value)]

    def number(self, value):
        return None if value is None else float(value)


class Writer:
    """Writes results as JSON in the way of a calling convention."""

    def __init__(self, convention):
        self.convention = convention
        self.encode = json.JSONEncoder(default=convention.plain, allow_nan=False, separators=(",", ":")).encode

    def json(self, value):
        try:
            return self.encode(value)
        except ValueError as e:
            if "float" not in str(e):
                raise
        return self.encode(self.clean(value))  # only now pay for looking at every number

    def clean(self, value):
        if isinstance(value, float):
            return value if value - value == 0 else self.convention.special(value)
        if isinstance(value, dict):
            return {k: self.clean(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.clean(v) for v in value]
        if value is None or isinstance(value, (str, int)):
            return value
        return self.clean(self.convention.plain(value))

    def response(self, r):
        if not 100 <= r.status <= 599:
            raise ValueError("quiver.Response: %d is no HTTP status" % r.status)
        out = {"status": r.status, "headers": r.headers}
        if isinstance(r.body, (bytes, bytearray)):
            out["base64"] = base64.b64encode(r.body).decode()
        elif isinstance(r.body, str):
            out["text"], out["kind"] = r.body, "text"
        else:
            out["text"], out["kind"] = self.json(r.body), "json"
        return json.dumps(out)


def call(convention, writer, body, limit, requests):
    """Makes one call; returns microseconds in the function, the answer's member and its JSON, and whether to go on."""
    clock, spent, own = time.perf_counter_ns, 0, False
    try:
        try:
            args = json.loads(body.decode())
        except (ValueError, RecursionError) as e:
            raise BadArguments("the arguments are no valid JSON: %s" % e) from None
        if requests:
            args, module.request = args["arguments"], args["request"]
        args, named = convention.arguments(args)
        begin, own = clock(), True
        try:
            value = convention.function(*args, **named)
        finally:
            spent = (clock() - begin) // 1000
        own = False
        try:
            if isinstance(value, Response):
                member, text = "response", writer.response(value)
            else:
                member, text = "result", writer.json(convention.result(value))
        except MemoryError:
            raise
        except Exception as e:
            return spent, "error", json.dumps(failure("serialise", e)), True
        if len(text) > limit:
            return spent, "error", json.dumps({"kind": "large", "message": "the answer has %d bytes, the limit is %d" % (len(text), limit)}), True
        return spent, member, text, True
    except BadArguments as e:
        return 0, "error", json.dumps(failure("arguments", e)), True
    except Error as e:
        out = failure("user", e, status=e.status, traceback=trace(e))
        out["type"] = "quiver.Error"
        return spent, "error", json.dumps(out), True
    except BaseException as e:  # also SystemExit: one call must not end the worker
        kind = "user" if own or isinstance(e, MemoryError) else "serialise"
        return spent, "error", json.dumps(failure(kind, e, traceback=trace(e))), not isinstance(e, MemoryError)


def main():
    stream = os.fdopen(REQUESTS, "rb", 1 << 16)
    body = read(stream)
    if body is None:
        return
    setup = json.loads(body.decode())
    for s in (sys.stdout, sys.stderr):
        s.reconfigure(line_buffering=True, errors="backslashreplace")
    failed = limit(setup["limits"])
    try:
        function = load(setup)
        if setup["convention"] == "frames":
            convention = Frames(setup["function"], function, setup["table"])
        else:
            convention = (Columns if setup["convention"] == "columns" else Keywords)(setup["function"], function)
    except BaseException as e:
        send(json.dumps({"id": 0, "error": failure("start", e, traceback=trace(e))}).encode())
        return
    writer = Writer(convention)
    hello = {"executable": sys.executable, "version": sys.version.split()[0], "unlimited": failed}
    send(json.dumps({"id": 0, "result": hello}).encode())

    number, pid = 0, os.getpid()
    while True:
        body = read(stream)
        if body is None:
            return
        number += 1
        spent, member, text, fit = call(convention, writer, body, setup["frame"], setup["request"])
        if os.getpid() != pid:  # user code forked and came back twice
            os._exit(0)
        send(('{"id":%d,"us":%d,"retire":%s,"%s":%s}' % (number, spent, "false" if fit else "true", member, text)).encode())


main()
for _stream in (sys.stdout, sys.stderr):
    try:
        _stream.flush()
    except Exception:
        pass
os._exit(0)  # threads that user code left behind must not keep the process
