// Command onefile watches a file, as many configs' readers do: with -dir the folder that it is in, else the file itself.
// It prints the file at each event that changes it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

func main() {
	dir := flag.Bool("dir", false, "watch the folder")
	flag.Parse()
	if err := watch(flag.Arg(0), *dir); err != nil {
		fmt.Fprintln(os.Stderr, "onefile:", err)
		os.Exit(1)
	}
}

func watch(file string, dir bool) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watcher.Close()
	watched := file
	if dir {
		watched = filepath.Dir(file)
	}
	if err := watcher.Add(watched); err != nil {
		return err
	}
	fmt.Println("watching")
	for {
		select {
		case e := <-watcher.Events:
			if filepath.Clean(e.Name) != filepath.Clean(file) || !e.Has(fsnotify.Write) && !e.Has(fsnotify.Create) {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Println(string(data))
		case err := <-watcher.Errors:
			return err
		}
	}
}
