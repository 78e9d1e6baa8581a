package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"quiver/bench"
	"quiver/bench/lab"
	"quiver/bench/workload"
)

// redis is the target that stands for the service over Redis.
const redis lab.Target = "redis"

// peers compares the product with a service over Redis on the same rows.
func peers(ctx context.Context, flags *flag.FlagSet, args []string) (err error) {
	short := flags.Bool("short", false, "fewer connections and repetitions")
	rows := flags.Uint("rows", 1_000_000, "rows")
	server := flags.String("redis", "redis-server", "the Redis or Valkey server program")
	service := flags.String("service", "bin/tools/peers", "the service over it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	g := lab.Grid{
		Targets: []lab.Target{lab.Ceiling, redis, lab.Plain, lab.Cached}, Connections: []int{1, 8, 64}, Repeat: 9, Again: 100,
		WarmUp: 100 * time.Millisecond, Closed: 150 * time.Millisecond, Open: 200 * time.Millisecond, Progress: progress,
	}
	if *short {
		g.Connections = []int{8}
	}
	all := lab.Shapes(lab.Size{Rows: uint32(*rows), Wide: 1})
	g.Shapes = []lab.Shape{all[0], all[4]}
	table := g.Shapes[0].Table

	store, err := startRedis(ctx, *server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.stop()) }()
	progress(0, 1, "loading Redis")
	if err := store.load(table); err != nil {
		return err
	}
	front, err := startService(ctx, *service, store.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, front.stop()) }()
	progress(0, 1, "making the data")
	l, err := lab.Start(ctx, lab.Config{Shapes: g.Shapes, BlockCache: 2 << 30, RowCache: 2 << 30, Seed: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	l.Join(redis, front.addr, both(front.meter(), store.meter()), g.Shapes)
	cells, err := l.RunGrid(ctx, g)
	if err != nil {
		return err
	}
	if err := lab.WriteTable(os.Stdout, cells); err != nil {
		return err
	}
	fmt.Println()
	for _, n := range g.Connections {
		for _, s := range g.Shapes {
			base := find(cells, s.Name, redis, n)
			for _, t := range []lab.Target{lab.Plain, lab.Cached} {
				c := find(cells, s.Name, t, n)
				fmt.Printf("%s over %d connections: %s does %.2f times the requests of the service over Redis, with %.2f of its CPU\n",
					s.Name, n, t, c.PerSecond/base.PerSecond, c.CPU/base.CPU)
			}
		}
	}
	return nil
}

func find(cells []lab.Cell, shape string, t lab.Target, connections int) lab.Cell {
	for _, c := range cells {
		if c.Shape == shape && c.Target == t && c.Connections == connections {
			return c
		}
	}
	return lab.Cell{}
}

// both adds up two meters.
func both(a, b bench.Meter) bench.Meter {
	return func() (bench.Usage, error) {
		ua, err1 := a()
		ub, err2 := b()
		return bench.Usage{CPU: ua.CPU + ub.CPU}, errors.Join(err1, err2)
	}
}

// process is a server that this program started.
type process struct {
	cmd  *exec.Cmd
	in   io.Closer // its standard input, whose end stops it; nil when a signal does
	addr string
	dir  string // to remove
}

func (p *process) meter() bench.Meter { return bench.ProcessMeter(p.cmd.Process.Pid) }

func (p *process) stop() error {
	if p.in != nil {
		_ = p.in.Close()
	} else {
		_ = p.cmd.Process.Signal(os.Interrupt)
	}
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := p.cmd.Wait()
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	if err != nil {
		return fmt.Errorf("%s ended badly: %w", p.cmd.Path, err)
	}
	return nil
}

// startRedis starts a server on loopback that keeps nothing on disk.
func startRedis(ctx context.Context, program string) (*process, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot find a free port: %w", err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, fmt.Errorf("cannot find a free port: %w", err)
	}
	p := &process{addr: addr}
	if p.dir, err = os.MkdirTemp("", "quiver-redis-"); err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	_, port, _ := strings.Cut(addr, ":")
	p.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", p.dir, "--daemonize", "no")
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start %s: %w", program, err), os.RemoveAll(p.dir))
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("%s does not listen at %s: %w", program, addr, err), p.stop())
		}
	}
}

// load sets key view:id to the finished vector of every row.
func (p *process) load(t *workload.Table) error {
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("cannot load Redis: %w", err)
	}
	defer c.Close()
	out, in := bufio.NewWriterSize(c, 256<<10), bufio.NewReaderSize(c, 64<<10)
	const pipeline = 1000
	var command, key, value []byte
	bulk := func(dst, text []byte) []byte {
		dst = strconv.AppendInt(append(dst, '$'), int64(len(text)), 10)
		return append(append(append(dst, "\r\n"...), text...), "\r\n"...)
	}
	for i := uint32(0); i < t.Rows; {
		sent := 0
		for ; sent < pipeline && i < t.Rows; sent++ {
			key = strconv.AppendUint(append(append(key[:0], t.View...), ':'), uint64(i), 10)
			value = t.AppendVector(value[:0], i)
			command = bulk(bulk(append(command[:0], "*3\r\n$3\r\nSET\r\n"...), key), value)
			if _, err := out.Write(command); err != nil {
				return fmt.Errorf("cannot load Redis: %w", err)
			}
			i++
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("cannot load Redis: %w", err)
		}
		for range sent {
			line, err := in.ReadString('\n')
			if err != nil {
				return fmt.Errorf("cannot load Redis: %w", err)
			}
			if line != "+OK\r\n" {
				return fmt.Errorf("cannot load Redis: it says %s", strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// startService starts a service that prints its address, and ends when its input does.
func startService(ctx context.Context, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not say where it listens: %w", program, err), p.stop())
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}
