//go:build darwin || freebsd || openbsd || netbsd || dragonfly

package watch

const kqueue = true
