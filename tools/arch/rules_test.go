package arch

// rule says what one package, or one tree of packages, may import directly. The
// standard library is allowed but for what deny names.
type rule struct {
	pkg   string   // "engine", or "engine/..." for everything below it as well
	own   []string // packages of this module, "x/..." for trees
	third []string // modules of others; "*" for any
	deny  []string // standard packages
	never []string // packages that must not even be reached through others
	why   string
}

// The network, processes and backends, which the inner packages must not know.
var (
	outside  = []string{"net", "net/http", "os/exec", "C"}
	backends = []string{"github.com/cockroachdb/pebble/v2", "github.com/valyala/fasthttp", "github.com/valkey-io/valkey-go", "net/http"}
)

// rules are tried in order and the first that matches a package is its rule, so
// special cases stand before their trees. A package without a rule is an error, and
// so is a rule without a package: neither can rot unseen.
var rules = []rule{
	{
		pkg: "codec/avro", own: []string{"codec"}, third: []string{"github.com/hamba/avro/v2"}, deny: outside,
		why: "reading Avro is a way into codec's values, nothing more",
	},
	{
		pkg: "codec/...", own: nil, third: []string{"github.com/bytedance/sonic", "github.com/klauspost/compress"}, deny: outside, never: backends,
		why: "codec is the alphabet: everything is written in it, so it may depend on nothing of ours",
	},
	{
		pkg: "storage", own: nil, third: []string{"github.com/cespare/xxhash/v2"}, deny: outside, never: backends,
		why: "the storage contract is met by stores that share no library",
	},
	{
		pkg: "storage/pebblestore", own: []string{"storage/..."}, deny: []string{"net", "net/http", "os/exec"},
		third: []string{"github.com/cockroachdb/pebble/v2", "github.com/cespare/xxhash/v2", "github.com/panjf2000/ants/v2"},
		why:   "a store keeps opaque bytes: it must never learn what a row or a group is",
	},
	{
		pkg: "storage/...", own: []string{"storage/..."}, third: []string{"github.com/cespare/xxhash/v2"}, deny: outside, never: backends,
		why: "a store keeps opaque bytes: it must never learn what a row or a group is",
	},
	{
		pkg: "engine/fail", own: nil, third: nil, deny: outside,
		why: "everyone speaks the error vocabulary, so it may pull nothing in",
	},
	{
		pkg: "engine/auth", own: []string{"engine/fail"}, third: nil, deny: outside,
		why: "who may read what is decided without knowing data, storage or HTTP",
	},
	{
		pkg: "engine/auth/jwt", own: []string{"engine/fail"}, third: []string{"github.com/go-jose/go-jose/v4"}, deny: outside, never: backends,
		why: "whether a token is genuine is decided by keys that are handed in; cmd fetches them",
	},
	{
		pkg: "engine/sqltext", own: nil, third: nil, deny: outside,
		why: "where a statement ends and a parameter stands is told from the text alone",
	},
	{
		pkg: "engine/catalog", own: []string{"codec", "engine/fail", "engine/expr/...", "engine/sqltext"}, third: []string{"github.com/goccy/go-yaml"}, deny: outside, never: backends,
		why: "definitions are checked without a store, so that plan works on any machine",
	},
	{
		pkg: "engine/ingest", own: []string{"codec", "codec/avro", "engine/catalog", "engine/fail"}, deny: outside,
		third: []string{"github.com/klauspost/compress", "github.com/parquet-go/parquet-go", "github.com/cespare/xxhash/v2"},
		why:   "reading files ends at encoded rows; the command line does it without an engine",
	},
	{
		pkg: "engine/enginetest", own: []string{"engine", "engine/catalog", "storage", "storage/memstore", "codec"}, deny: outside, never: backends,
		why: "tests get a real engine over memory; nothing that ships imports it",
	},
	{
		pkg: "engine/featureset", own: []string{"codec", "engine", "engine/auth", "engine/catalog", "engine/expr/...", "engine/fail", "engine/plan"}, deny: outside, never: backends,
		why: "features are computed from rows that the engine reads and from code that is handed in: no storage, no processes",
	},
	{
		pkg: "engine/featurelog", own: []string{"codec", "engine/complain", "engine/expr/..."}, third: []string{"github.com/parquet-go/parquet-go"}, deny: outside,
		why: "what was answered goes to files, wherever it came from; the Parquet library brings net/http, so dialects are handed a function",
	},
	{
		pkg: "engine/archive", own: nil, third: nil, deny: outside, never: backends,
		why: "archives that strangers made are unpacked without knowing what is in them",
	},
	{
		pkg: "engine/querylog", own: []string{"engine/complain"}, third: nil, deny: outside, never: backends,
		why: "lines of text go to files; what is in them, whoever answers queries knows",
	},
	{
		pkg: "engine/complain", own: nil, third: nil, deny: outside, never: backends,
		why: "whatever works in the background tells of its failures in one way",
	},
	{
		pkg: "engine/predict", own: []string{"codec", "engine/fail"}, deny: outside, never: backends,
		why: "scoring and explaining need a model and a row, whatever file or table these come from",
	},
	{
		pkg: "engine/predict/onnx", own: []string{"engine/predict", "engine/predict/onnx/library"}, third: []string{"github.com/yalue/onnxruntime_go"},
		deny: []string{"net", "net/http", "os/exec"}, never: backends,
		why: "a library written in C; without cgo the package only says so",
	},
	{
		pkg: "engine/predict/onnx/library", deny: outside, never: append([]string{"github.com/yalue/onnxruntime_go"}, backends...),
		why: "the tool that fetches the library must build without a C compiler",
	},
	{
		pkg: "engine/predict/predicttest", own: []string{"engine/predict", "engine/predict/onnx/library"}, deny: []string{"net", "net/http", "C"}, never: backends,
		why: "tests read fixtures, and have the tool fetch the library that they need; nothing that ships imports it",
	},
	{
		pkg: "engine/predict/...", own: []string{"engine/predict", "codec"}, deny: outside, never: backends,
		why: "model files are read in pure Go from bytes",
	},
	{
		pkg: "engine/sqlquery/dbtest", own: nil, third: []string{"github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql"},
		why: "tests start real servers and wait until they answer; nothing that ships imports it",
	},
	{
		pkg: "engine/sqlquery", own: []string{"codec", "engine/catalog", "engine/fail", "engine/sqltext"}, deny: []string{"net/http", "os/exec", "C"}, never: backends,
		third: []string{"modernc.org/libc", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql"},
		why:   "databases of users are asked here alone; their drivers are pure Go and know nothing of us",
	},
	{
		pkg: "engine/service", own: []string{"codec", "engine", "engine/auth", "engine/auth/jwt", "engine/catalog", "engine/fail", "engine/function", "engine/plan", "engine/predict", "engine/predict/trees", "engine/sqlquery"}, deny: outside, never: backends,
		third: []string{"github.com/cespare/xxhash/v2"},
		why:   "endpoints are answered from rows that the engine finds, databases, models in pure Go or handed in, and functions in processes that one package starts: no storage, no HTTP",
	},
	{
		pkg: "engine/function", own: []string{"engine/fail"}, third: []string{"golang.org/x/sys"}, deny: []string{"net/http", "C"}, never: backends,
		why: "user code runs in processes of its own, which this package alone starts and, in R, lets in by a socket on loopback; it knows the system and how to fail",
	},
	{
		pkg: "engine/...", own: []string{"engine/...", "storage", "codec/..."}, deny: outside, never: backends,
		third: []string{"github.com/panjf2000/ants/v2", "github.com/cespare/xxhash/v2"},
		why:   "the engine is the meaning: no network, no processes, no cgo, no backend; cmd hands those in",
	},
	{
		pkg: "httpfront/wire", own: []string{"engine/auth", "engine/fail"}, third: nil, deny: outside, never: backends,
		why: "the seam names no HTTP library, so that a dialect is tested by calling a function",
	},
	{
		pkg: "httpfront/hopsworks", own: dialect, third: nil, deny: outside, never: backends,
		why: dialectWhy,
	},
	{
		pkg: "httpfront/fennel", own: append([]string{"engine/catalog", "engine/expr/vec", "engine/featureset", "engine/webhook"}, dialect...), third: nil, deny: outside, never: backends,
		why: dialectWhy + "; this one serves two further parts of the engine, names branches and groups as the catalog does, and prints columns",
	},
	{
		pkg: "httpfront/dataiku", own: append([]string{"engine/service", "engine/function", "engine/predict", "engine/sqlquery", "engine/catalog", "engine/archive", "engine/auth", "engine/querylog"}, dialect...), third: nil, deny: outside, never: backends,
		why: dialectWhy + "; it is handed the services that it serves, prints what their models and functions say, logs its queries, and its admin calls change services and keys",
	},
	{
		pkg: "httpfront/admin", own: []string{"engine", "engine/...", "codec"}, deny: []string{"os/exec", "C"},
		third: []string{"github.com/prometheus/client_golang", "github.com/klauspost/compress", "github.com/bytedance/sonic"},
		why:   "the admin listener is plain net/http over engine calls; it shares nothing with the hot path",
	},
	{
		pkg: "httpfront/fronttest", own: []string{"httpfront", "httpfront/wire", "engine/auth", "engine/fail"},
		why: "tests call a dialect's handlers or start a real server; nothing that ships imports it",
	},
	{
		pkg: "httpfront", own: []string{"httpfront/wire", "engine/auth", "engine/fail"}, deny: []string{"os/exec", "C"},
		third: []string{"github.com/valyala/fasthttp", "github.com/klauspost/compress", "github.com/prometheus/client_golang"},
		why:   "the front end serves any dialect it is handed, so it must not know one",
	},
	{
		pkg: "bench", own: nil, third: []string{"github.com/HdrHistogram/hdrhistogram-go", "golang.org/x/sys"}, deny: []string{"net/http", "C"}, never: backends,
		why: "the clock measures any HTTP server; it must not know the one it measures",
	},
	{
		pkg: "bench/tune", own: []string{"bench"}, deny: outside, never: backends,
		why: "tuning measures any server it is handed; the command line starts them",
	},
	{
		pkg: "bench/workload", own: []string{"codec", "engine", "engine/auth", "engine/catalog", "storage", "bench"}, deny: outside, never: backends,
		why: "workloads are data and requests; they are loaded through the engine and sent by anyone",
	},
	{
		pkg: "bench/lab", own: []string{"bench/...", "engine/...", "codec", "storage/...", "httpfront/..."}, deny: []string{"C"},
		third: []string{"github.com/bytedance/sonic", "github.com/valyala/fasthttp", "github.com/parquet-go/parquet-go", "github.com/HdrHistogram/hdrhistogram-go"},
		why:   "what the product is compared with stands beside the product, wired as cmd does",
	},
	{
		pkg: "cmd/...", own: []string{"engine/...", "engine", "codec", "storage/...", "httpfront", "httpfront/...", "bench/..."}, third: []string{"*"},
		why: "the wiring names every concrete part; only the developers' tools are none",
	},
	{
		pkg: "tools/...", own: []string{"codec", "storage/...", "engine/...", "httpfront/...", "bench/..."}, third: []string{"*"},
		why: "tools may use anything of the product; commands are run, not imported",
	},
}

// A dialect parses, makes one engine call, prints and maps errors.
var (
	dialect    = []string{"httpfront/wire", "engine", "engine/fail", "engine/plan", "codec"}
	dialectWhy = "a dialect never sees another dialect, HTTP, storage or the clock: parse, one engine call, print"
)

// owner is a module that one package alone may import, in tests too.
type owner struct{ module, pkg, why string }

var owners = []owner{
	{"github.com/cockroachdb/pebble/v2", "storage/pebblestore", "Pebble brings 170 packages; one of ours knows it, so that it can be replaced"},
	{"github.com/valyala/fasthttp", "httpfront", "everything fasthttp hands out dies with the request; one package deals with that"},
	{"github.com/parquet-go/parquet-go", "engine/ingest", "one reader of Parquet"},
	{"github.com/alecthomas/kong", "cmd/quiver", "flags are the command line's business"},
	{"github.com/go-jose/go-jose/v4", "engine/auth/jwt", "signatures of tokens are checked in one place"},
	{"github.com/yalue/onnxruntime_go", "engine/predict/onnx", "a library written in C stays in one package"},
}

// ownersAlso are further packages that may use an owned module, with the reason.
var ownersAlso = map[string]string{
	"bench/lab github.com/valyala/fasthttp":              "the ceiling and the naive baseline are servers on the same HTTP library, without the product",
	"bench/lab github.com/parquet-go/parquet-go":         "writes the files whose loads are measured; our own reader reads them",
	"engine/featurelog github.com/parquet-go/parquet-go": "the one writer of Parquet; it reads back only what it wrote itself",
	"tools/flightdata github.com/parquet-go/parquet-go":  "prepares demo data from a Parquet file, independently of our own reader",
}

// topLevel is what may stand in the repository's root besides dotfiles.
var topLevel = map[string]string{
	"engine": "", "codec": "", "storage": "", "httpfront": "", "bench": "", "cmd": "", "tools": "",
	"Makefile": "", "go.mod": "", "go.sum": "", "README.md": "", "LICENSE": "",
	"bin": "built by make, ignored by git", "tmp": "scratch, ignored by git",
}

// unsafeFiles are the only files that may import "unsafe", with the reason.
var unsafeFiles = map[string]string{
	"codec/unsafe.go":                  "the parsers of the standard library want strings, requests are bytes",
	"engine/function/landlock.go":      "the system calls of Landlock take structures",
	"storage/rowcache/memory_linux.go": "an index of words over mapped memory",
}

// floor is a version below which a module must not fall; exact pins it.
type floor struct {
	module, version string
	exact           bool
	why             string
}

var floors = []floor{
	{"github.com/valyala/fasthttp", "v1.74.0", false, "go mod tidy may settle on a very old one when the newest cannot be fetched; 1.74.0 has the 2026 smuggling and race fixes"},
	{"github.com/bytedance/sonic", "v1.15.5", false, "older ones crash on concurrent first decodes with new Go releases"},
	{"github.com/cockroachdb/pebble/v2", "v2.1.7", true, "the read costs and the crash tests were measured with it; checkpoints lost flushable ingests before v2.1.5"},
}

// foreign are modules that must not be in go.mod: developer tools are installed at
// a pinned version by tools/lint/run instead.
var foreign = []string{"honnef.co/go/tools", "mvdan.cc/gofumpt", "github.com/golangci/golangci-lint"}

// mainLines is the most that cmd/quiver/main.go may have.
const mainLines = 60
