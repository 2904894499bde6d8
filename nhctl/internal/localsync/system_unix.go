//go:build unix

package localsync

// systemFolders are the system's own, of Linux, macOS and the BSDs; those that are not there count for nothing.
func systemFolders() []string {
	return []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libexec", "/proc", "/run", "/sbin",
		"/sys", "/usr", "/var",
		"/nix", "/snap", "/System", "/Library", "/Applications", "/private/etc", "/private/var"}
}

// sourceFolders are the places in system folders that people keep sources in, or temporary copies of them.
var sourceFolders = [...]string{"/usr/src", "/usr/local/src", "/var/www", "/var/tmp", "/private/var/folders",
	"/private/var/tmp"}
