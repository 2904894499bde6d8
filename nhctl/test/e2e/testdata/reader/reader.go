// Command reader looks at files in the dev container, and prints when it saw what it waits for, in nanoseconds of the clock that it shares
// with the writer:
//
//	reader FILE              each whole new content of a file, with its number
//	reader all DIR N TEXT    all N files of a folder begin with a text
//	reader first FILE TEXT   a file begins with a text
//	reader size FILE BYTES   a file has a size
//	reader sink PORT BYTES   so many bytes came to a port
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	args := os.Args[1:]
	if args[0] == "sink" {
		sink(args[1], args[2])
		return
	}
	fmt.Println("watching")
	switch args[0] {
	case "all":
		n, _ := strconv.Atoi(args[2])
		until(func() bool {
			files, _ := filepath.Glob(filepath.Join(args[1], "*"))
			for _, f := range files {
				if !begins(f, args[3]) {
					return false
				}
			}
			return len(files) == n
		})
	case "first":
		until(func() bool { return begins(args[1], args[2]) })
	case "size":
		until(func() bool {
			info, err := os.Stat(args[1])
			return err == nil && strconv.FormatInt(info.Size(), 10) == args[2]
		})
	default:
		watch(args[0])
	}
}

func begins(file, text string) bool {
	data, err := os.ReadFile(file)
	return err == nil && strings.HasPrefix(string(data), text)
}

// until waits for something, and prints when it was so.
func until(so func() bool) {
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		if so() {
			fmt.Println(time.Now().UnixNano())
			return
		}
	}
}

func sink(port, bytes string) {
	want, _ := strconv.ParseInt(bytes, 10, 64)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("watching")
	conn, err := l.Accept()
	if err == nil {
		_, err = io.CopyN(io.Discard, conn, want)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(time.Now().UnixNano())
}

// watch prints each whole new content of a file.
func watch(file string) {
	const size = 2048
	last := ""
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		data, err := os.ReadFile(file)
		if err != nil || len(data) != size {
			continue
		}
		number, _, _ := strings.Cut(string(data), " ")
		if number == "end" {
			return
		}
		if number != last {
			fmt.Println(number, time.Now().UnixNano())
			last = number
		}
	}
}
