package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	_ "google.golang.org/grpc/xds" // The scheme xds, with the bootstrap that GRPC_XDS_BOOTSTRAP names.
)

// opaque is a codec for messages that are bytes nobody looks into.
type opaque struct{}

func (opaque) Name() string { return "opaque" }

func (opaque) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (opaque) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// runGRPC uses one grpc-go client connection as it comes.
func runGRPC(given load) (*outcome, error) {
	var dials atomic.Uint64
	dialer := func(ctx context.Context, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	connection, err := grpc.NewClient(given.grpcTarget(), append(given.balancing(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dialer),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(opaque{})))...)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	send := map[string]func(context.Context, *grpc.ClientConn, string) error{"unary": unary, "server-stream": serverStream}[given.kind]
	if send == nil {
		return nil, fmt.Errorf("unknown kind %q", given.kind)
	}
	result := drive(given, func(id string) error { return call(connection, id, send) })
	result.Dials = dials.Load()
	return result, nil
}

func (given *load) grpcTarget() string {
	if strings.Contains(given.target, "://") {
		return given.target
	}
	return "passthrough:///" + given.target
}

func (given *load) balancing() []grpc.DialOption {
	if !given.roundRobin {
		return nil
	}
	return []grpc.DialOption{grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`)}
}

func call(connection *grpc.ClientConn, id string, send func(context.Context, *grpc.ClientConn, string) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", id, "x-stream-millis", fmt.Sprint(streamMillis))
	return send(ctx, connection, id)
}

func unary(ctx context.Context, connection *grpc.ClientConn, id string) error {
	question, answer := []byte(id), []byte{}
	if err := connection.Invoke(ctx, "/evenkeel.Echo/Unary", &question, &answer); err != nil {
		return err
	}
	if string(answer) != id {
		return fmt.Errorf("a wrong answer of %d bytes", len(answer))
	}
	return nil
}

func serverStream(ctx context.Context, connection *grpc.ClientConn, id string) error {
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/evenkeel.Echo/Stream")
	if err != nil {
		return err
	}
	question := []byte(id)
	// An error here is io.EOF; the real one comes from RecvMsg.
	if err := stream.SendMsg(&question); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return receive(stream, id)
}

func receive(stream grpc.ClientStream, id string) error {
	for messages := 0; ; messages++ {
		var answer []byte
		err := stream.RecvMsg(&answer)
		switch {
		case errors.Is(err, io.EOF) && messages == streamMessages:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("the stream ended after %d messages", messages)
		case err != nil:
			return err
		case string(answer) != id:
			return fmt.Errorf("a wrong answer of %d bytes", len(answer))
		}
	}
}
