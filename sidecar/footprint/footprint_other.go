//go:build !linux

package footprint

import "runtime/debug"

// Trim frees unused heap.
func Trim() error {
	debug.FreeOSMemory()
	return nil
}
