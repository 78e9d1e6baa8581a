// Package archive unpacks zip and tar.gz files that somebody handed in: into memory, and
// only what could not hurt if it were written out. Names that lead out of a folder,
// links and special files, names that appear twice, and archives that grow beyond a
// limit as they are unpacked are refused, and with them the whole archive.
package archive

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// The limits of an archive.
const (
	MaxBytes     = 256 << 20 // the archive itself
	MaxEntries   = 4096      // files and folders
	MaxFile      = 32 << 20  // one file, unpacked
	MaxTotal     = 128 << 20 // all files, unpacked
	maxRatio     = 200       // unpacked to packed bytes, beyond freeBytes
	freeBytes    = 1 << 20
	maxName      = 1024
	maxDirectory = 8 << 20 // what a zip file says about its entries
)

// File is one file of an archive. Its name has single slashes and leads nowhere but
// down.
type File struct {
	Name string
	Data []byte
}

// errBomb is why an archive is given up that grows as it is unpacked.
var errBomb = fmt.Errorf("it unpacks to more than %d times its size", maxRatio)

// ReadIn unpacks an archive in a folder, and nowhere else: path is below dir, absolute or
// relative to it, and is a file, not a link to one.
func ReadIn(dir, path string) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name, err := below(dir, path)
	if err != nil {
		return nil, err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// ReadFile unpacks an archive.
func ReadFile(path string) ([]File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// below returns path relative to dir.
func below(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		if !filepath.IsLocal(path) {
			return "", fmt.Errorf("%s is not in %s", path, dir)
		}
		return path, nil
	}
	dirs := []string{dir}
	if abs, err := filepath.Abs(dir); err == nil {
		dirs = append(dirs, abs)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dirs = append(dirs, real)
	}
	for _, d := range dirs {
		if name, err := filepath.Rel(d, path); err == nil && filepath.IsLocal(name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s is not in %s", path, dir)
}

func read(f *os.File) ([]File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxBytes {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxBytes>>20)
	}
	return Read(f, info.Size())
}

// Read unpacks an archive of size bytes. What it is, its first bytes say.
func Read(r io.ReaderAt, size int64) ([]File, error) {
	var magic [4]byte
	if n, err := r.ReadAt(magic[:], 0); n < len(magic) {
		return nil, fmt.Errorf("it is neither a zip nor a tar.gz file: %w", err)
	}
	switch {
	case magic[0] == 'P' && magic[1] == 'K':
		return readZip(r, size)
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return readTar(io.NewSectionReader(r, 0, size))
	}
	return nil, errors.New("it is neither a zip nor a tar.gz file")
}

// unpacking is an archive on its way.
type unpacking struct {
	files   []File
	seen    map[string]bool // names; true: a file
	entries int
	total   int64
}

// name checks the name of an entry and returns it cleaned, "" for the archive's root.
// Two entries may be the same folder, but not the same file, nor a file and a folder.
func (u *unpacking) name(name string, folder bool) (string, error) {
	if u.entries++; u.entries > MaxEntries {
		return "", fmt.Errorf("it has more than %d entries", MaxEntries)
	}
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if folder && (clean == "" || clean == ".") {
		return "", nil
	}
	if !fs.ValidPath(clean) || clean == "." || len(clean) > maxName || strings.ContainsAny(clean, `\:`) || strings.ContainsFunc(clean, unicode.IsControl) {
		return "", fmt.Errorf("the name %.100q is not that of a file below a folder", name)
	}
	for at := clean; ; {
		isFile, known := u.seen[at]
		switch {
		case at == clean && known && (isFile || !folder), at != clean && isFile:
			return "", fmt.Errorf("the name %.100q appears twice", name)
		case at != clean || folder:
			u.seen[at] = false
		default:
			u.seen[at] = true
		}
		i := strings.LastIndexByte(at, '/')
		if i < 0 {
			return clean, nil
		}
		at = at[:i]
	}
}

// add unpacks one file. packed says how many packed bytes it has come from so far.
func (u *unpacking) add(name string, r io.Reader, packed func() int64) error {
	var data []byte
	block := make([]byte, 32<<10)
	for {
		n, err := r.Read(block)
		data = append(data, block[:n]...)
		u.total += int64(n)
		switch {
		case len(data) > MaxFile:
			return fmt.Errorf("%q is larger than %d MiB", name, MaxFile>>20)
		case u.total > MaxTotal:
			return fmt.Errorf("it unpacks to more than %d MiB", MaxTotal>>20)
		case u.total > freeBytes && u.total > maxRatio*packed():
			return errBomb
		}
		if errors.Is(err, io.EOF) {
			u.files = append(u.files, File{name, data})
			return nil
		}
		if err != nil {
			return fmt.Errorf("%q cannot be unpacked: %w", name, err)
		}
	}
}

// readZip unpacks a zip file.
func readZip(r io.ReaderAt, size int64) ([]File, error) {
	limited := &budget{ReaderAt: r, left: maxDirectory}
	z, err := zip.NewReader(limited, size)
	if err != nil {
		return nil, fmt.Errorf("the zip file cannot be read: %w", err)
	}
	limited.off = true
	u := unpacking{seen: map[string]bool{}}
	var packed int64
	for _, f := range z.File {
		mode := f.Mode()
		name, err := u.name(f.Name, mode.IsDir())
		if err != nil {
			return nil, err
		}
		switch {
		case mode.IsDir():
			continue
		case !mode.IsRegular():
			return nil, fmt.Errorf("%q is a link or a special file", f.Name)
		case f.Flags&1 != 0:
			return nil, fmt.Errorf("%q is encrypted", f.Name)
		}
		from, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%q cannot be unpacked: %w", f.Name, err)
		}
		// The packed size is what the file says of itself; it cannot be more than all.
		packed = min(packed+int64(min(f.CompressedSize64, uint64(size))), size)
		err = errors.Join(u.add(name, from, func() int64 { return packed }), from.Close())
		if err != nil {
			return nil, err
		}
	}
	return u.files, nil
}

// budget bounds what is read of a file until it is off.
type budget struct {
	io.ReaderAt
	left int64
	off  bool
}

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 && !b.off {
		return 0, fmt.Errorf("its list of entries is longer than %d MiB", maxDirectory>>20)
	}
	return b.ReaderAt.ReadAt(p, at)
}

// readTar unpacks a tar.gz file.
func readTar(r io.Reader) ([]File, error) {
	packed := &counter{r: r}
	unzipped, err := gzip.NewReader(bufio.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the gzip file cannot be read: %w", err)
	}
	// Headers are unpacked as well, and count.
	limited := &io.LimitedReader{R: unzipped, N: MaxTotal + MaxEntries<<10}
	u := unpacking{seen: map[string]bool{}}
	t := tar.NewReader(limited)
	for {
		h, err := t.Next()
		end := errors.Is(err, io.EOF)
		if end {
			// The checksum is behind all that a tar file means.
			_, err = io.Copy(io.Discard, limited)
		}
		if err != nil {
			return nil, fmt.Errorf("the tar file cannot be read: %w", err)
		}
		if end {
			return u.files, nil
		}
		name, err := u.name(h.Name, h.Typeflag == tar.TypeDir)
		switch {
		case err != nil:
			return nil, err
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("%q is a link or a special file", h.Name)
		}
		if err := u.add(name, t, func() int64 { return packed.n }); err != nil {
			return nil, err
		}
	}
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
