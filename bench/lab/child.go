package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"quiver/bench"
)

// childEnv holds, in a child process, what it is to serve.
const childEnv = "QUIVER_BENCH_CHILD"

// childConfig is what a child is started with.
type childConfig struct {
	Store   *storeConfig   `json:"store,omitempty"`
	Ceiling *ceilingConfig `json:"ceiling,omitempty"`
	Predict *predictConfig `json:"predict,omitempty"`
}

// hello is the first line a child prints.
type hello struct {
	Addresses map[Target]string `json:"addresses"`
	APIKey    string            `json:"apiKey"`
	Error     string            `json:"error,omitempty"`
}

// order and report are the lines that go to and fro afterwards.
type order struct {
	Do   string `json:"do"` // usage, settle, profile, stopProfile
	Path string `json:"path,omitempty"`
}

type report struct {
	CPU     time.Duration `json:"cpu"`
	Mallocs uint64        `json:"mallocs"`
	Error   string        `json:"error,omitempty"`
}

// child is a server process, seen from the one that started it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	hello hello
}

// startChild starts this program again as a server and waits until it serves.
func startChild(ctx context.Context, c childConfig) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it as a server: %w", err)
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("cannot describe a server: %w", err)
	}
	ch := &child{cmd: exec.CommandContext(ctx, self)}
	ch.cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	ch.cmd.Stderr = os.Stderr
	ch.cmd.WaitDelay = time.Second
	if ch.in, err = ch.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("cannot start a server: %w", err)
	}
	out, err := ch.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start a server: %w", err)
	}
	ch.out = bufio.NewReader(out)
	if err := ch.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start a server: %w", err)
	}
	if err := ch.read(&ch.hello); err != nil {
		return nil, errors.Join(err, ch.close())
	}
	if ch.hello.Error != "" {
		return nil, errors.Join(errors.New(ch.hello.Error), ch.close())
	}
	return ch, nil
}

func (ch *child) read(v any) error {
	line, err := ch.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		return fmt.Errorf("cannot hear from a server under test: %w", err)
	}
	return nil
}

// tell gives an order and waits for its report.
func (ch *child) tell(o order) (report, error) {
	line, err := json.Marshal(o)
	if err == nil {
		_, err = ch.in.Write(append(line, '\n'))
	}
	if err != nil {
		return report{}, fmt.Errorf("cannot reach a server under test: %w", err)
	}
	var r report
	if err := ch.read(&r); err != nil {
		return report{}, err
	}
	if r.Error != "" {
		return report{}, errors.New(r.Error)
	}
	return r, nil
}

// usage is a bench.Meter.
func (ch *child) usage() (bench.Usage, error) {
	r, err := ch.tell(order{Do: "usage"})
	return bench.Usage{CPU: r.CPU, Mallocs: r.Mallocs}, err
}

// close ends the child, which stops when its input ends.
func (ch *child) close() error {
	_ = ch.in.Close()
	patience := time.AfterFunc(20*time.Second, func() { _ = ch.cmd.Process.Kill() })
	defer patience.Stop()
	if err := ch.cmd.Wait(); err != nil {
		return fmt.Errorf("a server under test ended badly: %w", err)
	}
	return nil
}
