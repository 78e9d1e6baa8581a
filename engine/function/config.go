package function

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Convention says how a function is called; package documentation has both in full.
type Convention uint8

// The conventions.
const (
	Arguments Convention = iota // one call, members of a JSON object as keyword arguments
	Columns                     // one call for many rows, columns in and columns out
	Frames                      // one call for many rows, a frame of Config.Frame in and predictions out
)

// Frame says what the convention Frames has in and out.
type Frame struct {
	Columns []string `json:"columns"`
	Answer  Answers  `json:"answer"`
	Classes []string `json:"classes"`
}

// Answers is what predictions are.
type Answers string

// The answers: one number a row; the probability of the second of two classes, or those
// of all of more; a label, whose index among the classes is the answer.
const (
	Values        Answers = "values"
	Probabilities Answers = "probabilities"
	Labels        Answers = "labels"
)

func (c Convention) String() string {
	return [...]string{"arguments", "columns", "frames"}[c]
}

// Language says what a function is written in.
type Language uint8

// The languages.
const (
	Python Language = iota
	R
)

// Config says what to run and within which bounds. The zero value of every number
// means its default; negative numbers switch a limit off where that is noted.
type Config struct {
	Language    Language
	Interpreter string            // path or name of a Python (3.7 or newer), or Rscript; that of a virtual environment works; default python3, Rscript
	Folder      string            // of the user's code, on sys.path; or
	Files       map[string]string // the code itself, by slash-separated relative path
	File        string            // relative to the folder, the one to load; may be left out if Files has one
	Function    string            // in that file
	Convention  Convention
	Frame       *Frame            // with Frames
	Request     bool              // arguments come as {"arguments":{},"request":{}}, and code sees the second as quiver.request
	Env         map[string]string // added to PATH, HOME, TMPDIR and LANG, which is all that a worker gets otherwise

	Floor   int           // workers always there; default 1
	Cruise  int           // workers kept when idle; default 2
	Ceil    int           // most workers; default 8
	Queue   int           // most calls that wait while Ceil workers are busy; default 16, negative = none
	Timeout time.Duration // longest wait for a worker; default 10 s

	RunTimeout   time.Duration // longest run of one call; default 30 s
	StartTimeout time.Duration // longest start, the user's imports included; default 60 s
	IdleTime     time.Duration // how long workers above Cruise stay idle before they stop; default 10 s
	MaxAge       time.Duration // a worker is replaced after it; 0 = never
	MaxCalls     int           // a worker is replaced after as many; 0 = never
	MaxMemory    int64         // a worker whose resident memory is above, in bytes, is replaced after its call; 0 = never

	Memory    int64         // bytes of address space of a worker; default 4 GiB, negative = unlimited
	CPU       time.Duration // processor time in a worker's whole life, whole seconds; 0 = unlimited
	OpenFiles int           // default 256, negative = unlimited
	Processes int           // processes and threads of the user that workers run as; default 4096, negative = unlimited; without effect on root
	MaxFrame  int           // bytes of arguments and of an answer; default 16 MiB
	Network   bool          // TCP connections may be opened and accepted; Request implies it
	UID, GID  int           // what workers run as when the server is root; 0 = as the server

	Crashes     int           // as many crashes ...
	CrashWindow time.Duration // ... within this time ...
	CrashPause  time.Duration // ... mean that calls are refused for this time; default 3 in 10 s, 5 s

	shared bool // no namespaces; found out by Open

	Scratch string            // where scratch folders are made; default the system's temporary folder
	Log     func(line string) `json:"-"` // called with each line that user code prints, from several goroutines; nil = dropped
}

// InitDefaults fills in what is not given.
func (c *Config) InitDefaults() {
	if c.File == "" && len(c.Files) == 1 {
		for name := range c.Files {
			c.File = name
		}
	}
	if c.Language == R {
		orDefault(&c.Interpreter, "Rscript")
	}
	orDefault(&c.Interpreter, "python3")
	orDefault(&c.Floor, 1)
	orDefault(&c.Ceil, max(8, c.Cruise, c.Floor))
	orDefault(&c.Cruise, min(max(2, c.Floor), c.Ceil))
	orDefault(&c.Queue, 16)
	c.Queue = max(c.Queue, 0)
	orDefault(&c.Timeout, 10*time.Second)
	orDefault(&c.RunTimeout, 30*time.Second)
	orDefault(&c.StartTimeout, time.Minute)
	orDefault(&c.IdleTime, 10*time.Second)
	orDefault(&c.Memory, 4<<30)
	orDefault(&c.OpenFiles, 256)
	orDefault(&c.Processes, 4096)
	orDefault(&c.MaxFrame, 16<<20)
	orDefault(&c.Crashes, 3)
	orDefault(&c.CrashWindow, 10*time.Second)
	orDefault(&c.CrashPause, 5*time.Second)
	orDefault(&c.Scratch, os.TempDir())
	if c.Log == nil {
		c.Log = func(string) {}
	}
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// maxFrame bounds Config.MaxFrame, so that lengths in frames mean what they say.
const maxFrame = 1 << 30

// check judges a configuration with defaults filled in.
func (c *Config) check() error {
	switch {
	case c.Function == "":
		return errorf(StartFailed, "no function is named")
	case c.Folder == "" && len(c.Files) == 0:
		return errorf(StartFailed, "function %s has no code: give a folder or files", c.Function)
	case c.Folder != "" && len(c.Files) > 0:
		return errorf(StartFailed, "function %s has both a folder and files; give one", c.Function)
	case c.File == "":
		return errorf(StartFailed, "it is not said which file has function %s", c.Function)
	case c.Language == R && c.Convention != Arguments:
		return errorf(StartFailed, "functions in R are called with arguments, %s is not called with %s", c.Function, c.Convention)
	case (c.Convention == Frames) != (c.Frame != nil):
		return errorf(StartFailed, "it is not said what frames %s is called with", c.Function)
	case c.Floor < 0 || c.Floor > c.Cruise || c.Cruise > c.Ceil:
		return errorf(StartFailed, "pool of %s: floor %d, cruise %d and ceil %d must not descend", c.Function, c.Floor, c.Cruise, c.Ceil)
	case c.Timeout < 0 || c.RunTimeout < 0 || c.StartTimeout < 0 || c.IdleTime < 0 || c.MaxAge < 0 || c.CPU < 0:
		return errorf(StartFailed, "pool of %s: a time is negative", c.Function)
	case c.MaxFrame < 0 || c.MaxFrame > maxFrame:
		return errorf(StartFailed, "pool of %s: a frame of %d bytes is over the limit of %d", c.Function, c.MaxFrame, maxFrame)
	case c.Crashes < 0:
		return errorf(StartFailed, "pool of %s: the number of crashes is negative", c.Function)
	}
	for _, name := range append(slices.Sorted(maps.Keys(c.Files)), c.File) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return errorf(StartFailed, "file %q must lie in the folder of the code", name)
		}
	}
	if c.Folder != "" {
		var err error
		if c.Folder, err = filepath.Abs(c.Folder); err != nil {
			return fmt.Errorf("cannot find folder %s: %w", c.Folder, err)
		}
	}
	for name := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return errorf(StartFailed, "%q cannot be the name of an environment variable", name)
		}
	}
	return nil
}
