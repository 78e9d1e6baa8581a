package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"quiver/bench"
	"quiver/bench/lab"
)

// The targets that stand for the service in Python, see tools/peers/predict.py.
const (
	pythonPlain lab.Target = "python plain"
	pythonTuned lab.Target = "python tuned"
)

// predictions compares the product with a service in Python over the same ONNX model:
// 100 trees over 20 features, 10 of which the request gives and 10 a table.
func predictions(ctx context.Context, flags *flag.FlagSet, args []string) (err error) {
	short := flags.Bool("short", false, "fewer repetitions")
	rows := flags.Uint("rows", 100_000, "rows that are looked up")
	library := flags.String("onnx", "", "the ONNX Runtime library")
	folder := flags.String("fixtures", "engine/predict/testdata", "the folder of the models")
	service := flags.String("service", "", "the command that starts the service in Python")
	model := flags.String("model", "", "the files that it serves")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command := strings.Fields(*service)
	if *library == "" || len(command) == 0 {
		return errors.New("say where ONNX Runtime is and how the service in Python is started: tools/peers/predict does")
	}
	g := lab.Grid{
		Targets: []lab.Target{lab.Ceiling, lab.ONNXBare, lab.ONNX, lab.Trees, pythonPlain, pythonTuned}, Connections: []int{8}, Repeat: 5,
		WarmUp: 200 * time.Millisecond, Closed: 2 * time.Second, Open: 2 * time.Second, Progress: progress,
		Shapes: []lab.Shape{lab.Prediction},
	}
	if *short {
		g.Repeat, g.Closed, g.Open = 3, 500*time.Millisecond, 500*time.Millisecond
	}
	l, err := lab.StartPredict(ctx, lab.PredictConfig{Folder: *folder, Library: *library, Rows: uint32(*rows)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, t := range []lab.Target{pythonPlain, pythonTuned} {
		_, how, _ := strings.Cut(string(t), " ")
		front, err := startService(ctx, command[0], slices.Concat(command[1:], []string{how}, strings.Fields(*model))...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, front.stop()) }()
		l.Join(t, front.addr, bench.FamilyMeter(front.cmd.Process.Pid))
	}
	cells, err := l.RunGrid(ctx, g)
	if err != nil {
		return err
	}
	if err := lab.WriteTable(os.Stdout, cells); err != nil {
		return err
	}
	for _, p := range []lab.Target{pythonPlain, pythonTuned} {
		base := find(cells, lab.Prediction.Name, p, 8)
		for _, t := range []lab.Target{lab.ONNX, lab.Trees} {
			c := find(cells, lab.Prediction.Name, t, 8)
			fmt.Printf("%s: %.1f times the predictions of %s, with 1/%.1f of its CPU time and %.2f of its p99\n",
				t, c.PerSecond/base.PerSecond, p, base.CPU/c.CPU, c.P99/base.P99)
		}
	}
	fmt.Printf("onnx: %.1f us of CPU time beyond HTTP with a fixed body and a call of the model\n",
		find(cells, lab.Prediction.Name, lab.ONNX, 8).CPU-find(cells, lab.Prediction.Name, lab.ONNXBare, 8).CPU)
	return nil
}
