package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ports reads LOCAL:REMOTE, :REMOTE (a local port of 0: any free one) or PORT.
func Ports(text string) (local, remote int, err error) {
	left, right, both := strings.Cut(strings.TrimSpace(text), ":")
	if !both {
		right = left
	}
	if left != "" {
		local, err = port(left)
	}
	if err == nil {
		remote, err = port(right)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%q: want LOCAL:REMOTE, such as 8080:80, with ports from 1 to 65535", text)
	}
	return local, remote, nil
}

func port(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err == nil && (n < 1 || n > 65535) {
		err = errors.New("out of range")
	}
	return n, err
}
