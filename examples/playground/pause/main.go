// Command pause holds a pod's namespaces: it waits for a signal, and reaps what is left to it. With --write FILE it
// writes a file first and says whether it could, which shows that a volume works.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--write" {
		if err := os.WriteFile(os.Args[2], []byte("written\n"), 0o600); err != nil {
			fmt.Println("can't write:", err)
			os.Exit(1)
		}
		fmt.Println("wrote", os.Args[2])
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
