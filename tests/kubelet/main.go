// Forwards ports of pods as a kubelet does, with Kubernetes' own code: what `kubectl port-forward`, istioctl and
// `evenkeel check` reach through the API server.
//
// Without a container runtime a pod is a process in the network of its node, alone there: a port of the pod is one of
// this loopback address.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

// The kubelet's own defaults.
const (
	idleTimeout     = 4 * time.Hour
	creationTimeout = 30 * time.Second
)

func main() {
	address := flag.String("address", "", "IP:PORT to serve, as the Node's daemonEndpoints say")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	flag.Parse()
	handler := http.NewServeMux()
	handler.HandleFunc("/portForward/{namespace}/{pod}", serve)
	// A connection of HTTP/2 cannot become one of SPDY or WebSocket.
	none := map[string]func(*http.Server, *tls.Conn, http.Handler){}
	server := http.Server{Addr: *address, Handler: handler, TLSNextProto: none}
	log.Fatal(server.ListenAndServeTLS(*certificate, *key))
}

func serve(writer http.ResponseWriter, request *http.Request) {
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(writer, request, loopback{}, request.PathValue("pod"), "", options, idleTimeout,
		creationTimeout, portforward.SupportedProtocols)
}

type loopback struct{}

// PortForward carries bytes until the pod has said everything.
func (loopback) PortForward(_ context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("failed to connect to port %d of pod %s: %w", port, pod, err)
	}
	defer connection.Close()
	go func() {
		_, _ = io.Copy(connection, stream)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, connection)
	return err
}
