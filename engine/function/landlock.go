package function

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlock takes from the calling thread, and so from what it starts, the right to write
// files outside dir, to open or accept TCP connections (but to port, if it is not 0), and
// to reach processes outside by signals and abstract sockets. A thread that got it never
// gets rid of it. What the kernel does not have is in without; older ones lack the network
// (before 6.7) and the processes (before 6.12).
func landlock(dir string, network bool, port int) (without []string) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return []string{fmt.Sprintf("files and network: this kernel has no Landlock (%v)", errno)}
	}
	attr := unix.LandlockRulesetAttr{Access_fs: writing(abi)}
	size := unsafe.Offsetof(attr.Access_net)
	if !network {
		if abi >= 4 {
			attr.Access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
			size = unsafe.Offsetof(attr.Scoped)
		} else {
			without = append(without, "network: this kernel's Landlock does not know it")
		}
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Sizeof(attr)
	}
	fail := func(what string, err error) []string {
		return append(without, fmt.Sprintf("files and network: Landlock, %s: %v", what, err))
	}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fail("rules", errno)
	}
	defer func() { _ = unix.Close(int(ruleset)) }()
	devices := uint64(unix.LANDLOCK_ACCESS_FS_WRITE_FILE|unix.LANDLOCK_ACCESS_FS_TRUNCATE) & attr.Access_fs
	memory := devices | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	for path, rights := range map[string]uint64{dir: attr.Access_fs, "/dev": devices, "/dev/shm": memory} {
		if err := allowPath(ruleset, path, rights); err != nil && !os.IsNotExist(err) {
			return fail(path, err)
		}
	}
	if attr.Access_net != 0 && port != 0 {
		// Of a port: the rights, then the port; both 64 bits. x/sys has no type for it.
		rule := [2]uint64{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, uint64(port)}
		const netPort = 2 // the kind of the rule
		if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, netPort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
			return fail("port", errno)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fail("restriction", errno)
	}
	return without
}

// writing are the rights that change files, as far as the kernel knows them.
func writing(abi uintptr) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM)
	if abi >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	return rights
}

func allowPath(ruleset uintptr, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
