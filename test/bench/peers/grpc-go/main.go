// The bench's peers on grpc-go, which kubelets and most container runtimes are made with: a backend with fixed answers
// and a load client. Questions come as lines of JSON on standard input, each is answered by a line on standard output.
// The messages are made by the bench (canned.ts) and read from a file, so that both pairs of peers send the same bytes.
//
//	grpc-go-peers backend ANSWERS SOCKET
//	grpc-go-peers client EXCHANGES
//	grpc-go-peers version
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// rawCodec passes messages as they are. Under the name of the usual codec it takes its place in both roles.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(message interface{}) ([]byte, error) { return *message.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, message interface{}) error {
	*message.(*[]byte) = data
	return nil
}

func main() {
	encoding.RegisterCodec(rawCodec{})
	args := os.Args[1:]
	switch {
	case len(args) == 3 && args[0] == "backend":
		runBackend(args[1], args[2])
	case len(args) == 2 && args[0] == "client":
		runClient(args[1])
	case len(args) == 1 && args[0] == "version":
		fmt.Println(grpc.Version)
	default:
		fail(fmt.Errorf("usage: backend ANSWERS SOCKET | client EXCHANGES | version"))
	}
}

// answerLines calls answer for each line of standard input, until that ends: the bench is gone.
func answerLines(answer func(line []byte) (interface{}, error)) {
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		result, err := answer(line)
		if err == nil {
			err = output.Encode(result)
		}
		if err != nil {
			fail(err)
		}
	}
}

// readJSON fills value from a file. Messages in it are base64, as encoding/json has it for []byte.
func readJSON(file string, value interface{}) {
	bytes, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(bytes, value)
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
