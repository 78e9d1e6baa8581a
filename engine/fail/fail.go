// Package fail is the one error vocabulary of the engine and everything above it.
package fail

import (
	"errors"
	"fmt"
)

// Code says what went wrong, in the engine's words. Each API maps codes to its own
// shapes and statuses in one switch.
type Code uint8

// The codes. Internal is the zero value, so that a forgotten code is not mistaken
// for the caller's fault.
const (
	Internal        Code = iota
	Malformed            // the request is not what the API defines (syntax, missing field)
	NoKey                // a key is needed and none was sent
	BadKeyFormat         // what was sent cannot be a key
	BadSecret            // the key is known but its secret is wrong
	Unauthenticated      // the key is unknown or expired
	Forbidden            // the key may not read what was named
	NoStore              // no such feature store
	NoView               // no such feature view
	NoGroup              // no such group, or a view's group was removed
	BadKeyName           // an entry names something that is not a serving key, or nothing
	BadKeyValue          // a key value does not fit its column's type
	KeyRefused           // a key value has the right kind but the column cannot hold it
	NoEntries            // a batch without entries
	BadFeatureName       // a passed feature does not exist or is a label
	BadFeatureType       // a passed feature has the wrong JSON kind
	BadPassedLength      // passedFeatures and entries differ in length
	ReadFailed           // the store could not read
	WriteFailed          // the store could not write
	BadRow               // a row to write does not fit its group
	TooLarge             // over a size limit
	HeaderTooLarge       // the request's header is over its limit
	Overloaded           // refused to protect the others; try again later
	NotFound             // no such route or object
	BadMethod            // the route exists, the method does not
	Conflict             // the change does not fit the present state
	Timeout              // the deadline of the work passed
	SlowRequest          // the request did not arrive in time
)

// Error is the one error type that leaves the engine: a code for programs, a text
// for the caller, and the private cause for the log.
type Error struct {
	Code Code
	Text string // public
	Name string // what Text is about: a key, feature, store ... ; may be ""
	Err  error  // private cause; never shown to a caller
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a public text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error with a public text and a private cause.
func Wrap(code Code, err error, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...), Err: err}
}

// AsError returns err as an *Error; what is none becomes Internal with a text that
// gives nothing away.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Text: "Internal error.", Err: err}
}
