package webhook

import (
	"encoding/binary"
	"fmt"

	"quiver/storage"
)

// record is one call of Log in the stream of its endpoint.
type record struct {
	at     int64   // time of the call, Unix microseconds
	limits []limit // of the groups for which some of its rows were late
	data   []byte  // as sent
}

// limit is the event time before which rows were late for a group. It stands in the
// record, so that the call means the same when it is replayed.
type limit struct{ group, time int64 }

// Formats of records; see doc.go.
const (
	recordPlain = 1
	recordLate  = 2 // with limits
	recordHead  = 9 // bytes that all begin with
)

// append appends the bytes of r.
func (r *record) append(dst []byte) []byte {
	if len(r.limits) == 0 {
		dst = binary.BigEndian.AppendUint64(append(dst, recordPlain), uint64(r.at))
		return append(dst, r.data...)
	}
	dst = binary.BigEndian.AppendUint64(append(dst, recordLate), uint64(r.at))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.limits)))
	for _, l := range r.limits {
		dst = binary.BigEndian.AppendUint64(dst, uint64(l.group))
		dst = binary.BigEndian.AppendUint64(dst, uint64(l.time))
	}
	return append(dst, r.data...)
}

// parseRecord reads what append wrote; the data aliases b.
func parseRecord(b []byte) (r record, err error) {
	if len(b) < recordHead || b[0] != recordPlain && b[0] != recordLate {
		return r, fmt.Errorf("%w: a logged record of %d bytes has no head", storage.ErrCorrupt, len(b))
	}
	format := b[0]
	r.at, b = int64(binary.BigEndian.Uint64(b[1:])), b[recordHead:]
	if format == recordLate {
		if len(b) < 4 || uint64(len(b)-4) < 16*uint64(binary.BigEndian.Uint32(b)) {
			return r, fmt.Errorf("%w: a logged record is cut off", storage.ErrCorrupt)
		}
		r.limits, b = make([]limit, binary.BigEndian.Uint32(b)), b[4:]
		for i := range r.limits {
			r.limits[i] = limit{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
			b = b[16:]
		}
	}
	r.data = b
	return r, nil
}

// limit returns the group's limit, noLimit if nothing was late for it.
func (r *record) limit(group int64) int64 {
	for _, l := range r.limits {
		if l.group == group {
			return l.time
		}
	}
	return noLimit
}
