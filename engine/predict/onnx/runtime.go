//go:build cgo

package onnx

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"quiver/engine/predict/onnx/library"
)

// Runtime is the ONNX Runtime library, ready to load models.
type Runtime struct{}

// ONNX Runtime exists once per process, whatever we do.
var process struct {
	sync.Mutex
	path string // of the library, "" before the first Open
}

// Open loads the ONNX Runtime library from a file, or from library.Default() if path is
// "". The file's SHA-256 checksum must be sum, or one of the release that Quiver was
// tested with if sum is "". The library stays loaded for the life of the process; to
// open it again is nothing, to open another one an error.
func Open(path, sum string) (*Runtime, error) {
	if path == "" {
		var err error
		if path, err = library.Default(); err != nil {
			return nil, err
		}
	}
	process.Lock()
	defer process.Unlock()
	if process.path == path {
		return &Runtime{}, nil
	}
	if process.path != "" {
		return nil, fmt.Errorf("cannot load ONNX Runtime from %s: it was already loaded from %s", path, process.path)
	}
	var known []string
	if sum != "" {
		known = []string{sum}
	}
	if err := library.Verify(path, known); err != nil {
		return nil, fmt.Errorf("cannot load ONNX Runtime: %w", err)
	}
	// What goes wrong is returned; ONNX Runtime need not print it as well.
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return nil, fmt.Errorf("cannot load ONNX Runtime from %s: %w", path, err)
	}
	process.path = path
	return &Runtime{}, nil
}
