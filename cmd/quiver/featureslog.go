package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"quiver/engine/featurelog"
)

type featuresLogCmd struct {
	List   featuresListCmd   `cmd:"" help:"List the files, by workflow and hour."`
	Head   featuresHeadCmd   `cmd:"" help:"Show the first rows."`
	Export featuresExportCmd `cmd:"" help:"Write rows as JSON lines."`
}

// chosen are the flags that choose files. Complete files never change, so they are read
// in place, also while a server writes further ones.
type chosen struct {
	Data     string `required:"" help:"Data folder of the server, which may be running." placeholder:"DIR"`
	Workflow string `help:"Only this workflow." placeholder:"W"`
	From     string `help:"First hour, UTC." placeholder:"2026-11-21T05"`
	Until    string `help:"Last hour, UTC." placeholder:"2026-11-21T06"`
}

func (c *chosen) files() ([]featurelog.File, error) {
	for flag, hour := range map[string]string{"--from": c.From, "--until": c.Until} {
		if _, err := time.Parse("2006-01-02T15", hour); hour != "" && err != nil {
			return nil, &usageError{fmt.Sprintf("%s: %q is not an hour such as 2026-11-21T05", flag, hour)}
		}
	}
	if _, err := os.Stat(c.Data); err != nil {
		return nil, fmt.Errorf("cannot open the data folder: %w", err)
	}
	return featurelog.List(filepath.Join(c.Data, featuresDir), featurelog.Filter{Workflow: c.Workflow, From: c.From, Until: c.Until})
}

type featuresListCmd struct {
	chosen
	format
}

func (featuresListCmd) Help() string {
	return `Examples:
  quiver features-log list --data ./data
  quiver features-log list --data ./data --workflow default --from 2026-11-21T00 --output json`
}

// Run lists files.
func (c *featuresListCmd) Run(a *app) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	if files == nil {
		files = []featurelog.File{}
	}
	t := newTable("WORKFLOW", "HOUR", "ROWS", "BYTES", "FILE")
	var rows int64
	for _, f := range files {
		t.add(f.Workflow, f.Hour, strconv.FormatInt(f.Rows, 10), strconv.FormatInt(f.Bytes, 10), f.Path)
		rows += f.Rows
	}
	t.foot = fmt.Sprintf("%d rows in %d files", rows, len(files))
	return a.results(c.Output).print(files, t)
}

type featuresHeadCmd struct {
	chosen
	Rows int `short:"n" default:"10" help:"How many rows." placeholder:"N"`
}

func (featuresHeadCmd) Help() string {
	return `Rows are JSON objects, one per line.

Examples:
  quiver features-log head --data ./data
  quiver features-log head --data ./data --workflow default -n 1`
}

// Run prints the first rows.
func (c *featuresHeadCmd) Run(a *app) error {
	if c.Rows < 0 {
		return &usageError{"-n must not be negative"}
	}
	_, err := c.copy(a.stdout, c.Rows)
	return err
}

type featuresExportCmd struct {
	chosen
	To string `help:"File to write, which must not exist; standard output by default." placeholder:"FILE"`
}

func (featuresExportCmd) Help() string {
	return `Rows are JSON objects, one per line. The files themselves are Parquet: programs that read
folders of Parquet, such as pandas.read_parquet, can be pointed at DIR/features-log.

Examples:
  quiver features-log export --data ./data --workflow default > rows.jsonl
  quiver features-log export --data ./data --from 2026-11-21T00 --until 2026-11-21T23 --to rows.jsonl`
}

// Run exports rows.
func (c *featuresExportCmd) Run(a *app) error {
	if c.To == "" {
		_, err := c.copy(a.stdout, -1)
		return err
	}
	f, err := os.OpenFile(c.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	n, err := c.copy(f, -1)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%d rows written to %s\n", n, c.To)
	return nil
}

// copy writes rows as JSON lines, at most most of them if that is not negative.
func (c *chosen) copy(w io.Writer, most int) (n int, err error) {
	files, err := c.files()
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	for _, f := range files {
		if n == most {
			break
		}
		err := featurelog.Read(f, func(row []byte) error {
			if n == most {
				return featurelog.ErrStop
			}
			n++
			_, err := out.Write(append(row, '\n'))
			return err
		})
		if err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}
