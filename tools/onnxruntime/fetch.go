package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"quiver/engine/predict/onnx/library"
)

// maxLibrary bounds the unpacked library, in bytes.
const maxLibrary = 256 << 20

// fetch downloads a package into dir, by its name, with its own client, and returns the
// archive.
func fetch(s library.Source, dir string) (string, error) {
	args := []string{"pack", s.Package, "--silent", "--pack-destination", dir}
	if s.Client == "pip" {
		// The library is the same whatever Python the wheel is for.
		args = []string{"download", s.Package, "--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--platform", s.Tag, "--quiet", "--dest", dir}
	}
	fmt.Fprintf(os.Stderr, "onnxruntime: %s %s\n", s.Client, strings.Join(args[:2], " "))
	cmd := exec.Command(s.Client, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot fetch %s with %s: %w", s.Package, s.Client, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("%s left %d files in %s, want 1", s.Client, len(files), dir)
	}
	return filepath.Join(dir, files[0].Name()), nil
}

// unpack writes one file of an archive, a gzipped tar or a zip, to the file to.
func unpack(archive, name, to string) error {
	read := unpackTar
	if strings.HasSuffix(archive, ".whl") {
		read = unpackZip
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	if err := read(archive, name, w); err != nil {
		w.Close()
		return fmt.Errorf("cannot unpack %s: %w", filepath.Base(archive), err)
	}
	return w.Close()
}

func unpackTar(archive, name string, w io.Writer) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it holds no %s", name)
		}
		if err != nil {
			return err
		}
		if h.Name == name {
			return copyLibrary(w, t)
		}
	}
}

func unpackZip(archive, name string, w io.Writer) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	f, err := z.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return copyLibrary(w, f)
}

func copyLibrary(w io.Writer, r io.Reader) error {
	n, err := io.Copy(w, io.LimitReader(r, maxLibrary+1))
	if err == nil && n > maxLibrary {
		err = fmt.Errorf("the library has more than %d bytes", maxLibrary)
	}
	return err
}
