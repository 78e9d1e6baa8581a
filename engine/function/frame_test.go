package function

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzFrames reads what a worker might send, in one piece and byte by byte: both give the
// same frames and the same end, and nothing is read beyond a frame that is too long.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}"), 10)
	f.Add([]byte("\x00\x00\x00\x02{}\x00\x00\x00\x01x"), 10)
	f.Add([]byte("\x00\x00\x00\x00"), 10)
	f.Add([]byte("\xff\xff\xff\xff"), 1<<20)
	f.Add([]byte("\x00\x00\x00\x05ab"), 10)
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		most = 1 + most&0xffff
		read := func(from io.Reader) (all [][]byte, end error) {
			r := frames{from: from, max: most}
			for {
				b, err := r.next()
				if err != nil {
					return all, err
				}
				if len(b) == 0 || len(b) > most {
					t.Fatalf("a frame of %d bytes, the limit is %d", len(b), most)
				}
				all = append(all, bytes.Clone(b))
			}
		}
		slow, end := read(iotest.OneByteReader(bytes.NewReader(data)))
		var want [][]byte
		rest := data
		for len(rest) >= frameHead {
			n := uint64(binary.BigEndian.Uint32(rest))
			if n == 0 || n > uint64(most) || uint64(len(rest)-frameHead) < n {
				break
			}
			want = append(want, rest[frameHead:frameHead+n])
			rest = rest[frameHead+n:]
		}
		if len(slow) != len(want) {
			t.Fatalf("%d frames, want %d; then %v", len(slow), len(want), end)
		}
		for i := range want {
			if !bytes.Equal(slow[i], want[i]) {
				t.Fatalf("frame %d: %q, want %q", i, slow[i], want[i])
			}
		}
		if len(rest) >= frameHead && !errors.Is(end, errProtocol) && !errors.Is(end, io.ErrUnexpectedEOF) || len(rest) < frameHead && !errors.Is(end, io.ErrUnexpectedEOF) {
			t.Fatalf("%q ends with %v", rest, end)
		}
		// In one piece, a frame with bytes behind it is refused: nobody asked for these.
		whole, end := read(bytes.NewReader(data))
		switch {
		case len(want) > 0 && len(rest) == 0 && len(want) == 1:
			if len(whole) != 1 {
				t.Fatalf("%d frames, want 1; then %v", len(whole), end)
			}
		case len(whole) > 0 && len(data) <= readAhead:
			t.Fatalf("%q: frames with bytes behind them are taken", data)
		}
	})
}
