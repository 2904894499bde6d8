//go:build !unix

package folderfs

// severalNames knows nothing of hard links here.
func severalNames(any) (fileID, bool) { return fileID{}, false }
