package function

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// limits are the resource limits, by the names that messages use.
func (c *Config) limits() map[string]int64 {
	l := map[string]int64{"core": 0}
	set := func(name string, v int64) {
		if v > 0 {
			l[name] = v
		}
	}
	set("memory", c.Memory)
	set("cpu", int64(c.CPU/time.Second))
	set("files", int64(c.OpenFiles))
	set("processes", int64(c.Processes))
	return l
}

var limitKinds = map[string]int{
	"memory": unix.RLIMIT_AS, "cpu": unix.RLIMIT_CPU, "core": unix.RLIMIT_CORE, "files": unix.RLIMIT_NOFILE, "processes": unix.RLIMIT_NPROC,
}

// limit sets what a process may take before it sees any of the user's code, and returns
// what could not be set. Python sets its resource limits itself, which needs no rights; R
// has no way to.
func (p *process) limit(c *Config) (failed []string) {
	if c.Language != Python {
		limits := c.limits()
		for _, name := range slices.Sorted(maps.Keys(limits)) {
			var has unix.Rlimit
			err := unix.Prlimit(p.pid, limitKinds[name], nil, &has)
			if err == nil {
				most := min(uint64(limits[name]), has.Max)
				err = unix.Prlimit(p.pid, limitKinds[name], &unix.Rlimit{Cur: most, Max: most}, nil)
			}
			if err != nil {
				failed = append(failed, fmt.Sprintf("%s: %v", name, err))
			}
		}
	}
	// When memory runs out the worker goes first, not the server.
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(p.pid), "oom_score_adj"), []byte("500"), 0); err != nil {
		failed = append(failed, fmt.Sprintf("out-of-memory order: %v", err))
	}
	return failed
}
