package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is one entry of an archive that a test makes.
type entry struct {
	name, text string
	mode       fs.FileMode // of zip; 0 is a file
	tar        byte        // type in a tar; 0 is a file
	link       string
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.text+e.link)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.text)), Mode: 0o600, Typeflag: tar.TypeReg, Linkname: e.link}
		if e.tar != 0 {
			h.Typeflag = e.tar
		}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(text []byte) string {
	files, err := Read(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return "error: " + err.Error()
	}
	var all []string
	for _, f := range files {
		all = append(all, fmt.Sprintf("%s=%.20s", f.Name, f.Data))
	}
	return strings.Join(all, " ")
}

// both checks a zip and a tar.gz of the same entries.
func both(t *testing.T, want string, entries ...entry) {
	t.Helper()
	for kind, text := range map[string][]byte{"zip": zipOf(t, entries...), "tar.gz": tarOf(t, entries...)} {
		if got := unpack(text); got != want && (!strings.HasPrefix(want, "error") || !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want[7:])) {
			t.Errorf("%s of %.100v: %s, want %s", kind, entries, got, want)
		}
	}
}

// TestNames has one list of names a case.
func TestNames(t *testing.T) {
	folder := func(name string) entry { return entry{name: name, mode: fs.ModeDir | 0o700, tar: tar.TypeDir} }
	file := func(name string) entry { return entry{name: name, text: "x"} }
	both(t, "a.yaml=x models/m.txt=x", file("a.yaml"), folder("models/"), file("models/m.txt"))
	both(t, "a=x b/c=x", folder("./"), file("./a"), folder("./b/"), file("./b/c"), folder("b/"))
	both(t, "..a=x b..=x", file("..a"), file("b.."))
	both(t, "")
	for _, name := range []string{"../a", "a/../../b", "a/../b", "..", "/etc/passwd", "//a", "a//b", "./../a", `..\a`, `a\b`, "C:/a", "c:a", "a\x00b", "a\nb", "", ".", strings.Repeat("x", 2000)} {
		if name == "a\x00b" || name == "" {
			if got := unpack(zipOf(t, file(name))); !strings.Contains(got, "not that of a file") {
				t.Errorf("zip of %q: %s", name, got)
			}
			continue
		}
		both(t, "error: not that of a file below a folder", file(name))
	}
	both(t, "error: not that of a file", folder("../"), file("a"))
	both(t, "error: appears twice", file("a"), file("a"))
	both(t, "error: appears twice", file("a"), file("./a"))
	both(t, "error: appears twice", file("a"), folder("a/"))
	both(t, "error: appears twice", folder("a/"), file("a"))
	both(t, "error: appears twice", file("a"), file("a/b"))
	both(t, "error: appears twice", file("a/b"), file("a"))
}

// TestSpecial has one special file a case.
func TestSpecial(t *testing.T) {
	both(t, "error: is a link or a special file", entry{name: "a", mode: fs.ModeSymlink | 0o777, tar: tar.TypeSymlink, link: "/etc/passwd"})
	both(t, "error: is a link or a special file", entry{name: "a", mode: fs.ModeNamedPipe | 0o600, tar: tar.TypeFifo})
	both(t, "error: is a link or a special file", entry{name: "a", mode: fs.ModeDevice | 0o600, tar: tar.TypeBlock})
	both(t, "error: is a link or a special file", entry{name: "a", mode: fs.ModeSocket | 0o600, tar: tar.TypeChar})
	if got := unpack(tarOf(t, entry{name: "b", text: "x"}, entry{name: "a", tar: tar.TypeLink, link: "b"})); !strings.Contains(got, "is a link") {
		t.Errorf("a hard link: %s", got)
	}
	locked := zipOf(t, entry{name: "a", text: "x"})
	at := bytes.Index(locked, []byte("PK\x01\x02"))
	locked[at+8] |= 1
	if got := unpack(locked); !strings.Contains(got, "is encrypted") {
		t.Errorf("an encrypted file: %s", got)
	}
}

// TestSizes has one size a case.
func TestSizes(t *testing.T) {
	noise := func(n int) string { // does not compress
		b := make([]byte, n)
		state := uint64(1)
		for i := range b {
			state = state*6364136223846793005 + 1442695040888963407
			b[i] = byte(state >> 56)
		}
		return string(b)
	}
	both(t, "error: more than 200 times its size", entry{name: "bomb", text: strings.Repeat("0", 30<<20)})
	both(t, "a="+strings.Repeat("0", 20), entry{name: "a", text: strings.Repeat("0", freeBytes-1)})
	large := noise(MaxFile)
	if got := unpack(zipOf(t, entry{name: "a", text: large + "x"})); !strings.Contains(got, "larger than 32 MiB") {
		t.Errorf("a large file: %.100s", got)
	}
	if got := unpack(zipOf(t, entry{name: "a", text: large})); !strings.HasPrefix(got, "a=") {
		t.Errorf("a file of the largest size: %.100s", got)
	}
	u := unpacking{total: MaxTotal}
	if err := u.add("a", strings.NewReader("x"), func() int64 { return MaxTotal }); err == nil || !strings.Contains(err.Error(), "unpacks to more than 128 MiB") {
		t.Errorf("a large archive: %v", err)
	}
	var many []entry
	for i := range MaxEntries + 1 {
		many = append(many, entry{name: fmt.Sprint("f", i)})
	}
	both(t, "error: more than 4096 entries", many...)

	// A size that lies: the file is longer than the directory says.
	lie := zipOf(t, entry{name: "a", text: strings.Repeat("0123456789", 100)})
	at := bytes.Index(lie, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lie[at+24:], 10)
	if got := unpack(lie); !strings.HasPrefix(got, "error: ") {
		t.Errorf("a size that lies: %s", got)
	}
	// A directory that is endless.
	var names []entry
	for i := range 3000 {
		names = append(names, entry{name: fmt.Sprintf("%d%s", i, strings.Repeat("x", 4000))})
	}
	if got := unpack(zipOf(t, names...)); !strings.Contains(got, "list of entries is longer than 8 MiB") {
		t.Errorf("a long directory: %.100s", got)
	}
}

// TestDamage has one damaged archive a case; none may panic.
func TestDamage(t *testing.T) {
	f := func(text []byte) {
		t.Helper()
		if got := unpack(text); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%.40q: %.100s", text, got)
		}
	}
	f(nil)
	f([]byte("PK"))
	f([]byte("kind: Generation\n"))
	for _, good := range [][]byte{zipOf(t, entry{name: "a", text: "some text"}), tarOf(t, entry{name: "a", text: "some text"})} {
		for n := range len(good) {
			f(good[:n])
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 0x55
			_ = unpack(bad)
		}
	}
}

// TestReadIn has one path a case.
func TestReadIn(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "imports")
	text := zipOf(t, entry{name: "a", text: "x"})
	for _, folder := range []string{dir, filepath.Join(dir, "sub"), dir + "2"} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "g.zip"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.zip": "g.zip", "out.zip": filepath.Join(dir+"2", "g.zip"), "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(top, "alias")); err != nil {
		t.Fatal(err)
	}
	f := func(dir, path string, want bool) {
		t.Helper()
		files, err := ReadIn(dir, path)
		if got := err == nil && len(files) == 1; got != want {
			t.Errorf("%s in %s: %v %v", path, dir, files, err)
		}
	}
	f(dir, filepath.Join(dir, "g.zip"), true)
	f(dir, filepath.Join(dir, "sub", "g.zip"), true)
	f(dir, filepath.Join(dir, "sub", "..", "g.zip"), true)
	f(dir, "g.zip", true)
	f(filepath.Join(top, "alias"), filepath.Join(dir, "g.zip"), true)
	f(dir, "../imports2/g.zip", false)
	f(dir, filepath.Join(dir+"2", "g.zip"), false)
	f(dir, dir+"/../imports2/g.zip", false)
	f(dir, "/etc/passwd", false)
	f(dir, "link.zip", false)
	f(dir, "out.zip", false)
	f(dir, "up/imports2/g.zip", false)
	f(dir, "sub", false)
	f(dir, "", false)
	f(dir, "none.zip", false)
	f(filepath.Join(top, "none"), "g.zip", false)
}

func FuzzRead(f *testing.F) {
	f.Add(zipOf(f, entry{name: "a/b", text: "x"}))
	f.Add(tarOf(f, entry{name: "a/b", text: "x"}))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := Read(bytes.NewReader(text), int64(len(text)))
		for _, file := range files {
			if !filepath.IsLocal(file.Name) || err != nil {
				t.Errorf("%q %v", file.Name, err)
			}
		}
	})
}
