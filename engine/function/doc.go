// Package function runs functions that users wrote in Python, in processes of their own
// behind a pool.
//
//	Call -> a free worker, or a new one, or a place in the queue   (Pool)
//	     -> one frame to the process, one frame back               (worker, frames)
//	     -> result, or an Error that says what became of the call
//
// # Workers
//
// A worker is a python3 process that loaded the user's file and makes one call at a time.
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
// bytes of length, big-endian, and as much JSON. A request is the arguments as they came.
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
// as many rows as "rows" says, one if it does not. Values are as in the JSON: null is None,
// timestamps are text. A column whose values are all numbers, None or the words NaN,
// +infinity and -infinity has its words made floats; a text column of nothing but these
// words cannot be told apart. The result is a dict of output name to list (or anything with
// the method tolist), a pandas DataFrame, or a Series with a name. In it datetime, date,
// Decimal and bytes are written as the API writes them (naive datetime is UTC), and NaN and
// infinities as those words. The number of rows and the types are the caller's to check.
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
// not locked in. It has a process group of its own, limits on address space,
// processor time, open files and processes, no core files, no way to more rights
// (no_new_privs, and as root no capabilities), and is the first to go when memory
// runs out. It ends with the server, also when that is killed. What is not taken away: the
// network, and files that its user may read; set Config.UID for a user of its own. The
// limit on processes has no effect on root. A child that leaves its process group
// (setsid) outlives its worker.
package function
