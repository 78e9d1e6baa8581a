package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

// product is the program as users run it, serving a data folder without keys.
type product struct {
	program string
	dir     string
	addr    string // of the APIs, host:port
	admin   string // URL
	cmd     *exec.Cmd
	began   time.Time // just before the process was started
}

// startProduct serves a folder with settings in the form of environment variables, and
// definitions, if any, that it applies first. It returns when both listeners are there.
func startProduct(ctx context.Context, program, dir string, settings []string, definitions []byte) (_ *product, err error) {
	args := []string{"serve", "--data", dir, "--no-auth", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "warn"}
	if len(definitions) > 0 {
		path := dir + ".yaml"
		if err := os.WriteFile(path, definitions, 0o600); err != nil {
			return nil, fmt.Errorf("cannot write the definitions: %w", err)
		}
		defer os.Remove(path)
		args = append(args, "--apply", path)
	}
	p := &product{program: program, dir: dir, cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Env = append(os.Environ(), settings...)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for this program, which then stops it
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	lines := bufio.NewScanner(out)
	for (p.addr == "" || p.admin == "") && lines.Scan() {
		what, url, _ := strings.Cut(lines.Text(), " ")
		switch url = strings.TrimSpace(url); what {
		case "serving":
			p.addr = strings.TrimPrefix(url, "http://")
		case "admin":
			p.admin = url
		}
	}
	if p.addr == "" || p.admin == "" {
		return nil, errors.Join(fmt.Errorf("%s does not say where it serves", program), p.stop())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it says nothing more that matters
	return p, nil
}

// ready waits until the server says that it is, and returns how long that took since the
// process was started.
func (p *product) ready(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		r, err := http.Get("http://" + p.addr + "/ready")
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return time.Since(p.began), nil
			}
		}
		if time.Since(p.began) > time.Minute {
			return 0, errors.Join(errors.New("a server is not ready after a minute"), err)
		}
		time.Sleep(time.Millisecond)
	}
	return 0, ctx.Err()
}

// run runs a command of the program on the running server and decodes its JSON into out,
// unless that is nil. It returns the command's CPU time.
func (p *product) run(ctx context.Context, out any, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, p.program, append(args, "--server", p.admin, "-o", "json")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	answer, err := cmd.Output()
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		return 0, fmt.Errorf("%s %s fails: %w: %s", p.program, args[0], err, said.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// printConfig decodes the program's configuration into settings.
func printConfig(ctx context.Context, program string, settings any) error {
	answer, err := exec.CommandContext(ctx, program, "serve", "--print-config", "-o", "json").Output()
	if err == nil {
		err = json.Unmarshal(answer, settings)
	}
	if err != nil {
		return fmt.Errorf("cannot ask %s for its configuration: %w", program, err)
	}
	return nil
}

// loaded is what `quiver load` says, and the CPU time of both processes a row.
type loaded struct {
	Rows           uint64  `json:"rows"`
	RowsPerSec     float64 `json:"rowsPerSecond"`
	client, server float64 // microseconds a row
}

// load loads a file into a group.
func (p *product) load(ctx context.Context, group, file string, more ...string) (loaded, error) {
	var out loaded
	before, err := p.meter()()
	if err != nil {
		return out, err
	}
	client, err := p.run(ctx, &out, append([]string{"load", "--store", workload.Store, "--group", group, file}, more...)...)
	if err != nil {
		return out, err
	}
	after, err := p.meter()()
	rows := float64(max(out.Rows, 1))
	out.client, out.server = micros(client)/rows, micros(after.CPU-before.CPU)/rows
	return out, err
}

// readAll reads every row of a table once, checks it, and so fills the caches.
func (p *product) readAll(ctx context.Context, t *workload.Table) error {
	batch := int(min(500, t.Rows))
	source, err := tableRequests(t, "", batch, workload.Sequential)
	if err != nil {
		return err
	}
	r, err := bench.Run(ctx, bench.Config{
		Name: "all rows", Addr: p.addr, Source: source, Connections: 2, Duration: 5 * time.Minute,
		Requests: (uint64(t.Rows) + uint64(batch) - 1) / uint64(batch), CheckEvery: 1,
	})
	if err != nil {
		return err
	}
	return wrong(r)
}

func (p *product) meter() bench.Meter { return bench.ProcessMeter(p.cmd.Process.Pid) }

// resident returns the bytes of memory that are the process's own at the moment, and were
// at most since it began.
func (p *product) resident() (now, most int64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the memory of a server: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		name, text, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
		switch {
		case name == "VmRSS" && err == nil:
			now = kib << 10
		case name == "VmHWM" && err == nil:
			most = kib << 10
		}
	}
	if now == 0 || most == 0 {
		return 0, 0, errors.New("cannot read the memory of a server")
	}
	return now, most, nil
}

// profile writes a CPU profile of the next time d into a folder; "" writes none. Call what
// it returns at the end.
func (p *product) profile(ctx context.Context, folder, name string, d time.Duration) (wait func() error) {
	if folder == "" {
		return func() error { return nil }
	}
	ended := make(chan error, 1)
	go func() {
		ended <- p.download(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds()))), filepath.Join(folder, name))
	}()
	return func() error { return <-ended }
}

func (p *product) download(ctx context.Context, path, file string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.admin+path, nil)
	if err != nil {
		return fmt.Errorf("cannot ask for %s: %w", path, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("cannot ask for %s: %w", path, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", path, err)
	}
	return nil
}

// stop ends the server in its own time, at most half a minute.
func (p *product) stop() error { return p.end(syscall.SIGTERM) }

// kill ends it at once.
func (p *product) kill() {
	_ = p.end(syscall.SIGKILL) // which it dies of, and that is what is asked for
}

func (p *product) end(signal syscall.Signal) error {
	_ = p.cmd.Process.Signal(signal)
	late := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s ended badly: %w", p.program, err)
	}
	return nil
}
