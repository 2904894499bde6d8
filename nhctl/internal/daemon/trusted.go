package daemon

import (
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
)

// trusted refuses a start whose config asks for what the user has not agreed to. A yes to all counts for this start; an answer to this very
// question is remembered.
func (d *Daemon) trusted(p rpc.Start, asks trust.Request) error {
	known, err := d.paths.Trust().Trusted(asks)
	switch {
	case known || p.Yes:
		return nil
	case err != nil:
		return fmt.Errorf("look up whether the config is trusted: %w", err)
	case p.Trust != asks.Hash():
		return asks.Problem()
	}
	if err := d.paths.Trust().Trust(asks); err != nil {
		return fmt.Errorf("remember that the config is trusted: %w", err)
	}
	return nil
}

// stillTrusted refuses a config that asks for other things by now than when the session began: it is read again for each command, and what
// it puts into its text goes to the pod.
func (s *session) stillTrusted(file *config.File, service *config.Service, before string) error {
	asks := trust.Of(file, service)
	if asks.Hash() == before {
		return nil
	}
	known, err := s.paths.Trust().Trusted(asks)
	if err != nil {
		return fmt.Errorf("look up whether the config is trusted: %w", err)
	}
	if !known {
		return asks.Problem()
	}
	return nil
}
