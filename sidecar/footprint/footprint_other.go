//go:build !linux

package footprint

import "runtime/debug"

// Trim gives back unused heap.
func Trim() error {
	debug.FreeOSMemory()
	return nil
}
