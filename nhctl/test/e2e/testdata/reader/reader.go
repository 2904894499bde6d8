// Command reader watches one file in the dev container and prints, for each whole new content, its number and when it was seen, in
// nanoseconds of the clock that it shares with the writer.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	file, size, last := os.Args[1], 2048, ""
	fmt.Println("watching")
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
