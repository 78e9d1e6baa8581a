// Package dbtest starts database servers for tests: PostgreSQL and MariaDB, as they are
// installed, on loopback, in folders of their own that are removed in the end.
//
// A package whose tests want them calls Main in its TestMain; the servers start when the
// first test asks and serve all tests of the package.
package dbtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// Server is a running database server.
type Server struct {
	DSN string // of a database without tables, as a user with all rights

	owner   string // the system user that runs it when tests run as root
	dir     string
	port    int
	command []string
	ready   func(context.Context, *Server) error
	process *os.Process
	ended   chan struct{} // closed when process has
	output  *os.File
}

// servers are those that were started.
var (
	servers  []*Server
	postgres = sync.OnceValues(startPostgres)
	mariadb  = sync.OnceValues(startMariaDB)
)

// Main runs the tests of a package and stops what they started. It is called by
// TestMain.
func Main(m *testing.M) {
	code := m.Run()
	for _, s := range servers {
		s.Stop()
		_ = s.output.Close()
		if err := os.RemoveAll(s.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Postgres returns the package's PostgreSQL server.
func Postgres(t testing.TB) *Server {
	t.Helper()
	return must(t)(postgres())
}

// MariaDB returns the package's MariaDB server.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	return must(t)(mariadb())
}

func must(t testing.TB) func(*Server, error) *Server {
	return func(s *Server, err error) *Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func startPostgres() (*Server, error) {
	bin, err := newest("/usr/lib/postgresql/*/bin", "postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	s, err := newServer("postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	if err := s.run(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C"); err != nil {
		return nil, err
	}
	s.command = []string{
		filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=50",
	}
	s.DSN = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	s.ready = func(ctx context.Context, s *Server) error {
		c, err := pgconn.Connect(ctx, s.DSN)
		if err != nil {
			return err
		}
		return c.Close(ctx)
	}
	return s, s.Start()
}

func startMariaDB() (*Server, error) {
	bin, err := newest("/usr/sbin", "mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	s, err := newServer("mysql")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	if err := s.run("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return nil, err
	}
	s.command = []string{
		filepath.Join(bin, "mariadbd"), "--no-defaults", "--datadir=" + data, "--port=" + strconv.Itoa(s.port), "--bind-address=127.0.0.1",
		"--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--max-connections=50", "--character-set-server=utf8mb4",
	}
	s.DSN = fmt.Sprintf("root@tcp(127.0.0.1:%d)/", s.port)
	s.ready = func(ctx context.Context, s *Server) error {
		c, err := mysqldriver.ParseDSN(s.DSN)
		if err != nil {
			return err
		}
		c.Logger = &mysqldriver.NopLogger{}
		dial, err := mysqldriver.NewConnector(c)
		if err != nil {
			return err
		}
		conn, err := dial.Connect(ctx)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	client := exec.Command("mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port="+strconv.Itoa(s.port), "--user=root", "-e", "CREATE DATABASE test")
	if out, err := client.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot create a database: %w\n%s", err, out)
	}
	s.DSN += "test"
	return s, nil
}

// newest returns the folder of a program, of the newest version there is.
func newest(pattern, program, debian string) (string, error) {
	found, err := filepath.Glob(filepath.Join(pattern, program))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s is not installed; run: apt-get install -y --no-install-recommends %s (or tools/needs/run %s)", program, debian, debian)
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// newServer makes a folder and finds a port. Both servers refuse to run as root, and get
// the user that their package made.
func newServer(owner string) (*Server, error) {
	s := &Server{owner: owner}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "quiver-"+owner+"-"); err != nil {
		return nil, err
	}
	servers = append(servers, s)
	if s.output, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return nil, err
	}
	if c := s.credential(); c != nil {
		err = os.Chown(s.dir, int(c.Uid), int(c.Gid))
	}
	return s, err
}

// credential is the system user for a child, nil when tests do not run as root.
func (s *Server) credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(s.owner)
	if err != nil {
		return nil // the server will say what it thinks of root
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers, on every Unix
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) child(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = s.dir, s.output, s.output
	c.Env = append(os.Environ(), "HOME="+s.dir, "LC_ALL=C")
	// Should the tests be killed, their servers end as well.
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential(), Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return c
}

func (s *Server) run(name string, args ...string) error {
	if err := s.child(name, args...).Run(); err != nil {
		return s.explain(fmt.Errorf("cannot run %s: %w", name, err))
	}
	return nil
}

// explain adds the end of what the server wrote.
func (s *Server) explain(err error) error {
	b, _ := os.ReadFile(s.output.Name())
	return fmt.Errorf("%w\n%s", err, b[max(0, len(b)-4000):])
}

// Start starts the server, again after Stop or Kill, and waits until it answers. One
// that was killed refuses to start beside its orphans, which take a moment to notice.
func (s *Server) Start() error {
	err := s.start()
	for range 50 {
		if err == nil || s.process != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
		err = s.start()
	}
	return err
}

// start starts the server once; if it ends at once, there is no process.
func (s *Server) start() error {
	started := make(chan error)
	s.ended = make(chan struct{})
	go func() {
		// Pdeathsig is about the thread that starts the child, which therefore stays.
		runtime.LockOSThread()
		c := s.child(s.command[0], s.command[1:]...)
		err := c.Start()
		s.process = c.Process
		started <- err
		if err == nil {
			_ = c.Wait() // how it ended says nothing
			close(s.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("cannot start %s: %w", s.command[0], err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := s.ready(ctx, s)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.ended:
			s.process = nil
			return s.explain(fmt.Errorf("%s has ended: %w", s.command[0], err))
		case <-ctx.Done():
			return s.explain(fmt.Errorf("%s does not answer: %w", s.command[0], err))
		}
	}
}

// Stop ends the server as an operator would: clients are thrown out.
func (s *Server) Stop() { s.end(syscall.SIGINT, syscall.SIGTERM) }

// Kill ends it at once.
func (s *Server) Kill() { s.end(syscall.SIGKILL, syscall.SIGKILL) }

func (s *Server) end(postgres, mariadb syscall.Signal) {
	if s.process == nil {
		return
	}
	signal := mariadb
	if s.owner == "postgres" {
		signal = postgres
	}
	_ = s.process.Signal(signal) // it may have ended by itself
	<-s.ended
	s.process = nil
}
