// Onnxruntime fetches the ONNX Runtime shared library that ONNX models are run with,
// checks it against the checksum that Quiver was tested with, and prints where it is.
//
//	go run ./tools/onnxruntime                  # npm if it is installed, else pip
//	go run ./tools/onnxruntime --client pip
//	go run ./tools/onnxruntime --to FILE        # default: under the user's cache folder
//
// A library that is there already is only checked; nothing is downloaded then.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"quiver/engine/predict/onnx/library"
)

func main() {
	client := flag.String("client", "", "npm or pip; default: whichever is installed, npm first")
	to := flag.String("to", "", "file to write; default: libonnxruntime under the user's cache folder")
	system := flag.String("system", library.System(), "GOOS/GOARCH to fetch for")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "onnxruntime: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	path, err := run(*client, *to, *system)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onnxruntime:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func run(client, to, system string) (string, error) {
	if to == "" {
		path, err := library.Default()
		if err != nil {
			return "", err
		}
		to = path
	}
	err := library.Verify(to, library.Known(system))
	if err == nil {
		return to, nil
	}
	if !errors.Is(err, library.ErrMissing) {
		return "", fmt.Errorf("%w\nremove that file to fetch the library again", err)
	}
	source, err := choose(client, system)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "onnxruntime-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	archive, err := fetch(source, dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	// The file appears under its name only when it is whole and right.
	part := to + ".part"
	defer os.Remove(part)
	if err := unpack(archive, source.Path, part); err != nil {
		return "", err
	}
	if err := library.Verify(part, []string{source.SHA256}); err != nil {
		return "", err
	}
	return to, os.Rename(part, to)
}

// choose finds a package for a system that an installed client can fetch.
func choose(client, system string) (library.Source, error) {
	known := false
	for _, s := range library.Sources {
		if s.System != system || client != "" && s.Client != client {
			continue
		}
		known = true
		if _, err := exec.LookPath(s.Client); err == nil {
			return s, nil
		}
	}
	if !known {
		return library.Source{}, fmt.Errorf("no package of ONNX Runtime %s is known for %s %s", library.Version, system, client)
	}
	return library.Source{}, fmt.Errorf("neither npm nor pip is installed: install one of them (Debian: apt-get install npm, or python3-pip), or put libonnxruntime %s in place yourself", library.Version)
}
