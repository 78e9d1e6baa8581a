package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// maxFile bounds one unpacked file, in bytes; the larger of the two has 13 MB.
const maxFile = 256 << 20

// fetch gets the package with the npm client and unpacks the two files into dir.
func fetch(dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("cannot fetch %s: npm is not installed; install it, or pass --from DIR with %s and %s", packageName, airports, flights)
	}
	fmt.Fprintf(os.Stderr, "flightdata: npm pack %s\n", packageName)
	cmd := exec.Command(npm, "pack", packageName, "--silent", "--pack-destination", dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot fetch %s with npm: %w", packageName, err)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("npm pack left %d archives in %s, want 1", len(packed), dir)
	}
	return unpack(dir, packed[0])
}

// unpack takes package/data/{airports.csv,flights-3m.parquet} out of an npm archive.
func unpack(dir, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", archive, err)
	}
	missing := map[string]bool{"package/data/" + airports: true, "package/data/" + flights: true}
	for t := tar.NewReader(z); len(missing) > 0; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", archive, err)
		}
		if !missing[h.Name] {
			continue
		}
		if h.Size > maxFile {
			return fmt.Errorf("%s in %s has %d bytes, more than %d", h.Name, archive, h.Size, maxFile)
		}
		w, err := os.Create(filepath.Join(dir, path.Base(h.Name)))
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, t); err != nil {
			w.Close()
			return fmt.Errorf("cannot unpack %s: %w", h.Name, err)
		}
		if err := w.Close(); err != nil {
			return err
		}
		delete(missing, h.Name)
	}
	for name := range missing {
		return fmt.Errorf("%s holds no %s", archive, name)
	}
	return nil
}
