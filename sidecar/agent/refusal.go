package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// refusal says why something could not be reached, in a way that programs tell apart.
func refusal(err error) *wire.Refusal { return &wire.Refusal{Code: code(err), Reason: err.Error()} }

func code(err error) string {
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return request.NoSuchName
	case errors.As(err, &dns):
		return request.Resolver
	case errors.Is(err, syscall.ECONNREFUSED):
		return request.Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return request.Unreachable
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return request.Denied
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return request.TimedOut
	}
	return request.Failed
}
