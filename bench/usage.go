package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Usage is what a process has used since it began.
type Usage struct {
	CPU     time.Duration // of all its threads, user and system
	Mallocs uint64        // heap objects allocated; 0 when unknown
}

// Meter reads the usage of a server.
type Meter func() (Usage, error)

// ProcessMeter reads the CPU time of a process of this machine, to 10 ms.
func ProcessMeter(pid int) Meter {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	return func() (Usage, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return Usage{}, fmt.Errorf("cannot read the CPU time of process %d: %w", pid, err)
		}
		// The command name in parentheses may hold anything; after it, fields
		// 14 and 15 of proc_pid_stat(5) are user and system time.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		const first = 3
		if len(fields) <= 15-first {
			return Usage{}, fmt.Errorf("cannot read the CPU time of process %d: %s is too short", pid, path)
		}
		ticks, err := sum(fields[14-first : 16-first])
		return Usage{CPU: tick * time.Duration(ticks)}, err
	}
}

// FamilyMeter reads the CPU time of a process and of those that it started, in any
// generation, and that still run.
func FamilyMeter(pid int) Meter {
	return func() (Usage, error) {
		var total Usage
		family := []int{pid}
		for i := 0; i < len(family); i++ {
			u, err := ProcessMeter(family[i])()
			if err != nil {
				return Usage{}, err
			}
			total.CPU += u.CPU
			lists, err := filepath.Glob("/proc/" + strconv.Itoa(family[i]) + "/task/*/children")
			if err != nil {
				return Usage{}, fmt.Errorf("cannot list the children of process %d: %w", family[i], err)
			}
			for _, list := range lists {
				b, err := os.ReadFile(list)
				if err != nil {
					continue // a thread that ended meanwhile
				}
				for _, field := range bytes.Fields(b) {
					if child, err := strconv.Atoi(string(field)); err == nil {
						family = append(family, child)
					}
				}
			}
		}
		return total, nil
	}
}

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// machineCPU returns the CPU time that all processes of the machine, and its
// neighbours on the same host, took so far. ok is false where that is not known.
func machineCPU() (busy time.Duration, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line) // cpu user nice system idle iowait irq softirq steal
	if len(fields) < 9 {
		return 0, false
	}
	working, err1 := sum(fields[1:4])
	serving, err2 := sum(fields[6:9])
	return tick * time.Duration(working+serving), err1 == nil && err2 == nil
}

func sum(fields [][]byte) (uint64, error) {
	total := uint64(0)
	for _, f := range fields {
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("cannot read a CPU time: %w", err)
		}
		total += n
	}
	return total, nil
}
