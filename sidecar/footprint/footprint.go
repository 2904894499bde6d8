// Package footprint frees memory that a process needs no longer.
package footprint
