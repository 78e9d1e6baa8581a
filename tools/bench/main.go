// Command bench measures the product on this machine: `make bench`, `make bench-guard`,
// `make bench-goals`, `make bench-peers` and `make bench-predict` run it.
//
//	bench table [-short] [-json]     one table of everything
//	bench goals [-short] [-json]     other views, writes, loads, memory and start
//	bench guard [-update]            fails when something costs more than recorded
//	bench peers -redis R -service S  the product beside a service over Redis (tools/peers)
//	bench predict -onnx L -service S predictions beside a service in Python (tools/peers)
//	bench profile [-shape S] DIR     CPU profiles of the product under load
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"quiver/bench/lab"
)

func main() {
	lab.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to measure: table, goals, guard, peers, predict or profile")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "table":
		return table(ctx, flags, args[1:])
	case "goals":
		return goals(ctx, flags, args[1:])
	case "guard":
		return guard(ctx, flags, args[1:])
	case "peers":
		return peers(ctx, flags, args[1:])
	case "predict":
		return predictions(ctx, flags, args[1:])
	case "profile":
		return profile(ctx, flags, args[1:])
	default:
		return fmt.Errorf("there is no measurement %q; use table, goals, guard, peers, predict or profile", args[0])
	}
}
