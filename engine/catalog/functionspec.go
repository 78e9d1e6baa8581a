package catalog

import (
	"bytes"
	slash "path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// functionSpec is what an endpoint of type pythonFunction or rFunction has beside its name
// and type.
type functionSpec struct {
	File           string            `json:"file,omitempty"`
	Folder         string            `json:"folder,omitempty"`
	Function       string            `json:"function,omitempty"`
	Interpreter    string            `json:"interpreter,omitempty"`
	Env            map[string]string `json:"env,omitempty"`
	Pool           *poolSpec         `json:"pool,omitempty"`
	Limits         *limitsSpec       `json:"limits,omitempty"`
	Coerce         *bool             `json:"coerce,omitempty"` // nil: true
	Labels         bool              `json:"labels,omitempty"` // of a custom prediction
	Traceback      bool              `json:"traceback,omitempty"`
	CustomResponse bool              `json:"customResponse,omitempty"`
	Request        bool              `json:"request,omitempty"`
}

type poolSpec struct {
	Floor   int      `json:"floor,omitempty"`
	Cruise  int      `json:"cruise,omitempty"`
	Ceil    int      `json:"ceil,omitempty"`
	Queue   *int     `json:"queue,omitempty"`
	Timeout duration `json:"timeout,omitempty"`
	Idle    duration `json:"idle,omitempty"`
}

type limitsSpec struct {
	Start     duration `json:"start,omitempty"`
	Run       duration `json:"run,omitempty"`
	Memory    byteSize `json:"memory,omitempty"`
	Answer    byteSize `json:"answer,omitempty"`
	CPU       duration `json:"cpu,omitempty"`
	Files     int      `json:"files,omitempty"`
	Processes int      `json:"processes,omitempty"`
	Network   bool     `json:"network,omitempty"`
	MaxAge    duration `json:"maxAge,omitempty"`
	MaxCalls  int      `json:"maxCalls,omitempty"`
	MaxMemory byteSize `json:"maxMemory,omitempty"`
}

// The most that definitions may ask for.
const (
	maxWorkers     = 1024
	maxWaiting     = 1 << 16
	maxCodeFiles   = 1000 // in one folder
	maxAttachments = 4096 // of one generation
)

// isFunction reports whether endpoints of a type are functions.
func isFunction(kind string) bool { return kind == EndpointPython || kind == EndpointR }

// fields are the keys of a function.
func (f *functionSpec) fields(r *reader) []field {
	return []field{
		{key: "file", need: true, read: r.text(&f.File)},
		{key: "folder", read: r.text(&f.Folder)},
		{key: "function", need: true, read: r.text(&f.Function)},
		{key: "interpreter", read: r.text(&f.Interpreter)},
		{key: "env", read: r.dictionary("environment variables", maxColumns, func(name string, n ast.Node) {
			var value string
			r.text(&value)(n)
			if f.Env == nil {
				f.Env = map[string]string{}
			}
			f.Env[name] = value
		})},
		{key: "pool", read: func(n ast.Node) {
			p := &poolSpec{}
			r.mapping(n, "a pool",
				field{key: "floor", read: r.number(&p.Floor, 1, maxWorkers)},
				field{key: "cruise", read: r.number(&p.Cruise, 1, maxWorkers)},
				field{key: "ceil", read: r.number(&p.Ceil, 1, maxWorkers)},
				field{key: "queue", read: func(n ast.Node) {
					p.Queue = new(int)
					r.number(p.Queue, 0, maxWaiting)(n)
				}},
				field{key: "timeout", read: r.length(&p.Timeout)},
				field{key: "idle", read: r.length(&p.Idle)})
			f.Pool = p
		}},
		{key: "limits", read: func(n ast.Node) {
			l := &limitsSpec{}
			r.mapping(n, "limits",
				field{key: "start", read: r.length(&l.Start)},
				field{key: "run", read: r.length(&l.Run)},
				field{key: "memory", read: r.size(&l.Memory)},
				field{key: "answer", read: r.size(&l.Answer)},
				field{key: "cpu", read: r.length(&l.CPU)},
				field{key: "files", read: r.number(&l.Files, 1, maxVersion)},
				field{key: "processes", read: r.number(&l.Processes, 1, maxVersion)},
				field{key: "network", read: r.boolean(&l.Network)},
				field{key: "maxAge", read: r.length(&l.MaxAge)},
				field{key: "maxCalls", read: r.number(&l.MaxCalls, 1, maxVersion)},
				field{key: "maxMemory", read: r.size(&l.MaxMemory)})
			f.Limits = l
		}},
		{key: "coerce", read: func(n ast.Node) {
			f.Coerce = new(bool)
			r.boolean(f.Coerce)(n)
		}},
		{key: "traceback", read: r.boolean(&f.Traceback)},
		{key: "customResponse", read: r.boolean(&f.CustomResponse)},
		{key: "request", read: r.boolean(&f.Request)},
	}
}

// customFields are the keys of a prediction that a function makes: those of both, but for
// the model and what is about single calls.
func (e *apiEndpointSpec) customFields(r *reader) []field {
	all := append(e.predictionSpec.fields(r), e.functionSpec.fields(r)...)
	all = slices.DeleteFunc(all, func(f field) bool {
		return slices.Contains([]string{"model", "coerce", "customResponse", "request"}, f.key)
	})
	return append(all, field{key: "labels", read: r.boolean(&e.Labels)})
}

// function judges a function, but for what its code says.
func (g *generationSpec) function(k *checker, at path, e *apiEndpointSpec) *FunctionEndpoint {
	out := &FunctionEndpoint{
		R:    e.Type == EndpointR,
		File: slash.Base(e.File), Function: e.Function, Interpreter: e.Interpreter, Env: e.Env,
		Texts: e.Coerce != nil && !*e.Coerce, Labels: e.Labels, Traceback: e.Traceback, CustomResponse: e.CustomResponse, Request: e.Request,
	}
	if p := e.Pool; p != nil {
		out.Pool = FunctionPool{Floor: p.Floor, Cruise: p.Cruise, Ceil: p.Ceil, Timeout: time.Duration(p.Timeout), Idle: time.Duration(p.Idle)}
		if p.Queue != nil {
			if out.Pool.Queue = *p.Queue; *p.Queue == 0 {
				out.Pool.Queue = -1
			}
		}
	}
	if l := e.Limits; l != nil {
		out.Limits = FunctionLimits{
			Start: time.Duration(l.Start), Run: time.Duration(l.Run), Memory: int64(l.Memory), Answer: int64(l.Answer),
			CPU: time.Duration(l.CPU), Files: l.Files, Processes: l.Processes, Network: l.Network,
			MaxAge: time.Duration(l.MaxAge), MaxCalls: l.MaxCalls, MaxMemory: int64(l.MaxMemory),
		}
	}
	if e.Folder == "" {
		if a := g.attached(e.File); a != nil {
			out.Files = []Attachment{{out.File, a.packed}}
		} else {
			k.at(append(slices.Clone(at), "file"), "file %s was not kept", quote(e.File))
		}
		return out
	}
	out.File = slash.Clean(slashes(e.File))
	for _, f := range g.Files {
		if name, ok := strings.CutPrefix(f.Name, folderPrefix(e.Folder)); ok {
			out.Files = append(out.Files, Attachment{name, f.Packed})
		}
	}
	if !slices.ContainsFunc(out.Files, func(a Attachment) bool { return a.Name == out.File }) {
		k.at(append(slices.Clone(at), "file"), "folder %s holds no file %s", quote(e.Folder), quote(e.File))
	}
	return out
}

// folderPrefix is what the names of the files in a folder begin with.
func folderPrefix(folder string) string { return slash.Clean(slashes(folder)) + "/" }

// takeFolder keeps all files of a folder of code, which stands beside the definition.
func (g *generationSpec) takeFolder(k *checker, at path, folder string, files []File) {
	prefix := folderPrefix(folder)
	at = append(at, "folder")
	where := slash.Join(slash.Dir(slashes(k.draft.in.file.Name)), prefix) + "/"
	n, total := 0, 0
	for _, f := range files {
		name, ok := strings.CutPrefix(slash.Clean(slashes(f.Name)), where)
		if !ok || g.attached(prefix+name) != nil {
			continue
		}
		n, total = n+1, total+len(f.Text)
		if n > maxCodeFiles || total > maxAttachment {
			k.at(at, "folder %s holds more than %d files or %d MiB", quote(folder), maxCodeFiles, maxAttachment>>20)
			return
		}
		g.Files = append(g.Files, attachedSpec{Name: prefix + name, Packed: pack(bytes.Clone(f.Text))})
	}
	if !slices.ContainsFunc(g.Files, func(f attachedSpec) bool { return strings.HasPrefix(f.Name, prefix) }) {
		k.at(at, "folder %s was not handed in with the definitions, or is empty; it is looked for beside this file", quote(folder))
	}
}
