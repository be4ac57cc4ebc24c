// The backend: answers every call with bytes made beforehand, as backend.ts does.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// answers is what a backend says.
type answers struct {
	// Replies by path, then by request; the request "" stands for all that are not named.
	Replies []struct {
		Path    string
		Request []byte
		Reply   []byte
	}
	// Replies of ListPath by the number of containers.
	ListPath string
	Lists    map[string][]byte
}

// question is what the bench asks a backend; see BackendQuestion in backend.ts.
type question struct {
	Kind       string
	Containers int
	Path       string
}

func runBackend(answersFile, socket string) {
	var canned answers
	readJSON(answersFile, &canned)
	replies := map[string]map[string][]byte{}
	counts := map[string]*int64{canned.ListPath: new(int64)}
	for _, one := range canned.Replies {
		if replies[one.Path] == nil {
			replies[one.Path] = map[string][]byte{}
			counts[one.Path] = new(int64)
		}
		replies[one.Path][string(one.Request)] = one.Reply
	}
	var list atomic.Value
	list.Store([]byte{})

	serve := func(_ interface{}, stream grpc.ServerStream) error {
		path, _ := grpc.MethodFromServerStream(stream)
		count := counts[path]
		if count == nil {
			return status.Errorf(codes.Unimplemented, "unknown method %s", path)
		}
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		atomic.AddInt64(count, 1)
		if path == canned.ListPath {
			reply := list.Load().([]byte)
			return stream.SendMsg(&reply)
		}
		reply, found := replies[path][string(request)]
		if !found {
			if reply, found = replies[path][""]; !found {
				return status.Error(codes.NotFound, "no such pod sandbox")
			}
		}
		return stream.SendMsg(&reply)
	}

	listener, err := net.Listen("unix", socket)
	if err != nil {
		fail(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(serve))
	go func() { fail(server.Serve(listener)) }()

	answerLines(func(line []byte) (interface{}, error) {
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			return nil, err
		}
		switch asked.Kind {
		case "list":
			message, found := canned.Lists[fmt.Sprint(asked.Containers)]
			if !found {
				return nil, fmt.Errorf("no list of %d containers", asked.Containers)
			}
			list.Store(message)
			return asked.Containers, nil
		case "count":
			if count := counts[asked.Path]; count != nil {
				return atomic.LoadInt64(count), nil
			}
			return 0, nil
		default:
			return nil, fmt.Errorf("unknown question %q", asked.Kind)
		}
	})
}
