package main

import (
	"io"
	"os"
)

// cli lists the commands; each is in a file of its own.
type cli struct {
	Demo        demoCmd        `cmd:"" help:"Load real demo data, serve it, and print requests to try."`
	Serve       serveCmd       `cmd:"" help:"Serve the APIs from a data folder."`
	Plan        planCmd        `cmd:"" help:"Show what applying definitions would change."`
	Apply       applyCmd       `cmd:"" help:"Add and update definitions."`
	Rollback    rollbackCmd    `cmd:"" help:"Go back to earlier definitions."`
	Remove      removeCmd      `cmd:"" help:"Remove one definition."`
	Definitions definitionsCmd `cmd:"" help:"List what is defined."`
	Branch      branchCmd      `cmd:"" help:"List, make and delete branches of a store."`
	Load        loadCmd        `cmd:"" help:"Load CSV, JSONL or Parquet files into a group."`
	Get         getCmd         `cmd:"" help:"Read one feature vector."`
	Put         putCmd         `cmd:"" help:"Write one row."`
	Delete      deleteCmd      `cmd:"" help:"Delete one row."`
	FeaturesLog featuresLogCmd `cmd:"" name:"features-log" help:"List, show and export features logged by extract."`
	Services    servicesCmd    `cmd:"" help:"Services of the Dataiku API: generations, mapping, import."`
	Key         keyCmd         `cmd:"" help:"Make, list and revoke API keys."`
	Bench       benchCmd       `cmd:"" help:"Generate load on a running server and report latencies."`
	Tune        tuneCmd        `cmd:"" help:"Measure this machine and recommend settings."`
	Version     versionCmd     `cmd:"" help:"Print the versions of the program and its formats."`
}

// app is what commands share.
type app struct {
	stdout, stderr io.Writer
	program        string // as it was called, for commands to paste
}

// results makes the output of a command's results.
func (a *app) results(format string) *output { return &output{w: a.stdout, json: format == "json"} }

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// format is the flag of commands that print results.
type format struct {
	Output string `short:"o" enum:"table,json" default:"table" help:"Print a table for people or json for programs." placeholder:"table|json"`
}
