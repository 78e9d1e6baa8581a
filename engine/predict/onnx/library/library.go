// Package library knows the ONNX Runtime shared library that Quiver was tested with: its
// release, where tools/onnxruntime puts it, and its checksums. It is apart from the
// binding so that tools need no C compiler.
package library

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Version is the release of ONNX Runtime.
const Version = "1.30.0"

// Source is a package that holds the library for one system.
type Source struct {
	Client  string // "npm" or "pip"
	Package string // name and version as the client takes it
	System  string // GOOS/GOARCH
	Tag     string // pip: the platform tag
	Path    string // of the library inside the package
	SHA256  string // of the library, lower-case hex
}

// Sources are the packages that the library can be had from. Both clients build the same
// release; the files differ, so each has its own checksum.
var Sources = []Source{
	{
		Client: "npm", Package: "onnxruntime-node@" + Version, System: "linux/amd64",
		Path:   "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
		SHA256: "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23",
	},
	{
		Client: "npm", Package: "onnxruntime-node@" + Version, System: "linux/arm64",
		Path:   "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
		SHA256: "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76",
	},
	{
		Client: "npm", Package: "onnxruntime-node@" + Version, System: "darwin/arm64",
		Path:   "package/bin/napi-v6/darwin/arm64/libonnxruntime." + Version + ".dylib",
		SHA256: "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d",
	},
	{
		Client: "pip", Package: "onnxruntime==" + Version, System: "linux/amd64", Tag: "manylinux_2_28_x86_64",
		Path:   "onnxruntime/capi/libonnxruntime.so." + Version,
		SHA256: "c902c70b3003c0e99fada202f37478c515ae9bba7944c2b2abd0017bae0c82ed",
	},
	{
		Client: "pip", Package: "onnxruntime==" + Version, System: "linux/arm64", Tag: "manylinux_2_28_aarch64",
		Path:   "onnxruntime/capi/libonnxruntime.so." + Version,
		SHA256: "8a218e1e446880131115c368ec7005969a5022af9a15a26173de648fef0b7789",
	},
}

// Known returns the checksums of the library for a system, written GOOS/GOARCH.
func Known(system string) []string {
	var known []string
	for _, s := range Sources {
		if s.System == system {
			known = append(known, s.SHA256)
		}
	}
	return known
}

// System is this machine's, written GOOS/GOARCH.
func System() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Default returns where tools/onnxruntime puts the library: in the folder that the
// system keeps for caches of this user.
func Default() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot find the cache folder: %w", err)
	}
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	return filepath.Join(cache, "quiver", "onnxruntime-"+Version, name), nil
}

// ErrMissing is the error of Verify when there is no library.
var ErrMissing = errors.New("there is no such file; `go run ./tools/onnxruntime` fetches ONNX Runtime " + Version + " with npm or pip")

// Verify checks that a file is the library: that its checksum is one of known, or of
// those for this system if known is nil. The file is read whole, some 40 MB.
func Verify(path string, known []string) error {
	if known == nil {
		if known = Known(System()); known == nil {
			return fmt.Errorf("no checksum of ONNX Runtime is known for %s; give the one of your library", System())
		}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, ErrMissing)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); !slices.Contains(known, sum) {
		return fmt.Errorf("%s has the SHA-256 checksum %s, which is not that of ONNX Runtime %s for %s; give your own library's checksum to use it", path, sum, Version, System())
	}
	return nil
}
