package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A sealed file is one JSON object whose first member is the SHA-256 of every byte
// behind that member, so that a file cut short or changed anywhere is known for what
// it is, and is still readable with any JSON tool:
//
//	{"checksum":"<64 hexadecimal digits>",...}\n

const (
	sealHead  = `{"checksum":"`
	sealTail  = `",`
	sealSize  = len(sealHead) + 2*sha256.Size + len(sealTail)
	temporary = ".tmp"
)

// ErrDamaged is wrapped by errors about files of the catalog that are not whole.
var ErrDamaged = errors.New("the file is damaged")

// seal returns the sealed form of a JSON object with at least one member.
func seal(object []byte) []byte {
	rest := append(object[1:len(object):len(object)], '\n')
	sum := sha256.Sum256(rest)
	out := make([]byte, 0, sealSize+len(rest))
	out = append(out, sealHead...)
	out = hex.AppendEncode(out, sum[:])
	out = append(out, sealTail...)
	return append(out, rest...)
}

// unseal checks a sealed file. It is JSON as a whole, so it is returned as it is.
func unseal(b []byte) error {
	switch {
	case len(b) == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	case len(b) < sealSize || string(b[:len(sealHead)]) != sealHead:
		return fmt.Errorf("%w: it does not begin as it should", ErrDamaged)
	}
	sum := sha256.Sum256(b[sealSize:])
	if hex.EncodeToString(sum[:])+sealTail != string(b[len(sealHead):sealSize]) {
		return fmt.Errorf("%w: its checksum does not match its %d bytes", ErrDamaged, len(b))
	}
	return nil
}

// readSealed reads and checks a sealed file.
func readSealed(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return b, unseal(b)
}

// disk is how files are made durable; tests have it fail.
type disk struct {
	sync   func(*os.File) error
	rename func(from, to string) error
}

var realDisk = disk{(*os.File).Sync, os.Rename}

// writeSealed makes the file hold the sealed object, durably and in one step: after a
// crash it holds the old bytes or the new ones. moved tells whether the new file was
// put in place when an error follows, so that what a restart will find is not known.
func (d disk) writeSealed(path string, object []byte) (moved bool, err error) {
	tmp := path + temporary
	if err := d.writeSynced(tmp, seal(object)); err != nil {
		return false, errors.Join(err, ignoreMissing(os.Remove(tmp)))
	}
	if err := d.rename(tmp, path); err != nil {
		return false, errors.Join(err, ignoreMissing(os.Remove(tmp)))
	}
	return true, d.syncDir(filepath.Dir(path))
}

func (d disk) writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = d.sync(f)
	}
	return errors.Join(err, f.Close())
}

func (d disk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(f), f.Close())
}

// removeTemporary cleans up after a crash in the middle of a write.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), temporary) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
