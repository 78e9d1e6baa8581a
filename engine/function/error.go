package function

import (
	"fmt"
	"time"

	"quiver/engine/fail"
)

// Kind says what became of a call that has no result.
type Kind uint8

// The kinds. The zero value is none, so that a forgotten kind shows.
const (
	NoKind          Kind = iota
	QueueFull            // every worker is busy and all waiting places are taken; not called
	QueueTimeout         // no worker became free within Config.Timeout; not called
	Broken               // workers crashed repeatedly and are given a rest; not called
	BadSignature         // the arguments do not fit the function; not called
	TooLarge             // the arguments are over Config.MaxFrame
	StartFailed          // the interpreter or the user's file could not be started
	UserError            // the function raised an exception
	NotSerialisable      // the function returned what cannot be written as JSON, or too much of it
	WorkerDied           // the process ended, or broke the protocol, during the call
	TimedOut             // the call ran over Config.RunTimeout or the caller's deadline; its worker was killed
	Cancelled            // the caller went away; the function runs on to its end
	Closed               // the pool is closed
	Kinds                // how many there are
)

// String returns the kind as metrics name it.
func (k Kind) String() string {
	return [Kinds]string{
		"none", "queue_full", "queue_timeout", "broken", "bad_signature", "too_large", "start_failed",
		"user_error", "not_serialisable", "worker_died", "timed_out", "cancelled", "closed",
	}[k]
}

// Error is what Call and Open return when there is no result. It unwraps to the
// *fail.Error that APIs map to their own shapes.
type Error struct {
	Kind       Kind
	Type       string        // of the exception, as "ValueError" or "module.Name"
	Message    string        // for the caller; of the exception for UserError
	Traceback  string        // of user code, for the log; may be ""
	Output     string        // the end of what the worker printed, for the log; may be ""
	Status     int           // that user code chose with quiver.Error, 0 = none
	RetryAfter time.Duration // when to try again, 0 = no advice
	Err        error         // private cause; may be nil
}

// Error returns one line, without the traceback.
func (e *Error) Error() string {
	if e.Type != "" {
		return e.Type + ": " + e.Message
	}
	return e.Message
}

// Unwrap gives the engine's words for e, and its cause.
func (e *Error) Unwrap() []error {
	out := []error{&fail.Error{Code: e.code(), Text: e.Error(), Err: e.Err}}
	if e.Err != nil {
		out = append(out, e.Err)
	}
	return out
}

func (e *Error) code() fail.Code {
	switch e.Kind {
	case QueueFull, QueueTimeout, Broken, Closed:
		return fail.Overloaded
	case BadSignature:
		return fail.Malformed
	case TooLarge:
		return fail.TooLarge
	case TimedOut, Cancelled:
		return fail.Timeout
	default:
		return fail.Internal
	}
}

func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
