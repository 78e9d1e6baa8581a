package bench

import (
	"fmt"
	"sort"
	"strings"
)

// ErrorKind says where a request failed.
type ErrorKind uint8

// The kinds.
const (
	ErrConnect ErrorKind = iota // no connection
	ErrSend                     // the request could not be written
	ErrReceive                  // the connection ended before the answer did
	ErrTimeout                  // no whole answer in time
	ErrFraming                  // the answer is not HTTP as this client reads it
	ErrStatus                   // the answer's status is not 2xx
	ErrBody                     // Source.Check found the body wrong
	numErrors
)

// String names the kind.
func (k ErrorKind) String() string {
	return [numErrors]string{"connect", "send", "receive", "timeout", "framing", "status", "body"}[k]
}

// Errors counts failed requests of the measured part. Failed requests count neither
// in rates nor in latencies.
type Errors struct {
	ByKind [numErrors]uint64
	// ByStatus counts the answers of ErrStatus by their status.
	ByStatus map[int]uint64
	// First is the text of the first error of each kind; "" when there was none.
	First [numErrors]string
}

// Total is the number of failed requests.
func (e *Errors) Total() uint64 {
	n := uint64(0)
	for _, k := range e.ByKind {
		n += k
	}
	return n
}

// add counts one error; text is called for the first of its kind.
func (e *Errors) add(kind ErrorKind, text func() string) {
	if e.ByKind[kind] == 0 {
		e.First[kind] = text()
	}
	e.ByKind[kind]++
}

func (e *Errors) addStatus(status int, body []byte) {
	if e.ByStatus == nil {
		e.ByStatus = make(map[int]uint64)
	}
	e.ByStatus[status]++
	e.add(ErrStatus, func() string {
		return fmt.Sprintf("status %d: %s", status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	})
}

// merge adds o to e.
func (e *Errors) merge(o *Errors) {
	for k := range e.ByKind {
		e.ByKind[k] += o.ByKind[k]
		if e.First[k] == "" {
			e.First[k] = o.First[k]
		}
	}
	for s, n := range o.ByStatus {
		if e.ByStatus == nil {
			e.ByStatus = make(map[int]uint64)
		}
		e.ByStatus[s] += n
	}
}

// String lists the counts, "none" when there are none: "3 timeout, 12 status (429: 12)".
func (e *Errors) String() string {
	var parts []string
	for k, n := range e.ByKind {
		if n == 0 {
			continue
		}
		part := fmt.Sprintf("%d %s", n, ErrorKind(k))
		if ErrorKind(k) == ErrStatus {
			part += " (" + e.statuses() + ")"
		}
		parts = append(parts, part)
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func (e *Errors) statuses() string {
	var codes []int
	for s := range e.ByStatus {
		codes = append(codes, s)
	}
	sort.Ints(codes)
	var parts []string
	for _, s := range codes {
		parts = append(parts, fmt.Sprintf("%d: %d", s, e.ByStatus[s]))
	}
	return strings.Join(parts, ", ")
}
