// Command evenkeel-client drives load with Go's own HTTP clients and with grpc-go, each with its defaults.
//
// It prints one line of JSON: what became of the requests.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// requestTimeout is the time after which a request has failed.
const requestTimeout = 30 * time.Second

const (
	small          = 5
	upload         = 200_000
	download       = 1_000_000
	streamMillis   = 1_500
	streamMessages = streamMillis/100 + 1
)

// load says how much of what is sent where.
type load struct {
	target, kind, prefix string
	requests             uint64
	concurrency          int
	steady, roundRobin   bool
	pauseMillis          uint
	stopped              context.Context
}

// wants says whether the request of this number is to be sent.
func (given *load) wants(number uint64) bool {
	if given.steady {
		return given.stopped.Err() == nil
	}
	return number < given.requests
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: evenkeel-client http1|http2|grpc [flags]"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var given load
	flags.StringVar(&given.target, "target", "", "HOST:PORT; for grpc also a target with a scheme, such as xds:///NAME")
	flags.StringVar(&given.kind, "kind", "get", "get, post, post-once, upload, download, trailers, unary, server-stream")
	flags.StringVar(&given.prefix, "prefix", "", "start of every x-request-id")
	flags.Uint64Var(&given.requests, "requests", 1, "requests in all")
	flags.IntVar(&given.concurrency, "concurrency", 1, "requests at a time")
	flags.BoolVar(&given.steady, "steady", false, "send until SIGTERM, whatever -requests says")
	flags.UintVar(&given.pauseMillis, "pause-millis", 0, "milliseconds between an answer and the next request")
	flags.BoolVar(&given.roundRobin, "round-robin", false, "grpc: balance over all addresses unless the resolver says otherwise")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	// The signal is caught before the first request, so that whoever sees one arrive may send it.
	stopped, release := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer release()
	given.stopped = stopped
	result, err := run(os.Args[1], given)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func run(client string, given load) (*outcome, error) {
	switch client {
	case "http1":
		return runHTTP(given, false)
	case "http2":
		return runHTTP(given, true)
	case "grpc":
		return runGRPC(given)
	}
	return nil, fmt.Errorf("unknown client %q: use http1, http2 or grpc", client)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
