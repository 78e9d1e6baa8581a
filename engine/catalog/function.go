package catalog

import "time"

// FunctionEndpoint is an endpoint that answers with the result of a function in Python or
// R (Dataiku contract, section 9). Zero numbers mean the defaults of whoever runs it.
type FunctionEndpoint struct {
	R           bool         // it is in R; else in Python
	Files       []Attachment // the code, by path below its folder
	File        string       // the one that has the function
	Function    string
	Interpreter string // "": the server's own
	Env         map[string]string
	Pool        FunctionPool
	Limits      FunctionLimits

	Texts          bool // values of a query stay texts even where they look like JSON
	Labels         bool // of a custom prediction: the function answers with labels, not probabilities
	Traceback      bool // answers of calls that failed have the user's traceback
	CustomResponse bool // the function may write whole answers
	Request        bool // the function sees the headers of the request, keys included
}

// FunctionPool says how many workers a function has, and how many calls wait for one.
type FunctionPool struct {
	Floor, Cruise, Ceil int
	Queue               int           // -1: nobody waits
	Timeout, Idle       time.Duration // longest wait for a worker; idle time of workers above Cruise
}

// FunctionLimits bound one worker.
type FunctionLimits struct {
	Start, Run       time.Duration // of the start with the user's imports; of one call
	Memory, Answer   int64         // bytes of address space; of arguments and of an answer
	CPU              time.Duration // processor time of a worker's life
	Files, Processes int
	Network          bool // TCP connections may be opened and accepted

	// A worker is replaced after this time, these calls, or with this much memory.
	MaxAge    time.Duration
	MaxCalls  int
	MaxMemory int64
}
