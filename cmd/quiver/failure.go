package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// usageError is wrong usage: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// hinted is an error with a hint on what to do.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// usage makes a usage error of what the parser says, naming the command's help.
func usage(err error) error {
	help := "quiver --help"
	var e *kong.ParseError
	if errors.As(err, &e) && e.Context != nil {
		if node := e.Context.Selected(); node != nil {
			help = node.FullPath() + " --help"
		}
	}
	return withHint(&usageError{err.Error()}, "see `%s`", help)
}

// report prints err, if there is one, as one line with its hint, and returns the exit
// code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	text := strings.TrimRight(err.Error(), "\n")
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	var h *hinted
	if errors.As(err, &h) && h.hint != "" {
		sep := " "
		if strings.Contains(text, "\n") {
			sep = "\n"
		}
		text += sep + "(hint: " + h.hint + ")"
	}
	fmt.Fprintln(stderr, "quiver: "+text)
	var u *usageError
	if errors.As(err, &u) {
		return 2
	}
	return 1
}
