// The load client: slices of load, timed and checked, as slice.ts has them.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

const (
	connectTimeout = 5 * time.Second
	largestMessage = 64 << 20
	maxErrors      = 5
)

// exchange is a request and what each backend answers.
type exchange struct {
	Request []byte
	Replies [][]byte
}

// order is one slice the bench asks for; see SliceOrder in load-client.ts.
type order struct {
	Workload   struct{ Name, Path string }
	InFlight   int
	DurationMs float64
	IsLeadIn   bool
	Sockets    []string
}

// sliceResult is what a slice measured; see SliceResult in slice.ts.
type sliceResult struct {
	Calls     int      `json:"calls"`
	ElapsedMs float64  `json:"elapsedMs"`
	P50Us     float64  `json:"p50Us"`
	P99Us     float64  `json:"p99Us"`
	Errors    []string `json:"errors"`
}

func runClient(exchangesFile string) {
	var exchanges map[string][]exchange
	readJSON(exchangesFile, &exchanges)
	connections := map[string]*grpc.ClientConn{}
	answerLines(func(line []byte) (interface{}, error) {
		var asked order
		if err := json.Unmarshal(line, &asked); err != nil {
			return nil, err
		}
		one := slice{path: asked.Workload.Path, exchanges: exchanges[asked.Workload.Name], inFlight: asked.InFlight,
			duration: time.Duration(asked.DurationMs * float64(time.Millisecond))}
		for _, socket := range asked.Sockets {
			if connections[socket] == nil {
				connection, err := connect(socket)
				if err != nil {
					return sliceResult{Errors: []string{err.Error()}}, nil
				}
				connections[socket] = connection
			}
			one.connections = append(one.connections, connections[socket])
		}
		if asked.IsLeadIn {
			first := one
			first.inFlight, first.duration, first.comparesBytes = 1, 0, true
			if result := first.run(); len(result.Errors) > 0 {
				return result, nil
			}
		}
		return one.run(), nil
	})
}

func connect(socket string) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return grpc.DialContext(ctx, "passthrough:///localhost", grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithContextDialer(dial), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestMessage)))
}

// slice is a number of slots, each with one call in flight, for a given time.
type slice struct {
	path      string
	exchanges []exchange
	inFlight  int
	duration  time.Duration
	// One connection to a proxy; or one to each backend, then a call asks all of them at once and waits for all.
	connections []*grpc.ClientConn
	// Compares whole answers instead of their sizes only: for a first call, outside the times.
	comparesBytes bool
	started       int64
}

func (s *slice) run() sliceResult {
	startedAt := time.Now()
	deadline := startedAt.Add(s.duration)
	times := make([][]time.Duration, s.inFlight)
	failures := make([][]string, s.inFlight)
	var slots sync.WaitGroup
	for slot := 0; slot < s.inFlight; slot++ {
		slots.Add(1)
		go func(slot int) {
			defer slots.Done()
			for {
				calledAt := time.Now()
				err := s.call(int(atomic.AddInt64(&s.started, 1)))
				endedAt := time.Now()
				times[slot] = append(times[slot], endedAt.Sub(calledAt))
				if err != nil {
					failures[slot] = append(failures[slot], err.Error())
				}
				if !endedAt.Before(deadline) || len(failures[slot]) >= maxErrors {
					return
				}
			}
		}(slot)
	}
	slots.Wait()
	result := sliceResult{ElapsedMs: time.Since(startedAt).Seconds() * 1e3, Errors: []string{}}
	var all []time.Duration
	for slot := range times {
		all = append(all, times[slot]...)
		result.Errors = append(result.Errors, failures[slot]...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	result.Calls, result.P50Us, result.P99Us = len(all), quantileUs(all, 0.5), quantileUs(all, 0.99)
	return result
}

// call makes one call and holds the answer against what must come back.
func (s *slice) call(number int) error {
	one := s.exchanges[number%len(s.exchanges)]
	if len(s.connections) == 1 {
		return s.invoke(number, s.connections[0], one.Request, one.Replies...)
	}
	results := make([]error, len(s.connections))
	var others sync.WaitGroup
	for index := 1; index < len(s.connections); index++ {
		others.Add(1)
		go func(index int) {
			defer others.Done()
			results[index] = s.invoke(number, s.connections[index], one.Request, one.Replies[index])
		}(index)
	}
	results[0] = s.invoke(number, s.connections[0], one.Request, one.Replies[0])
	others.Wait()
	for _, err := range results {
		if err != nil {
			return err
		}
	}
	return nil
}

// invoke makes a call whose reply must be all of expected, one after the other.
func (s *slice) invoke(number int, connection *grpc.ClientConn, request []byte, expected ...[]byte) error {
	// As from a kubelet: hardly two requests carry the same time.
	timeout := 100*time.Second - time.Duration(number%256)*7*time.Microsecond
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var reply []byte
	if err := connection.Invoke(ctx, s.path, &request, &reply); err != nil {
		return err
	}
	size := 0
	for _, part := range expected {
		size += len(part)
	}
	if len(reply) != size {
		return fmt.Errorf("%d bytes came, not %d", len(reply), size)
	}
	if s.comparesBytes && !bytes.Equal(reply, bytes.Join(expected, nil)) {
		return fmt.Errorf("the answer has other bytes than it must")
	}
	return nil
}

// quantileUs is as quantile in statistics.ts, in microseconds.
func quantileUs(sorted []time.Duration, rank float64) float64 {
	place := float64(len(sorted)-1) * rank
	below := int(place)
	above := below + 1
	if above == len(sorted) {
		above = below
	}
	low, high := float64(sorted[below]), float64(sorted[above])
	return (low + (high-low)*(place-float64(below))) / 1e3
}
