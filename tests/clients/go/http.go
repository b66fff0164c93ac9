package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// runHTTP uses net/http as it comes, with a pool that holds one idle connection for each caller.
func runHTTP(given load, http2 bool) (*outcome, error) {
	var dials atomic.Uint64
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = given.concurrency
	transport.MaxIdleConns = 0
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	client := &http.Client{Transport: transport, Timeout: requestTimeout}
	result := drive(given, func(id string) error { return exchange(client, given, id) })
	result.Dials = dials.Load()
	return result, nil
}

func exchange(client *http.Client, given load, id string) error {
	request, err := newRequest(given)
	if err != nil {
		return err
	}
	request.Header.Set("X-Request-Id", id)
	response, err := client.Do(request)
	if err != nil {
		// The text begins with method and address; the cause is what repeats.
		return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), given.target, "TARGET"))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return judge(given.kind, id, response, body)
}

func newRequest(given load) (*http.Request, error) {
	base := "http://" + given.target
	switch given.kind {
	case "get":
		return http.NewRequest(http.MethodGet, base+"/", nil)
	case "download":
		return http.NewRequest(http.MethodGet, fmt.Sprintf("%s/bytes/%d", base, download), nil)
	case "trailers":
		request, err := http.NewRequest(http.MethodGet, base+"/trailers", nil)
		if err == nil {
			request.Header.Set("TE", "trailers")
		}
		return request, err
	case "post":
		return http.NewRequest(http.MethodPost, base+"/", bytes.NewReader(make([]byte, small)))
	case "post-once":
		// A reader of unknown type: net/http cannot set GetBody, so it cannot send the body a second time.
		request, err := http.NewRequest(http.MethodPost, base+"/", struct{ io.Reader }{bytes.NewReader(make([]byte, small))})
		if err == nil {
			request.ContentLength = small
		}
		return request, err
	case "upload":
		return http.NewRequest(http.MethodPost, base+"/", bytes.NewReader(make([]byte, upload)))
	}
	return nil, fmt.Errorf("unknown kind %q", given.kind)
}

func judge(kind, id string, response *http.Response, body []byte) error {
	right := map[string]func() bool{
		"get":       func() bool { return string(body) == "0\n" },
		"post":      func() bool { return string(body) == fmt.Sprintln(small) },
		"post-once": func() bool { return string(body) == fmt.Sprintln(small) },
		"upload":    func() bool { return string(body) == fmt.Sprintln(upload) },
		"download":  func() bool { return len(body) == download },
		"trailers":  func() bool { return response.Trailer.Get("X-Request-Id") == id },
	}[kind]
	if response.StatusCode != http.StatusOK || !right() {
		return fmt.Errorf("status %d, body of %d bytes", response.StatusCode, len(body))
	}
	return nil
}
