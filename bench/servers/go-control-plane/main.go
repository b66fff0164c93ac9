// Command go-control-plane-server serves one service over EDS with go-control-plane, for `cargo xtask bench endpoints`.
//
// Once it listens it creates the Unix socket of -control, writes the address that it serves on as one line, and then
// changes one endpoint for every line that it reads. Each is answered with the time at which the change was begun, in
// nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
)

// What go-control-plane's own example server has. Its keepalive of 30 s and 5 s is left out: on a busy machine one push
// of a SnapshotCache takes longer.
const maxConcurrentStreams = 1_000_000

func main() {
	transport := flag.String("transport", "delta", "sotw (SnapshotCache) or delta (LinearCache)")
	name := flag.String("name", "", "name of the resource")
	endpoints := flag.Int("endpoints", 100, "number of endpoints")
	control := flag.String("control", "", "path of the control socket")
	flag.Parse()
	if err := run(*transport, newService(*name, *endpoints), *control); err != nil {
		log.Fatal(err)
	}
}

func run(transport string, service *service, control string) error {
	published, err := newPublished(transport)
	if err != nil {
		return err
	}
	if err := published.publish(service.assignment()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go serve(listener, published)
	return follow(control, listener.Addr(), func() error {
		service.change()
		return published.publish(service.assignment())
	})
}

func serve(listener net.Listener, published published) {
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(maxConcurrentStreams))
	xds := server.NewServer(context.Background(), published.cache(), nil)
	endpointservice.RegisterEndpointDiscoveryServiceServer(grpcServer, xds)
	log.Fatal(grpcServer.Serve(listener))
}

// follow obeys the control socket until its one client goes away.
func follow(path string, address net.Addr, change func() error) error {
	socket, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	client, err := socket.Accept()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(client, address); err != nil {
		return err
	}
	for lines := bufio.NewScanner(client); lines.Scan(); {
		begun, err := monotonicNanoseconds()
		if err != nil {
			return err
		}
		if err := change(); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(client, begun); err != nil {
			return err
		}
	}
	return nil
}

func monotonicNanoseconds() (int64, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano(), err
}
