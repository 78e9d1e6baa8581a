package function

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errProtocol is wrapped by errors about bytes that are no frame.
var errProtocol = errors.New("what it sends is no answer")

const (
	frameHead = 4       // bytes of length, big-endian
	keepFrame = 1 << 20 // a larger buffer is not kept from one answer to the next
	readAhead = 16 << 10
)

// frames reads frames. A read that a deadline cut short may be taken up again.
type frames struct {
	from io.Reader
	max  int // bytes of a frame
	buf  []byte
	have int // bytes of buf that are read
}

// next returns the next frame, which is valid until the call after. A frame ends
// what the worker has to say, so further bytes are an error.
func (r *frames) next() ([]byte, error) {
	if cap(r.buf) > keepFrame && r.have == 0 {
		r.buf = nil
	}
	want := frameHead
	for {
		if r.have >= frameHead {
			n := binary.BigEndian.Uint32(r.buf)
			if uint64(n) > uint64(r.max) {
				return nil, fmt.Errorf("%w: a frame of %d bytes, the limit is %d", errProtocol, n, r.max)
			}
			want = frameHead + int(n)
		}
		switch {
		case r.have == want && want > frameHead:
			r.have = 0
			return r.buf[frameHead:want], nil
		case r.have > want || r.have == want:
			return nil, fmt.Errorf("%w: bytes that nobody asked for, or an empty frame", errProtocol)
		}
		if need := max(want+1, readAhead); len(r.buf) < need {
			grown := make([]byte, min(need, max(2*len(r.buf), readAhead)))
			copy(grown, r.buf[:r.have])
			r.buf = grown
		}
		n, err := r.from.Read(r.buf[r.have:])
		r.have += n
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// appendFrame appends a frame.
func appendFrame(dst, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(body))), body...)
}
