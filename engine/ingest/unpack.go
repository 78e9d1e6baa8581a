package ingest

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the history a .zst file may make the decoder keep, in bytes: what
// `zstd --long` uses at most unless told otherwise.
const maxWindow = 128 << 20

// unpack decompresses r by the extension ("" for none). Neither format can make it
// hold more than its window, whatever size it unpacks to: what is read from it is
// bounded by the length of a line.
func unpack(r io.Reader, ext string) (io.Reader, func() error, error) {
	switch ext {
	case ".gz":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("is not gzip data: %w", err)
		}
		return &unpacked{z, "gzip"}, z.Close, nil
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("is not zstd data: %w", err)
		}
		return &unpacked{z, "zstd"}, func() error { z.Close(); return nil }, nil
	}
	return r, func() error { return nil }, nil
}

// unpacked says in errors that the compressed data is at fault.
type unpacked struct {
	r    io.Reader
	what string
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("the %s data is damaged or cut off: %w", u.what, err)
	}
	return n, err
}
