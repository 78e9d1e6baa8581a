"""The same predictions as teams serve them in Python: FastAPI, one ONNX Runtime session of
one thread per process, rows in a list, a process per core.

    python predict.py plain|tuned MODEL.onnx.gz ROWS.csv.gz

plain is the way of FastAPI's own documents: a model of the body, a function that runs in the
thread pool, uvicorn as it installs by itself. tuned leaves out the model of the body and the
thread pool and has uvloop and httptools. It prints the address it serves, on a line, and ends
when its input does.
"""

import csv
import gzip
import os
import signal
import socket
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

GIVEN, FEATURES = 10, 20


def make(tuned, model, rows):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with gzip.open(model) as f:
        session = onnxruntime.InferenceSession(f.read(), options)
    with gzip.open(rows, "rt") as f:
        names, *cells = csv.reader(f)
    nothing = float("nan")
    given = names[:GIVEN]
    held = [[float(c) if c else nothing for c in row[GIVEN:FEATURES]] for row in cells]
    source, answer = session.get_inputs()[0].name, session.get_outputs()[1].name
    app = FastAPI()
    path = "/public/api/v1/bench/onnx/predict"

    def score(features):
        row = [features.get(name, nothing) for name in given] + held[int(features["id"]) % len(held)]
        p0, p1 = session.run([answer], {source: np.array([row], dtype=np.float32)})[0][0].tolist()
        return {"result": {"prediction": "1" if p1 >= 0.5 else "0", "probas": {"0": p0, "1": p1}, "ignored": False}}

    class Body(BaseModel):
        features: dict[str, float]

    if tuned:
        @app.post(path)
        async def predict(request: Request):
            return JSONResponse(score((await request.json())["features"]))
    else:
        @app.post(path)
        def predict(body: Body):
            return score(body.features)

    return app


def main(how, model, rows):
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    children = []
    for _ in range(os.cpu_count()):
        child = os.fork()
        if child == 0:
            tuned = how == "tuned"
            loop, http = ("uvloop", "httptools") if tuned else ("asyncio", "h11")
            config = uvicorn.Config(make(tuned, model, rows), loop=loop, http=http, log_level="error", access_log=False)
            uvicorn.Server(config).run(sockets=[listener])
            os._exit(0)
        children.append(child)
    print("%s:%d" % listener.getsockname(), flush=True)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)


main(*sys.argv[1:])
