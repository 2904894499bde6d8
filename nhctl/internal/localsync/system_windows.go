package localsync

import "os"

// systemFolders are those of Windows and its programs.
func systemFolders() []string {
	folders := []string{`C:\Windows`, `C:\Program Files`, `C:\Program Files (x86)`, `C:\ProgramData`}
	for _, name := range []string{"SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "ProgramData"} {
		if folder := os.Getenv(name); folder != "" {
			folders = append(folders, folder)
		}
	}
	return folders
}

// sourceFolders are the places in system folders that people keep sources in: none here.
var sourceFolders [0]string
