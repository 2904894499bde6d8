// Package footprint gives back to the system what a process needs no longer.
package footprint
