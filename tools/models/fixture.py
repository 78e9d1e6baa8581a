"""How the fixtures are written: gzip without a time stamp, numbers that read back exactly."""

import gzip
import os

import numpy as np


def write(out, name, data):
    if isinstance(data, str):
        data = data.encode()
    with open(os.path.join(out, name + ".gz"), "wb") as f:
        with gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0, compresslevel=9) as z:
            z.write(data)


def cell(v):
    """A missing value is an empty cell; floats print with the digits that identify them."""
    if isinstance(v, str):
        return v
    if v is None or np.isnan(v):
        return ""
    if float(v) == int(v):
        return str(int(v))
    return np.format_float_positional(v, unique=True, trim="-") if abs(v) >= 1e-4 else repr(float(v))


def csv(out, name, header, rows):
    lines = [",".join(header)] + [",".join(cell(v) for v in row) for row in rows]
    write(out, name + ".csv", "\n".join(lines) + "\n")


def answers(out, name, values, contributions=None):
    """Predictions, one column per output, and contributions, the outputs one after another."""
    values = np.asarray(values)
    if values.ndim == 1:
        values = values[:, None]
    csv(out, name + ".answers", [f"y{i}" for i in range(values.shape[1])], values)
    if contributions is not None:
        c = np.asarray(contributions, dtype=np.float32)
        c = c.reshape(len(c), -1)
        csv(out, name + ".contribs", [f"c{i}" for i in range(c.shape[1])], c)
