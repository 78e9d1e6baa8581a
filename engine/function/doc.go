// Package function runs functions that users wrote in Python or R, in processes of their
// own behind a pool.
//
//	Call -> a free worker, or a new one, or a place in the queue   (Pool)
//	     -> one frame to the process, one frame back               (worker, frames)
//	     -> result, or an Error that says what became of the call
//
// # Workers
//
// A worker is a python3 or Rscript process that loaded the user's file and makes one call at a time.
// Floor of them are always there, up to Ceil are started while calls wait, and those above
// Cruise are stopped when they are idle. While Ceil are busy, Queue calls wait, first come,
// first served, at most Timeout; further ones are refused at once. A worker that runs over
// its time, ends, or sends what is no answer is killed with its process group and replaced;
// after repeated crashes calls are refused for a while. Workers are also replaced by age,
// calls and memory, and after a MemoryError.
//
// What user code prints goes to Config.Log, line by line and bounded.
//
// # Frames
//
// Requests go to descriptor 3 of the process and answers come from its descriptor 4: four
// bytes of length, big-endian, and as much JSON. R, which has no way to open descriptors,
// connects to a port on loopback instead, says a token, and the port is closed. A request is the arguments as they came.
// An answer is {"id": n, "us": microseconds in the function, "retire": bool} with one of
// "result", "response" and "error"; n counts the calls of the worker, so that bytes which
// user code writes there are noticed.
//
// # Calling conventions
//
// Arguments: the members of a JSON object become keyword arguments. Names that are missing
// or unexpected are reported (BadSignature) and the function is not called. The result is
// anything that Python's json module writes, or has the method tolist (numpy). NaN and
// infinities, which are no JSON, become null.
//
// Columns: the function is called once for many rows, f(ts, a, b, ...) -> dict.
//
//	in    {"now":"2024-01-01T00:00:00.000000Z","inputs":["Set.a"],"data":{"Set.a":[1,2]}}
//	call  f([now, now], [1, 2])
//	out   {"bucket":[3,4]}
//
// ts and the inputs are given by position, in the order of "inputs", as lists with one
// element per row. ts holds the time of the request, as datetime in UTC. Without inputs there are
// as many rows as "rows" says, one if it does not. null is None. "types", in step with
// "inputs", says what else values become: "plain" what they are in JSON, "float" (with the
// words NaN, +infinity and -infinity), "datetime" (in UTC), "date", "decimal" (Decimal),
// "bytes", ["list", type], ["map", type] of the values, ["struct", {field: type}]. Without
// it, a column whose values are all numbers, None or those words has its words made
// floats. The result is a dict of output name to list (or anything with
// the method tolist), a pandas DataFrame, or a Series with a name. In it datetime, date,
// Decimal and bytes are written as the API writes them (naive datetime is UTC), and NaN and
// infinities as those words. The number of rows and the types are the caller's to check.
//
// Frames: the function is called once for many rows, f(frame) -> predictions. The frame is a
// pandas DataFrame or, where pandas cannot be imported, a dict of lists; missing numbers
// are NaN, missing texts None. A request is {"rows":2,"data":[[1,null],["a",null]]}, the columns in
// the order of Config.Frame. Predictions are, by Frame.Answer, a sequence of numbers; of
// probabilities of the second class, or rows or a dict (DataFrame) of columns by class with
// those of all; or of labels. A pair (labels, probabilities) will do. None and NaN mean that
// a row has no prediction. The answer is a flat list of numbers.
//
// # R
//
// The same conventions hold for arguments in R. JSON becomes what jsonlite makes of it:
// scalars are vectors of one, arrays of scalars vectors, arrays of objects data frames,
// other arrays lists, null NULL. Vectors of one go back as scalars (I(x) as arrays), what
// has names as objects, data frames as arrays of rows, factors as their labels, dates and
// times in ISO 8601, NA, NaN and infinities as null. quiver_error(status, message) and
// quiver_response(status, headers, body) are there, quiver_request() with Config.Request.
// A function that asks missing() may be called without arguments that have no default.
//
// # What user code sees besides
//
// `import quiver` has quiver.Error(status, message), to be raised, and quiver.Response(status,
// headers, body), to be returned; with Config.Request also quiver.request, a dict that says
// what request the call is about, and quiver.call(endpoint, **arguments), which makes
// another one to the same service in its name. sys.exit counts as an exception of the call. The working
// folder is empty at the start, is also HOME and TMPDIR, and is removed with the worker. The
// environment has PATH, HOME, TMPDIR, LANG and Config.Env. Python runs isolated (-I), with
// the folder of the code first on sys.path. atexit functions are not run.
//
// # Isolation
//
// A fault in user code, or a careless function, cannot hurt the server; a hostile one is
// not wholly locked in. It has a process group and process numbers of its own (it is
// number 1 and ends with all it started, even if the server is killed; signals that it
// sends to itself are ignored, and /proc shows the numbers outside), limits on address
// space, processor time, open files and processes, no core files, no way to more rights
// (no_new_privs, and as root no capabilities), and is the first to go when memory runs
// out. By Landlock it writes files in its working folder only (devices and shared memory
// excepted), opens and accepts no TCP connections unless Config.Network says so (one in R
// has its own to the server), and reaches no process outside by signals or abstract
// sockets. What is not taken away: UDP, and files that its user may read; set Config.UID
// for a user of its own. Without that the limit on processes has no effect on root.
//
// Platforms that lack one of these leave workers without it; Pool.Unlimited says which.
package function
