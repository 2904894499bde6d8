package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// down ends the demo's sessions and removes the copied sources.
func (d *demo) down(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(d.bin, "nhctl")); err == nil {
		if out, err := d.output(ctx, "playground", "--name", d.playground, "status"); err == nil && out != "" {
			if err := d.run(ctx, "nhctl", "dev", "end", "--all", "-n", namespace); err != nil {
				fmt.Fprintln(os.Stderr, "note:", err)
			}
		}
		if err := d.stopIdleDaemon(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "note:", err)
		}
	}
	if err := os.RemoveAll(d.sources); err != nil {
		return err
	}
	fmt.Println("the demo's copy of the sources is gone, too:", d.sources)
	_ = os.Remove(filepath.Dir(d.sources)) // only when it is empty
	return nil
}

// stopIdleDaemon stops nhctl's daemon, unless it keeps sessions on other clusters.
func (d *demo) stopIdleDaemon(ctx context.Context) error {
	out, err := d.output(ctx, "nhctl", "daemon", "status", "-o", "json")
	if err != nil {
		return nil // no daemon runs
	}
	var status struct {
		Sessions []struct{} `json:"sessions"`
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return fmt.Errorf("read the daemon's status: %w", err)
	}
	if others := len(status.Sessions); others > 0 {
		fmt.Printf("\nnhctl's daemon goes on: it keeps %d sessions\n", others)
		return nil
	}
	return d.run(ctx, "nhctl", "daemon", "stop")
}
