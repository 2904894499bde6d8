package sharedfile

import "os"

// own does nothing: a new file belongs to whom its directory says.
func own(*os.File, os.FileInfo) error { return nil }
