package socks

import (
	"net/http"

	"github.com/nhctl/nhctl/nhctl/internal/gatewayclient"
	"github.com/nhctl/nhctl/sidecar/agent/request"
)

// The replies of SOCKS5 (RFC 1928).
const (
	succeeded          = 0
	generalFailure     = 1
	notAllowed         = 2
	networkUnreachable = 3
	hostUnreachable    = 4
	connectionRefused  = 5
	ttlExpired         = 6
	commandUnknown     = 7
	addressUnknown     = 8
)

// reply says in the words of each protocol why something was not reached. proxyStatus is an error of RFC 9209.
type reply struct {
	socks       byte
	status      int
	proxyStatus string
}

// replyTo is the reply for a code.
func replyTo(code string) reply {
	known, ok := map[string]reply{
		request.Refused:         {connectionRefused, http.StatusBadGateway, "connection_refused"},
		request.Unreachable:     {hostUnreachable, http.StatusBadGateway, "destination_ip_unroutable"},
		request.TimedOut:        {ttlExpired, http.StatusGatewayTimeout, "connection_timeout"},
		request.NoSuchName:      {hostUnreachable, http.StatusBadGateway, "dns_error"},
		request.Resolver:        {generalFailure, http.StatusBadGateway, "dns_error"},
		request.Denied:          {notAllowed, http.StatusForbidden, "destination_ip_prohibited"},
		request.Invalid:         {addressUnknown, http.StatusBadRequest, "http_request_error"},
		gatewayclient.NoGateway: {networkUnreachable, http.StatusServiceUnavailable, "destination_unavailable"},
	}[code]
	if !ok {
		return reply{generalFailure, http.StatusBadGateway, "proxy_internal_error"}
	}
	return known
}
