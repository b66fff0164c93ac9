package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// outcome is what became of a load; the test library reads the same fields.
type outcome struct {
	Requests  uint64            `json:"requests"`
	OK        uint64            `json:"ok"`
	Failed    uint64            `json:"failed"`
	Errors    map[string]uint64 `json:"errors"`
	FailedIDs []string          `json:"failed_ids"`
	Dials     uint64            `json:"dials"`
}

// drive calls send for every id, as many at a time as the load says.
func drive(given load, send func(id string) error) *outcome {
	result := &outcome{Errors: map[string]uint64{}, FailedIDs: []string{}}
	var next, sent atomic.Uint64
	var failures sync.Mutex
	var callers sync.WaitGroup
	for range given.concurrency {
		callers.Go(func() {
			for number := next.Add(1) - 1; given.wants(number); number = next.Add(1) - 1 {
				id := fmt.Sprintf("%s%d", given.prefix, number)
				sent.Add(1)
				if err := send(id); err != nil {
					failures.Lock()
					result.fail(id, err)
					failures.Unlock()
				}
				time.Sleep(time.Duration(given.pauseMillis) * time.Millisecond)
			}
		})
	}
	callers.Wait()
	result.Requests = sent.Load()
	result.OK = result.Requests - result.Failed
	return result
}

func (result *outcome) fail(id string, err error) {
	result.Failed++
	result.Errors[err.Error()]++
	result.FailedIDs = append(result.FailedIDs, id)
}
