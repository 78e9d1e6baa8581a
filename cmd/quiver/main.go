// Quiver is an online feature server: one program that keeps rows of feature groups on
// disk, answers feature vectors over HTTP, and is its own command line.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings handed in. It returns the exit code: 0, 1 for a
// failure, 2 for wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	// The first signal asks for an orderly end; the second ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	var commands cli
	parser, err := kong.New(&commands,
		kong.Name("quiver"),
		kong.Description("Online feature server. Begin with `quiver demo`."),
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return report(stderr, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return report(stderr, usage(err))
	}
	return report(stderr, command.Run(&app{stdout: stdout, stderr: stderr, program: os.Args[0]}))
}
