//go:build !linux

package folderfs

// born has nothing to tell here.
func born(string, uint64) int64 { return 0 }
