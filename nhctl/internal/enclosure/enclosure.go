// Package enclosure runs a command in a network and a mount namespace of its own, without root where the system allows
// it. The command keeps its user, its folder, its terminal and its process group. All packets of its network come out
// of a TUN device, whose descriptor is the caller's; sockets of its loopback can be had from outside.
//
// A small helper, which is nhctl itself, stays inside: it makes the device, starts the command, and opens sockets. It
// ends all that the command has left when either of the three ends. It knows nothing of clusters.
//
// The device's addresses and the command's environment come after the rest: an enclosure can be made while its caller
// still finds them out.
package enclosure

import "os"

// Argument is the first argument of an nhctl that is the helper.
const Argument = "__enclosure"

// Options say what an enclosure is.
type Options struct {
	// Program is nhctl's own file.
	Program string
	// Argv is the command, Dir its folder. Env is the helper's environment, and the command's where that is not known
	// better later.
	Argv []string
	Env  []string
	Dir  string
	// The command's own streams; nil means those of this process.
	Stdin, Stdout, Stderr *os.File
	// MTU is the device's.
	MTU int
	// ResolvConf is the text of the file, inside.
	ResolvConf string
}

// Point is where something appears inside that the computer's own files lack.
type Point struct {
	// Path is absolute and clean. File says that a file is to appear there, and not a directory.
	Path string `json:"path"`
	File bool   `json:"file,omitempty"`
}

// Status says how a command has ended.
type Status struct {
	// Code is its exit code; 128 and the signal's number where a signal has ended it, as shells have it.
	Code int `json:"code"`
	// Signal is the number of the signal that has ended it, or 0.
	Signal int `json:"signal,omitempty"`
}
