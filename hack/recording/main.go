// Command recording draws a recording of a terminal as an animated picture. `make recording` makes both.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
	"github.com/nhctl/nhctl/hack/recording/svg"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: recording RECORDING.cast PICTURE.svg")
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := asciicast.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	picture, err := svg.Draw(r)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[1], []byte(picture), 0o644)
}
